"""The way of tuning that changes little: a frozen model with a trainable LoRA adapter. Imports torch."""

from pathlib import Path
from typing import ClassVar

import torch

from engine import architectures
from engine.hyperparameters import Adapter
from engine.training import gguf_weights, lora
from engine.training.trainable_model import StartingWeights, TrainableModel
from engine.training_request import TrainedWeights, TrainingError


class LoraModel(TrainableModel):
    """The model and its LoRA layers."""

    weights: ClassVar[TrainedWeights] = "adapter"

    def __init__(
        self, start: StartingWeights, *, seed: int, max_length: int, adapter: Adapter | None = None
    ) -> None:
        """Add a new adapter to the base, or the one of the tuned model to start from, of the same kind."""
        super().__init__(start, seed=seed, max_length=max_length)
        self._adapter = adapter or Adapter()
        row = architectures.of_model_type(self._model.config.model_type)
        targets = tuple(row.matrices) if row else None
        self._layers = lora.inject(self._model, self._head, self._adapter, targets)
        if not self._layers:
            raise TrainingError(
                "This kind of model has no linear layers that could be adapted. Choose another base, as of"
                f" these kinds: {architectures.model_types()}."
            )
        if start.tuned is not None:
            lora.load(self._layers, start.tuned / "adapter")

    @property
    def trainable(self) -> list[torch.nn.Parameter]:
        """The trainable parameters: `down` and `up` of each layer."""
        return [weight for layer in self._layers.values() for weight in (layer.down, layer.up)]

    def apply_update(self) -> None:
        """Do nothing: the layers compute with the trainable parameters themselves."""

    def save(self, folder: Path) -> None:
        """Write the adapter in PEFT's format and, for a GGUF base, the base with the adapter merged."""
        lora.save(self._layers, folder / "adapter", self._adapter, base_id=self._start.base_id)
        if self._start.is_gguf:
            gguf_weights.merge_adapter(self._start.base, folder / "adapter", folder / "model.gguf")
