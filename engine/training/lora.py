"""LoRA (Hu et al. 2021, arXiv:2106.09685) on frozen linear layers, for few cores. Imports torch.

PEFT computes the two low-rank products in float32, on copies of the activations. Here they are computed in
the model's dtype, and the backward pass keeps one activation per layer: the same loss in four fifths of the
time and three quarters of the memory (bench/engine/training.md). Adapters are saved in PEFT's format. Rank
and alpha are in engine/hyperparameters.py.
"""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from engine import hyperparameters
from engine.hyperparameters import Adapter

_PREFIX = "base_model.model."


class LoraLinear(nn.Module):
    """A frozen linear layer plus the trainable `up @ down`: [out, rank] and [rank, in], in float32."""

    def __init__(self, frozen: nn.Linear, rank: int, scale: float) -> None:
        """Start with the frozen layer's output: `up` is zero. `scale` multiplies the product."""
        super().__init__()
        device = frozen.weight.device
        self.weight = frozen.weight
        self.bias = frozen.bias
        self.scale = scale
        self.down = nn.Parameter(torch.empty(rank, frozen.in_features, device=device))
        self.up = nn.Parameter(torch.zeros(frozen.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the layer's output, [..., out], in the dtype of `inputs`, [..., in]."""
        down, up = self.down.to(inputs.dtype), (self.up * self.scale).to(inputs.dtype)
        output: torch.Tensor = _LoraFunction.apply(inputs, self.weight, self.bias, down, up)  # type: ignore[no-untyped-call]
        return output


class _LoraFunction(torch.autograd.Function):
    """`inputs @ (weight + up @ down).T + bias`, without gradients for the frozen weight and bias."""

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
        low_rank = flat @ down.T
        output = nn.functional.linear(flat, weight, bias).addmm_(low_rank, up.T)
        ctx.save_for_backward(flat, low_rank, weight, down, up)
        return output.view(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        inputs, low_rank, weight, down, up = ctx.saved_tensors
        flat = gradient.reshape(-1, gradient.shape[-1])
        low_rank_gradient = flat @ up
        input_gradient = None
        if ctx.needs_input_grad[0]:
            input_gradient = (flat @ weight).addmm_(low_rank_gradient, down).view(*gradient.shape[:-1], -1)
        return input_gradient, None, None, low_rank_gradient.T @ inputs, flat.T @ low_rank


def inject(
    model: nn.Module,
    head: nn.Module | None,
    adapter: Adapter,
    targets: Collection[str] | None = None,
) -> dict[str, LoraLinear]:
    """Freeze a model and replace linear layers by a `LoraLinear`; return them by name.

    `targets` are the ends of their names; None: all but `head`.
    """
    model.requires_grad_(requires_grad=False)
    linear = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear)
        and layer is not head
        and (targets is None or name.endswith(tuple(targets)))
    ]
    layers = {}
    for name, layer in linear:
        parent, _, attribute = name.rpartition(".")
        layers[name] = LoraLinear(layer, adapter.rank, adapter.scale)
        setattr(model.get_submodule(parent), attribute, layers[name])
    return layers


def save(layers: dict[str, LoraLinear], folder: Path, adapter: Adapter, *, base_id: str) -> None:
    """Write the adapter in PEFT's format, which transformers and vLLM read."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{_PREFIX}{name}.lora_{matrix}.weight": getattr(layer, attribute).detach().cpu().contiguous()
        for name, layer in layers.items()
        for matrix, attribute in (("A", "down"), ("B", "up"))
    }
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_id,
        "r": adapter.rank,
        "lora_alpha": hyperparameters.LORA_ALPHA,
        "use_rslora": adapter.rs,
        "lora_dropout": hyperparameters.LORA_DROPOUT,
        "bias": "none",
        "target_modules": sorted({name.rpartition(".")[2] for name in layers}),
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")


def load(layers: dict[str, LoraLinear], folder: Path) -> None:
    """Load an adapter that `save` wrote."""
    tensors = load_file(folder / "adapter_model.safetensors")
    with torch.no_grad():
        for name, layer in layers.items():
            layer.down.copy_(tensors[f"{_PREFIX}{name}.lora_A.weight"])
            layer.up.copy_(tensors[f"{_PREFIX}{name}.lora_B.weight"])
