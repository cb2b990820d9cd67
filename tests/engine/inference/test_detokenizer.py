"""Tokens as text: whole characters, and nothing that a stop string takes. No torch: the tokenizer alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from engine.inference.detokenizer import TextStream


class Words:
    """A tokenizer with the one method of transformers' that a stream calls."""

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
def words(folders: Path) -> Words:
    return Words(Tokenizer.from_file(str(folders / "llama" / "tokenizer.json")))


def pieces(words: Words, text: str, stops: Sequence[str] = ()) -> list[str]:
    stream = TextStream(words, words.encode("Tell me. ->"), stops)
    told = []
    for token in words.encode(text):
        told.append(stream.add(token))
        if stream.stopped:
            return told
    return [*told, stream.end()]


@given(text=st.text(max_size=30))
def test_the_pieces_are_the_text_and_no_piece_is_half_a_character(words: Words, text: str) -> None:
    # the vocabulary lacks some bytes of rare characters, and U+FFFD itself is how half a character is told
    assume("\ufffd" not in text and words.inner.decode(words.encode(text)) == text)
    told = pieces(words, text)
    assert "".join(told) == text
    assert not any("\ufffd" in piece for piece in told)


@given(text=st.text("ab 🦸", max_size=20), stop=st.text("ab 🦸", min_size=1, max_size=4))
def test_the_text_ends_before_the_stop(words: Words, text: str, stop: str) -> None:
    assert "".join(pieces(words, text, [stop])) == text.partition(stop)[0]


@given(text=st.text("ab 🦸", max_size=20), stops=st.lists(st.text("ab 🦸", min_size=1, max_size=4)))
def test_no_stop_is_ever_told(words: Words, text: str, stops: list[str]) -> None:
    told = "".join(pieces(words, text, stops))
    assert text.startswith(told)
    assert not any(stop in told for stop in stops)
    assert told == text or any(stop in text for stop in stops)


def test_only_what_may_be_a_stop_is_held_back(words: Words) -> None:
    stream = TextStream(words, [], ["city!"])
    told = "".join(map(stream.add, words.encode("over the city")))
    assert told == "over the "
    assert told + stream.add(words.encode(".")[0]) == "over the city."


def test_half_a_character_at_the_end_is_left_out(words: Words) -> None:
    stream = TextStream(words, [], [])
    tokens = words.encode("a🦸")
    assert "".join([*map(stream.add, tokens[:-1]), stream.end()]) == "a"
