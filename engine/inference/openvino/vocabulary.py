"""What the tokens of a GGUF file's vocabulary mean: their bytes, and which of them end an answer."""

import codecs
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gguf import TokenType

from engine.storage.gguf_reader import GGUFReader

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_WORD_START = "\u2581"  # how SentencePiece writes a blank
_EOS_TEXTS = frozenset(
    {"<|im_end|>", "<|eot_id|>", "<|end|>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "</s>"}
)
"""Tokens that end an answer wherever they are control tokens, as in llama.cpp."""


class Vocabulary:
    """The vocabulary of one file."""

    def __init__(self, gguf: Path) -> None:
        """Read it. Raises ValueError for a kind of vocabulary that is not known."""
        reader = GGUFReader(gguf)
        kind = _value(reader, "tokenizer.ggml.model")
        texts = _value(reader, "tokenizer.ggml.tokens")
        types = _value(reader, "tokenizer.ggml.token_type") or [TokenType.NORMAL] * len(texts)
        if kind == "gpt2":
            to_bytes = _byte_pair_bytes
        elif kind == "llama":
            to_bytes = _sentence_piece_bytes
        else:
            raise ValueError(f"vocabularies of the kind '{kind}' are not known")
        self._bytes = [
            b"" if token_type in {TokenType.CONTROL, TokenType.UNUSED} else to_bytes(text, token_type)
            for text, token_type in zip(texts, types, strict=True)
        ]
        named = {_value(reader, f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot", "eom")}
        controls = {
            token
            for token, (text, token_type) in enumerate(zip(texts, types, strict=True))
            if token_type == TokenType.CONTROL and text in _EOS_TEXTS
        }
        self.eos_token_ids = frozenset(controls | (named - {None}))
        """The tokens that end an answer."""

    def decoder(self) -> "TokenDecoder":
        """Return a decoder of one text."""
        return TokenDecoder(self._bytes)


class TokenDecoder:
    """Turns tokens into text as they come: only whole characters."""

    def __init__(self, token_bytes: list[bytes]) -> None:
        self._bytes = token_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, tokens: Iterable[int]) -> str:
        """Return the text that the tokens complete; tokens beyond the vocabulary have none."""
        known = (self._bytes[token] for token in tokens if token < len(self._bytes))
        return self._decoder.decode(b"".join(known))


def _value(reader: Any, name: str) -> Any:
    field = reader.get_field(name)
    return None if field is None else field.contents()


def _byte_characters() -> dict[str, int]:
    """Return the bytes by the characters that byte-pair vocabularies write for them, as GPT-2 chose them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + index): byte for index, byte in enumerate(others)
    }


_BYTES_BY_CHARACTER = _byte_characters()


def _byte_pair_bytes(text: str, token_type: int) -> bytes:
    if token_type == TokenType.USER_DEFINED:
        return text.encode()
    known = [_BYTES_BY_CHARACTER.get(character) for character in text]
    return text.encode() if None in known else bytes(byte for byte in known if byte is not None)


def _sentence_piece_bytes(text: str, token_type: int) -> bytes:
    if token_type == TokenType.BYTE and (found := _BYTE.fullmatch(text)):
        return bytes([int(found[1], 16)])
    return text.replace(_WORD_START, " ").encode()
