"""The text of tokens, read from the GGUF file, is the text that was tokenized."""

from pathlib import Path

import pytest
from gguf import TokenType

from engine.inference.llama_cpp import LlamaCppGenerator
from engine.inference.openvino.vocabulary import Vocabulary
from engine.storage import weights
from engine.storage.gguf_reader import GGUFReader
from tests.support import tiny_model, tiny_tokenizer

TEXT = "She can fly, 40 times: naïve 漢字 🦸 1234567\n\n\ttab  two  spaces"
TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.fixture(scope="module", params=["byte pairs", "sentence pieces"])
def gguf(request: pytest.FixtureRequest, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "byte pairs":
        return tiny_base
    pieces = tiny_tokenizer.changed(
        tiny_tokenizer.sentence_pieces(TEXT), {"tokenizer.chat_template": TEMPLATE}
    )
    return tiny_model.write_with(tmp_path_factory.mktemp("pieces") / "tiny.gguf", pieces)


async def test_tokens_have_the_text_that_they_were_made_of(gguf: Path) -> None:
    llama = LlamaCppGenerator.load(gguf)
    try:
        ids = await llama.prompt_ids([{"role": "user", "content": TEXT}])
    finally:
        await llama.close()
    vocabulary = Vocabulary(gguf)
    decoder = vocabulary.decoder()
    pieces = [decoder.add([token]) for token in ids]
    assert TEXT in "".join(pieces)
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(pieces)
    assert "<|im_start|>" not in "".join(pieces)
    assert "" in pieces  # control tokens, and characters of several tokens


def test_an_answer_ends_as_in_llama_cpp(gguf: Path) -> None:
    reader = GGUFReader(gguf)
    texts = reader.get_field("tokenizer.ggml.tokens").contents()
    ends = {texts[token] for token in Vocabulary(gguf).eos_token_ids}
    assert texts[reader.get_field("tokenizer.ggml.eos_token_id").contents()] in ends
    assert ends <= {"<|im_end|>", "<|endoftext|>", "</s>"}


def test_a_token_beyond_the_vocabulary_has_no_text(tiny_base: Path) -> None:
    assert Vocabulary(tiny_base).decoder().add([10**6]) == ""


def test_an_unknown_kind_is_named(tiny_base: Path, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer.byte_pairs(weights.find(None).path, [])
    other = tiny_tokenizer.changed(tokenizer, {"tokenizer.ggml.model": "rwkv"})
    path = tiny_model.write_with(tmp_path / "other.gguf", other)
    with pytest.raises(ValueError, match="'rwkv'"):
        Vocabulary(path)
    assert TokenType.CONTROL in GGUFReader(tiny_base).get_field("tokenizer.ggml.token_type").contents()
