"""A base model with a trainable LoRA adapter. Imports torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from engine import base_model, hyperparameters
from engine.tokens import Encoded
from engine.training import lora, resource_checks
from engine.training_request import TrainingError

_IGNORED = -100  # a target that does not count in the loss


class LoraModel:
    """The model and its LoRA layers."""

    def __init__(
        self, base: Path, *, cache: Path, starting_adapter: Path | None, seed: int, max_length: int
    ) -> None:
        """Load the base (`cache` keeps it dequantized), with a new adapter or with `starting_adapter`.

        `log_probs` rejects texts of more than `max_length` tokens. Raises TrainingError.
        """
        self._device = base_model.best_device()
        self.dtype = base_model.fastest_dtype(self._device)
        try:
            model = base_model.load(base, dtype=self.dtype, device=self._device, cache=cache)
        except (OSError, ValueError) as error:
            raise TrainingError(f"The base model could not be read: {error}") from error
        torch.manual_seed(seed)
        self._max_length = max_length
        self._backbone: Any = model.base_model
        self._head: Any = model.get_output_embeddings()
        self._check_head(model)
        self._config = model.config
        self._layers = lora.inject(
            model, self._head, rank=hyperparameters.LORA_RANK, alpha=hyperparameters.LORA_ALPHA
        )
        if not self._layers:
            raise TrainingError("This kind of model has no linear layers that could be adapted.")
        if starting_adapter is not None:
            lora.load(self._layers, starting_adapter)

    @property
    def trainable(self) -> list[torch.nn.Parameter]:
        """The trainable parameters: `down` and `up` of each layer."""
        return [weight for layer in self._layers.values() for weight in (layer.down, layer.up)]

    @torch.no_grad()
    def _check_head(self, model: Any) -> None:
        """Raise TrainingError if the head does not give the model's logits: some models scale or cap them."""
        ids = torch.tensor([[1, 2, 3]], device=self._device)
        ours = self._head(self._backbone(input_ids=ids, use_cache=False).last_hidden_state)
        theirs = model(input_ids=ids, use_cache=False).logits
        if not torch.allclose(ours.float(), theirs.float(), rtol=0.05, atol=0.05):
            raise TrainingError(
                "This kind of model computes its logits in a way that cannot be trained here."
            )

    def check_memory(self) -> None:
        """Raise TrainingError if a training step needs more memory than the machine has free."""
        if self._device != "cpu":
            return
        needed = resource_checks.memory_needed(
            parameters=sum(weight.numel() for weight in self.trainable),
            layers=self._config.num_hidden_layers,
            width=self._config.hidden_size,
            vocabulary=self._config.vocab_size,
            dtype_bytes=self.dtype.itemsize,
        )
        resource_checks.check_memory(needed)

    def state(self) -> list[torch.Tensor]:
        """Return the values of the trainable parameters, for `restore`."""
        return [weight.detach() for weight in self.trainable]

    def restore(self, state: Sequence[torch.Tensor]) -> None:
        """Set the trainable parameters to what `state` returned."""
        with torch.no_grad():
            for weight, value in zip(self.trainable, state, strict=True):
                weight.copy_(value)

    def save(self, folder: Path, base_id: str) -> None:
        """Write the adapter in PEFT's format."""
        lora.save(
            self._layers,
            folder,
            rank=hyperparameters.LORA_RANK,
            alpha=hyperparameters.LORA_ALPHA,
            base_id=base_id,
        )

    def log_probs(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """Return the summed log-probability (nats) of the tokens in each text's loss mask, [texts].

        Raises TrainingError if a text is too long.
        """
        ids, targets = self._pad(texts)
        # Padding on the right under a causal mask: no real token attends to the padding, so no attention mask
        # is needed, and attention without a mask takes a faster path.
        hidden = self._backbone(input_ids=ids, use_cache=False).last_hidden_state
        counted = targets != _IGNORED
        # the head's output is as wide as the vocabulary: compute it only for tokens that count in the loss
        logits = self._head(hidden[counted]).float()
        token_log_probs = -cross_entropy(logits, targets[counted], reduction="none")
        rows = counted.nonzero()[:, 0]
        return torch.zeros(len(texts), device=self._device).index_add(0, rows, token_log_probs)

    def _pad(self, texts: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs and next-token targets, [texts, tokens of the longest text - 1] each."""
        width = max(len(text.ids) for text in texts) - 1
        if width >= self._max_length:
            raise TrainingError(f"An example has {width + 1} tokens, and the model reads {self._max_length}.")
        ids = torch.zeros((len(texts), width), dtype=torch.long)  # any padding will do: nothing attends to it
        targets = torch.full((len(texts), width), _IGNORED)
        for row, text in enumerate(texts):
            length = len(text.ids) - 1
            ids[row, :length] = torch.tensor(text.ids[:-1])
            following = torch.tensor(text.ids[1:])
            targets[row, :length] = torch.where(torch.tensor(text.loss_mask[1:]), following, _IGNORED)
        return ids.to(self._device), targets.to(self._device)
