"""The steps of a training, which can be put down after any of them and taken up again. Imports torch."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch

from engine import hyperparameters
from engine.storage import atomic
from engine.training.lora_model import Adapter
from engine.training.objectives import Objective
from engine.training_request import OrderError

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One optimiser step (from 1): its mean loss, the tokens it read, and whether an epoch ends with it."""

    number: int
    loss: float
    tokens: int
    ends_epoch: bool


class Training(Generic[T]):
    """The optimiser, the batches in their order, and how far they are worked off."""

    def __init__(
        self,
        adapter: Adapter,
        objective: Objective[T],
        examples: Sequence[T],
        *,
        epochs: int,
        batch_size: int,
        rate: float,
        seed: int,
    ) -> None:
        """Lay out all batches: the same seed gives the same ones, so a step's number says where we are."""
        self._adapter = adapter
        self._objective = objective
        self._examples = examples
        self._sizes = [objective.tokens(example) for example in examples]
        self._padded = [objective.padded(example) for example in examples]
        order = random.Random(seed)  # noqa: S311  order, not secrets
        every = [hyperparameters.batches(self._sizes, batch_size, order) for _ in range(epochs)]
        self._batches = [batch for epoch in every for batch in epoch]
        self._steps_an_epoch = len(every[0])
        self._rate = rate
        self._optimizer = torch.optim.AdamW(adapter.weights, weight_decay=0.0, fused=True)
        self.done = 0

    @property
    def total(self) -> int:
        """How many steps there are in all."""
        return len(self._batches)

    def steps(self) -> Iterator[Step]:
        """Do the steps that are left, one at a time."""
        while self.done < self.total:
            batch = self._batches[self.done]
            loss = self._step(batch)
            self.done += 1
            tokens = sum(self._sizes[index] for index in batch)
            yield Step(self.done, loss, tokens, self.done % self._steps_an_epoch == 0)

    def _step(self, batch: list[int]) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = hyperparameters.learning_rate(self.done, self.total, self._rate)
        weight = self._objective.weight([self._examples[index] for index in batch])
        total = 0.0
        for part in hyperparameters.parts(batch, self._padded):
            loss = self._objective.loss([self._examples[index] for index in part]) / weight
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(self._adapter.weights, hyperparameters.CLIP_NORM)
        if not (math.isfinite(total) and math.isfinite(norm.item())):
            raise OrderError(
                f"The training fell apart after {self.done} steps: use a smaller learning_rate_multiplier."
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return total

    def save(self, path: Path, told: dict[str, object]) -> None:
        """Keep where we are, and beside it what was `told` so far; a crash leaves the last state whole."""
        part = path.with_name(path.name + ".part")
        state = {
            "done": self.done,
            "adapter": self._adapter.state(),
            "optimizer": self._optimizer.state_dict(),
            "told": told,
        }
        torch.save(state, part)
        atomic.put(part, path)

    def load(self, path: Path) -> dict[str, object]:
        """Go on from what `save` kept; return what was told by then."""
        state = torch.load(path, weights_only=True, map_location="cpu")
        self.done = state["done"]
        self._adapter.restore(state["adapter"])
        self._optimizer.load_state_dict(state["optimizer"])
        told: dict[str, object] = state["told"]
        return told
