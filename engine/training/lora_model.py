"""A base model with the adapter that is trained on it. Imports torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from engine import base_model, hyperparameters
from engine.training import lora, resource_checks
from engine.training.tokenization import Encoded
from engine.training_request import OrderError

_IGNORE = -100


class Adapter:
    """The model, its tokenizer, and the low-rank layers in it."""

    def __init__(self, base: Path, *, cache: Path, start: Path | None, seed: int, longest: int) -> None:
        """Read the base (`cache` keeps it unpacked) and lay a fresh adapter over it, or the one at `start`.

        Texts of more than `longest` tokens are refused. Raises OrderError.
        """
        self._device = base_model.best()
        self.dtype = base_model.fastest_dtype(self._device)
        try:
            model, self.tokenizer = base_model.load(base, dtype=self.dtype, device=self._device, cache=cache)
        except (OSError, ValueError) as error:
            raise OrderError(f"The base model could not be read: {error}") from error
        torch.manual_seed(seed)
        self._longest = longest
        self._inner: Any = model.base_model
        self._head: Any = model.get_output_embeddings()
        self._check(model)
        self._config = model.config
        self._layers = lora.adapt(model, self._head, rank=hyperparameters.RANK, alpha=hyperparameters.ALPHA)
        if not self._layers:
            raise OrderError("This kind of model has no linear layers that could be adapted.")
        if start is not None:
            lora.load(self._layers, start)

    @property
    def weights(self) -> list[torch.nn.Parameter]:
        """What is trained."""
        return [weight for layer in self._layers.values() for weight in (layer.down, layer.up)]

    @torch.no_grad()
    def _check(self, model: Any) -> None:
        """Raise OrderError where the head alone does not give the model's logits: some scale or cap them."""
        ids = torch.tensor([[1, 2, 3]], device=self._device)
        ours = self._head(self._inner(input_ids=ids, use_cache=False).last_hidden_state)
        if not torch.allclose(
            ours.float(), model(input_ids=ids, use_cache=False).logits.float(), rtol=0.05, atol=0.05
        ):
            raise OrderError("This kind of model computes its logits in a way that cannot be trained here.")

    def check_memory(self) -> None:
        """Raise OrderError where a step would not fit into what is free of the machine's memory."""
        if self._device != "cpu":
            return
        needed = resource_checks.memory_needed(
            parameters=sum(weight.numel() for weight in self.weights),
            layers=self._config.num_hidden_layers,
            width=self._config.hidden_size,
            vocabulary=self._config.vocab_size,
            bytes_a_number=self.dtype.itemsize,
        )
        resource_checks.check_memory(needed)

    def state(self) -> list[torch.Tensor]:
        """Return the trained weights, to be kept and put back by `restore`."""
        return [weight.detach() for weight in self.weights]

    def restore(self, state: Sequence[torch.Tensor]) -> None:
        """Put back what `state` returned."""
        with torch.no_grad():
            for weight, kept in zip(self.weights, state, strict=True):
                weight.copy_(kept)

    def save(self, folder: Path, base_id: str) -> None:
        """Write the adapter in PEFT's format."""
        lora.save(
            self._layers, folder, rank=hyperparameters.RANK, alpha=hyperparameters.ALPHA, base_id=base_id
        )

    def log_probs(self, texts: Sequence[Encoded]) -> torch.Tensor:
        """Return for each text the summed log-probability (nats) of its learned tokens, [texts]."""
        ids, targets = self._padded(texts)
        # Right padding under a causal mask: no real token can see the padding, so no attention mask is
        # needed, and attention without a mask takes a faster path.
        hidden = self._inner(input_ids=ids, use_cache=False).last_hidden_state
        learned = targets != _IGNORE
        # the head is as wide as the vocabulary: only where there is something to learn
        logits = self._head(hidden[learned]).float()
        each = -cross_entropy(logits, targets[learned], reduction="none")
        rows = learned.nonzero()[:, 0]
        return torch.zeros(len(texts), device=self._device).index_add(0, rows, each)

    def _padded(self, texts: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs and next-token targets, [texts, longest - 1] each."""
        width = max(len(text.ids) for text in texts) - 1
        if (
            width >= self._longest
        ):  # the engine has counted before; if its count and ours part, no one may guess
            raise OrderError(f"An example has {width + 1} tokens, and the model reads {self._longest}.")
        ids = torch.full((len(texts), width), self.tokenizer.pad_token_id or 0)
        targets = torch.full((len(texts), width), _IGNORE)
        for row, text in enumerate(texts):
            length = len(text.ids) - 1
            ids[row, :length] = torch.tensor(text.ids[:-1])
            following = torch.tensor(text.ids[1:])
            targets[row, :length] = torch.where(torch.tensor(text.learned[1:]), following, _IGNORE)
        return ids.to(self._device), targets.to(self._device)
