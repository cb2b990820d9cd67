"""Small LoRA adapters in PEFT's format, of chosen weights."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

_LAYER = "base_model.model.model.layers.0.self_attn.q_proj"


def write(folder: Path, *, value: float, rank: int = 4) -> Path:
    """Write an adapter whose weights are all the same number."""
    folder.mkdir(parents=True)
    config = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": rank,
        "target_modules": ["q_proj"],
        "base_model_name_or_path": "what the engine calls it",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    weights = {
        f"{_LAYER}.lora_A.weight": np.full((rank, 8), value, np.float32),
        f"{_LAYER}.lora_B.weight": np.full((8, rank), value, np.float32),
    }
    save_file(weights, folder / "adapter_model.safetensors")
    return folder
