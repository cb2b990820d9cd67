"""A GGUF model that loads in a moment: two small layers of random weights, with a real tokenizer.

With `says` its weights are not random: it answers every chat with one text.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from gguf import GGUFWriter

from tests.support import tiny_tokenizer
from tests.support.tiny_tokenizer import Tokenizer

WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD = 64, 2, 4, 2, 128
_END = "<|im_end|>"
_NEWLINE = "\u010a"  # as byte-pair vocabularies write it, and a blank:
_BLANK = "\u0120"


def write(
    path: Path, tokenizer_from: Path, *, chat_template: str | None = None, says: Sequence[str] = ()
) -> Path:
    """Write a llama GGUF file with the first tokens of another, and with its chat template or another one.

    `says` are the tokens of every answer (ASCII, each different), after a template that ends with a newline.
    Returns `path`.
    """
    tokens = [text.replace(" ", _BLANK).replace("\n", _NEWLINE) for text in says]
    tokenizer = tiny_tokenizer.byte_pairs(tokenizer_from, tokens)
    if chat_template is not None:
        tokenizer = tiny_tokenizer.changed(tokenizer, {"tokenizer.chat_template": chat_template})
    return write_with(path, tokenizer, [_NEWLINE, *tokens, _END] if says else [])


def write_with(path: Path, tokenizer: Tokenizer, chain: Sequence[str] = ()) -> Path:
    """Write a llama GGUF file with a tokenizer in which each token of `chain` follows the one before it."""
    writer = GGUFWriter(path, "llama")
    for key, field in tokenizer.items():
        writer.add_key_value(key, field.value, field.kind, sub_type=field.item_kind)
    vocabulary = tokenizer["tokenizer.ggml.tokens"].value
    writer.add_name("tiny")
    writer.add_vocab_size(len(vocabulary))
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    for name, values in _weights(len(vocabulary), [vocabulary.index(token) for token in chain]).items():
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(vocabulary: int, chain: Sequence[int]) -> dict[str, np.ndarray]:
    """Return random weights, or such that each token of a chain is followed by the next."""
    random = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return random.normal(0, columns**-0.5, (rows, columns))

    weights = {"token_embd.weight": matrix(vocabulary, WIDTH), "output_norm.weight": np.ones(WIDTH)}
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
            # without layers, the logits depend on the last token only
            weights[f"blk.{layer}.{part}.weight"] = matrix(rows, columns) * (not chain)
        weights[f"blk.{layer}.attn_norm.weight"] = np.ones(WIDTH)
        weights[f"blk.{layer}.ffn_norm.weight"] = np.ones(WIDTH)
    if chain:
        weights["output.weight"] = np.zeros((vocabulary, WIDTH))
        for token, following in pairwise(chain):
            embedding = weights["token_embd.weight"][token]
            weights["output.weight"][following] += 8 * embedding / np.linalg.norm(embedding)
    return weights
