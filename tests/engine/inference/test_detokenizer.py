"""Detokenizer: whole characters, nothing of a stop string. Without torch: it needs a tokenizer only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from engine.inference.detokenizer import Detokenizer


class FastTokenizer:
    """A tokenizer with the one method of transformers that the detokenizer calls."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def decode(
        self, tokens: Sequence[int], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool
    ) -> str:
        assert not clean_up_tokenization_spaces
        return str(self.inner.decode(list(tokens), skip_special_tokens=skip_special_tokens))

    def encode(self, text: str) -> list[int]:
        return list(self.inner.encode(text, add_special_tokens=False).ids)


@pytest.fixture(scope="session")
def tokenizer(folders: Path) -> FastTokenizer:
    return FastTokenizer(Tokenizer.from_file(str(folders / "llama" / "tokenizer.json")))


def pieces(tokenizer: FastTokenizer, text: str, stops: Sequence[str] = ()) -> list[str]:
    detokenizer = Detokenizer(tokenizer, tokenizer.encode("Tell me. ->"), stops)
    texts = []
    for token in tokenizer.encode(text):
        texts.append(detokenizer.add(token))
        if detokenizer.stopped:
            return texts
    return [*texts, detokenizer.flush()]


@given(text=st.text(max_size=30))
def test_the_pieces_are_whole_characters_and_join_to_the_text(tokenizer: FastTokenizer, text: str) -> None:
    # the vocabulary lacks some bytes of rare characters, and U+FFFD stands for an incomplete character
    assume("\ufffd" not in text and tokenizer.inner.decode(tokenizer.encode(text)) == text)
    texts = pieces(tokenizer, text)
    assert "".join(texts) == text
    assert not any("\ufffd" in piece for piece in texts)


@given(text=st.text("ab 🦸", max_size=20), stop=st.text("ab 🦸", min_size=1, max_size=4))
def test_the_text_ends_before_the_stop(tokenizer: FastTokenizer, text: str, stop: str) -> None:
    assert "".join(pieces(tokenizer, text, [stop])) == text.partition(stop)[0]


@given(text=st.text("ab 🦸", max_size=20), stops=st.lists(st.text("ab 🦸", min_size=1, max_size=4)))
def test_no_stop_is_in_the_text(tokenizer: FastTokenizer, text: str, stops: list[str]) -> None:
    returned = "".join(pieces(tokenizer, text, stops))
    assert text.startswith(returned)
    assert not any(stop in returned for stop in stops)
    assert returned == text or any(stop in text for stop in stops)


def test_only_the_start_of_a_stop_is_held_back(tokenizer: FastTokenizer) -> None:
    detokenizer = Detokenizer(tokenizer, [], ["city!"])
    text = "".join(map(detokenizer.add, tokenizer.encode("over the city")))
    assert text == "over the "
    assert text + detokenizer.add(tokenizer.encode(".")[0]) == "over the city."


def test_an_incomplete_character_at_the_end_is_left_out(tokenizer: FastTokenizer) -> None:
    detokenizer = Detokenizer(tokenizer, [], [])
    tokens = tokenizer.encode("a🦸")
    assert "".join([*map(detokenizer.add, tokens[:-1]), detokenizer.flush()]) == "a"
