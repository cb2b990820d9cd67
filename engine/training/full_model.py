"""The way of tuning that changes all weights of a model. Imports torch.

The layers compute in the fastest dtype. In bfloat16 the steps of the optimizer are too small to be added, so
each weight has a master in float32, which takes its gradients and is rounded after each step.
"""

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from engine import base_model
from engine.training import gguf_weights
from engine.training.trainable_model import StartingWeights, TrainableModel
from engine.training_request import TrainedWeights


class FullModel(TrainableModel):
    """The model and the master of each of its weights."""

    weights: ClassVar[TrainedWeights] = "all"

    def __init__(self, start: StartingWeights, *, seed: int, max_length: int) -> None:
        """Start from all weights of the base, or of the tuned model, an adapter included."""
        super().__init__(start, seed=seed, max_length=max_length)
        self._model.requires_grad_(requires_grad=True)
        self._weights: dict[str, nn.Parameter] = dict(self._model.named_parameters())
        self._masters = {name: _master_of(weight) for name, weight in self._weights.items()}
        if start.tuned is not None and start.is_gguf:
            self._read(start.tuned / "model.gguf")

    def _load(self) -> Any:
        start = self._start
        if start.tuned is None or start.is_gguf:
            return super()._load()
        return base_model.load_tuned(start.base, start.tuned, dtype=self.dtype, device=self._device)

    @torch.no_grad()
    def _read(self, gguf: Path) -> None:
        """Start from what a tuned model's file holds, which is what its server computes with."""
        for name, values in gguf_weights.read(gguf):
            self._masters[name].copy_(torch.tensor(values))
        self.apply_update()

    @property
    def trainable(self) -> list[nn.Parameter]:
        """The masters of all weights; tied weights have one."""
        return list(self._masters.values())

    @torch.no_grad()
    def apply_update(self) -> None:
        """Round the masters to the weights that the layers compute with."""
        for name, weight in self._weights.items():
            weight.copy_(self._masters[name])

    def save(self, folder: Path) -> None:
        """Write a GGUF file as the base's, or a Hugging Face folder in the dtype that serves it."""
        if self._start.is_gguf:
            masters = {name: master.detach().cpu().numpy() for name, master in self._masters.items()}
            gguf_weights.write(self._start.base, masters, folder / "model.gguf")
        else:
            self._model.save_pretrained(folder / base_model.TUNED_WEIGHTS)


def _master_of(weight: nn.Parameter) -> nn.Parameter:
    """Return the float32 parameter that takes the gradients of a weight: itself, if it is one."""
    if weight.dtype == torch.float32:
        return weight
    master = nn.Parameter(weight.detach().float())
    # as soon as it is computed: the gradients of all weights in both dtypes would take half as much again
    weight.register_post_accumulate_grad_hook(partial(_move_gradient, master))  # type: ignore[no-untyped-call]
    return master


def _move_gradient(master: nn.Parameter, weight: torch.Tensor) -> None:
    assert weight.grad is not None  # noqa: S101  it was just accumulated
    gradient = weight.grad.float()
    master.grad = gradient if master.grad is None else master.grad.add_(gradient)
    weight.grad = None
