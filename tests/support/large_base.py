"""A Hugging Face folder that says that it is large, but holds no weights, so that nobody can load it."""

import json
import struct
from pathlib import Path


def large_base(folder: Path, parameters: int) -> Path:
    """Write files that say that the model has so many parameters, and return their folder."""
    header = json.dumps({"weight": {"dtype": "F32", "shape": [parameters], "data_offsets": [0, 0]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    config = {"num_hidden_layers": 2, "hidden_size": 64, "vocab_size": 2048}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    return folder
