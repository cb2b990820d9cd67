"""Tokenizers for tiny GGUF models, as the metadata of their files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGUFValueType, TokenType

from engine.storage.gguf_reader import GGUFReader

VOCABULARY = 2048


@dataclass(frozen=True)
class Field:
    """A value of a GGUF file's metadata, with its type, and the type of its items if it is a list."""

    value: Any
    kind: GGUFValueType
    item_kind: GGUFValueType | None = None


Tokenizer = dict[str, Field]
"""By key, such as `tokenizer.ggml.tokens`."""


def byte_pairs(source: Path, added: Sequence[str] = ()) -> Tokenizer:
    """Return the chat template and the first tokens of a GGUF file, with `added` ones at the end."""
    fields = GGUFReader(source).fields
    all_tokens = fields["tokenizer.ggml.tokens"].data
    tokenizer = {}
    for key, field in fields.items():
        if key.startswith("tokenizer."):
            value = field.contents()
            if key.endswith(".tokens"):
                value = [*value[: VOCABULARY - len(added)], *added]
            elif key.endswith(".token_type"):
                value = value[:VOCABULARY]
            elif key.endswith(".merges"):
                # byte-pair tokens are in the order of their merges, after the special tokens and the bytes
                value = value[: VOCABULARY - (len(all_tokens) - len(value))]
            kind = field.types[0]
            tokenizer[key] = Field(value, kind, field.types[-1] if kind == GGUFValueType.ARRAY else None)
    return tokenizer


def sentence_pieces(words: str) -> Tokenizer:
    """Return a tokenizer of SentencePiece's kind: <s>, </s>, all bytes, and the beginnings of some words."""
    pieces = [*"▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.:[]/"]
    marked = [f"▁{word}" for word in words.split()]
    pieces += sorted({word[:length] for word in marked for length in range(2, len(word) + 1)}, key=len)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    kinds += [TokenType.BYTE] * 256 + [TokenType.NORMAL] * len(pieces)
    scores = [-float(index) for index in range(len(tokens))]
    return {
        "tokenizer.ggml.model": Field("llama", GGUFValueType.STRING),
        "tokenizer.ggml.tokens": Field(tokens, GGUFValueType.ARRAY, GGUFValueType.STRING),
        "tokenizer.ggml.scores": Field(scores, GGUFValueType.ARRAY, GGUFValueType.FLOAT32),
        "tokenizer.ggml.token_type": Field(list(map(int, kinds)), GGUFValueType.ARRAY, GGUFValueType.INT32),
        "tokenizer.ggml.bos_token_id": Field(1, GGUFValueType.UINT32),
        "tokenizer.ggml.eos_token_id": Field(2, GGUFValueType.UINT32),
    }


def changed(tokenizer: Tokenizer, changes: Mapping[str, bool | int | str]) -> Tokenizer:
    """Return a tokenizer with other texts, ids and flags."""
    kinds = {bool: GGUFValueType.BOOL, int: GGUFValueType.UINT32, str: GGUFValueType.STRING}
    return tokenizer | {key: Field(value, kinds[type(value)]) for key, value in changes.items()}
