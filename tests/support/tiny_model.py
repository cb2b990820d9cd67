"""A GGUF model that loads in a moment: two small layers of random weights, with a real tokenizer."""

from pathlib import Path

import numpy as np
from gguf import GGUFReader, GGUFValueType, GGUFWriter

VOCABULARY, WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD = 2048, 64, 2, 4, 2, 128


def write(path: Path, tokenizer_from: Path) -> Path:
    """Write a llama GGUF file with the chat template and the first tokens of another; return `path`."""
    source = GGUFReader(tokenizer_from)
    writer = GGUFWriter(path, "llama")
    for key, field in source.fields.items():
        if key.startswith("tokenizer."):
            value_type = field.types[0]
            item_type = field.types[-1] if value_type == GGUFValueType.ARRAY else None
            value = field.contents()
            if key.rpartition(".")[2] in {"tokens", "token_type"}:
                value = value[:VOCABULARY]
            elif key.endswith(".merges"):
                # byte-pair tokens are in the order of their merges, after the special tokens and the bytes
                value = value[: VOCABULARY - (len(source.fields["tokenizer.ggml.tokens"].data) - len(value))]
            writer.add_key_value(key, value, value_type, sub_type=item_type)
    writer.add_name("tiny")
    writer.add_vocab_size(VOCABULARY)
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)

    random = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int) -> None:
        values = random.normal(0, columns**-0.5, (rows, columns))
        writer.add_tensor(name, values.astype(np.float32))

    def norm(name: str) -> None:
        writer.add_tensor(name, np.ones(WIDTH, np.float32))

    matrix("token_embd.weight", VOCABULARY, WIDTH)
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
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
