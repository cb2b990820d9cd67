"""GGUF models that load in a moment: two small layers of random weights, with a tokenizer of your choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, GGUFValueType, GGUFWriter, TokenType

VOCABULARY, WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD = 2048, 64, 2, 4, 2, 128


@dataclass(frozen=True)
class TokenizerField:
    """A value of a GGUF file's metadata, with its type."""

    value: Any
    kind: GGUFValueType
    item_kind: GGUFValueType | None = None


Tokenizer = dict[str, TokenizerField]
"""The metadata of a tokenizer, by key (`tokenizer.ggml.tokens`)."""


def write(path: Path, tokenizer_from: Path, changes: Mapping[str, Any] | None = None) -> Path:
    """Write a llama GGUF file with the tokenizer of another and some changes to it; return `path`."""
    return write_with(path, byte_pairs(tokenizer_from), changes)


def write_with(path: Path, tokenizer: Tokenizer, changes: Mapping[str, Any] | None = None) -> Path:
    """Write a llama GGUF file with a tokenizer and some changes to its texts and flags; return `path`."""
    writer = GGUFWriter(path, "llama")
    for key, field in {**tokenizer, **{key: _field(value) for key, value in (changes or {}).items()}}.items():
        writer.add_key_value(key, field.value, field.kind, sub_type=field.item_kind)
    vocabulary = len(tokenizer["tokenizer.ggml.tokens"].value)
    writer.add_name("tiny")
    writer.add_vocab_size(vocabulary)
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    _add_weights(writer, vocabulary)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def byte_pairs(tokenizer_from: Path) -> Tokenizer:
    """Return the chat template and the first tokens of a GGUF file."""
    source = GGUFReader(tokenizer_from)
    tokenizer = {}
    for key, field in source.fields.items():
        if key.startswith("tokenizer."):
            value = field.contents()
            if key.rpartition(".")[2] in {"tokens", "token_type"}:
                value = value[:VOCABULARY]
            elif key.endswith(".merges"):
                # byte-pair tokens are in the order of their merges, after the special tokens and the bytes
                value = value[: VOCABULARY - (len(source.fields["tokenizer.ggml.tokens"].data) - len(value))]
            kind = field.types[0]
            item_kind = field.types[-1] if kind == GGUFValueType.ARRAY else None
            tokenizer[key] = TokenizerField(value, kind, item_kind)
    return tokenizer


def sentence_pieces(words: str) -> Tokenizer:
    """Return a tokenizer of SentencePiece's kind: <s>, </s>, all bytes, and the beginnings of some words."""
    marked = [f"▁{word}" for word in words.split()]
    pieces = [*"▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.:[]/"]
    pieces += sorted({word[:length] for word in marked for length in range(2, len(word) + 1)}, key=len)
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    kinds = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL]
    kinds += [TokenType.BYTE] * 256 + [TokenType.NORMAL] * len(pieces)
    lists = {
        "tokens": (tokens, GGUFValueType.STRING),
        "scores": ([-float(index) for index in range(len(tokens))], GGUFValueType.FLOAT32),
        "token_type": ([int(kind) for kind in kinds], GGUFValueType.INT32),
    }
    return {
        "tokenizer.ggml.model": TokenizerField("llama", GGUFValueType.STRING),
        **{
            f"tokenizer.ggml.{key}": TokenizerField(value, GGUFValueType.ARRAY, item_kind)
            for key, (value, item_kind) in lists.items()
        },
        "tokenizer.ggml.bos_token_id": TokenizerField(1, GGUFValueType.UINT32),
        "tokenizer.ggml.eos_token_id": TokenizerField(2, GGUFValueType.UINT32),
    }


def _field(value: bool | int | str) -> TokenizerField:
    kinds = {bool: GGUFValueType.BOOL, int: GGUFValueType.UINT32, str: GGUFValueType.STRING}
    return TokenizerField(value, kinds[type(value)])


def _add_weights(writer: GGUFWriter, vocabulary: int) -> None:
    random = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int) -> None:
        values = random.normal(0, columns**-0.5, (rows, columns))
        writer.add_tensor(name, values.astype(np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(name, np.ones(WIDTH, np.float32))

    matrix("token_embd.weight", vocabulary, WIDTH)
    norm("output_norm.weight")
    for layer in range(LAYERS):
        for part, rows, columns in (
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", WIDTH * KV_HEADS // HEADS, WIDTH),
            ("attn_v", WIDTH * KV_HEADS // HEADS, WIDTH),
            ("attn_output", WIDTH, WIDTH),
            ("ffn_gate", FEED_FORWARD, WIDTH),
            ("ffn_up", FEED_FORWARD, WIDTH),
            ("ffn_down", WIDTH, FEED_FORWARD),
        ):
            matrix(f"blk.{layer}.{part}.weight", rows, columns)
        norm(f"blk.{layer}.attn_norm.weight")
        norm(f"blk.{layer}.ffn_norm.weight")
