"""LoRA on frozen linear layers, written for few cores. Imports torch.

PEFT computes its two narrow products in float32, on copies of the activations. Here they are computed in the
model's own numbers, and the backward pass keeps one activation a layer: the same loss in four fifths of
the time and three quarters of the memory (bench/training.md). What is saved is PEFT's own format.
"""

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

_PREFIX = "base_model.model."


class LowRank(nn.Module):
    """A frozen linear layer beside `up @ down`, which is trained: [out, rank] and [rank, in], in float32."""

    def __init__(self, frozen: nn.Linear, rank: int, alpha: float) -> None:
        """Start where the frozen layer is: `up` is zero."""
        super().__init__()
        device = frozen.weight.device
        self.weight = frozen.weight
        self.bias = frozen.bias
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, frozen.in_features, device=device))
        self.up = nn.Parameter(torch.zeros(frozen.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the layer's output, in the numbers of its inputs."""
        down, up = self.down.to(inputs.dtype), (self.up * self.scale).to(inputs.dtype)
        output: torch.Tensor = _Product.apply(inputs, self.weight, self.bias, down, up)  # type: ignore[no-untyped-call]
        return output


class _Product(torch.autograd.Function):
    """`inputs @ (weight + up @ down).T + bias`, with gradients for all but the frozen weight and bias."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
    ) -> torch.Tensor:
        flat = inputs.reshape(-1, inputs.shape[-1])
        narrow = flat @ down.T
        output = nn.functional.linear(flat, weight, bias).addmm_(narrow, up.T)
        ctx.save_for_backward(flat, narrow, weight, down, up)
        return output.view(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        inputs, narrow, weight, down, up = ctx.saved_tensors
        flat = gradient.reshape(-1, gradient.shape[-1])
        through_up = flat @ up
        to_inputs = None
        if ctx.needs_input_grad[0]:
            to_inputs = (flat @ weight).addmm_(through_up, down).view(*gradient.shape[:-1], -1)
        return to_inputs, None, None, through_up.T @ inputs, flat.T @ narrow


def adapt(model: nn.Module, head: nn.Module | None, *, rank: int, alpha: float) -> dict[str, LowRank]:
    """Freeze a model, replace each linear layer but `head` by a `LowRank`, and return those by name."""
    model.requires_grad_(requires_grad=False)
    found = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and layer is not head
    ]
    layers = {}
    for name, layer in found:
        parent, _, own = name.rpartition(".")
        layers[name] = LowRank(layer, rank, alpha)
        setattr(model.get_submodule(parent), own, layers[name])
    return layers


def save(layers: dict[str, LowRank], folder: Path, *, rank: int, alpha: float, base_id: str) -> None:
    """Write the adapter as PEFT does, for transformers, vLLM and whoever else reads that."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{_PREFIX}{name}.lora_{half}.weight": getattr(layer, part).detach().cpu().contiguous()
        for name, layer in layers.items()
        for half, part in (("A", "down"), ("B", "up"))
    }
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_id,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted({name.rpartition(".")[2] for name in layers}),
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def load(layers: dict[str, LowRank], folder: Path) -> None:
    """Take an adapter that `save` wrote as the starting point."""
    tensors = load_file(folder / "adapter_model.safetensors")
    with torch.no_grad():
        for name, layer in layers.items():
            layer.down.copy_(tensors[f"{_PREFIX}{name}.lora_A.weight"])
            layer.up.copy_(tensors[f"{_PREFIX}{name}.lora_B.weight"])
