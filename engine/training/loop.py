"""The training loop: optimizer steps that can be saved after any step and resumed. Imports torch."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch

from engine import hyperparameters
from engine.storage import atomic
from engine.training.objectives import Objective
from engine.training.trainable_model import TrainableModel
from engine.training.worker_group import ALONE, WorkerGroup
from engine.training_request import TrainingError

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One optimizer step (from 1): its mean loss, the tokens it read, and whether it ends an epoch."""

    number: int
    loss: float
    tokens: int
    seconds: float
    ends_epoch: bool


class TrainingLoop(Generic[T]):
    """The optimizer, all batches in order, and the number of steps done."""

    def __init__(
        self,
        model: TrainableModel,
        objective: Objective[T],
        examples: Sequence[T],
        *,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        seed: int,
        workers: WorkerGroup = ALONE,
    ) -> None:
        """Plan all batches; the same seed gives the same batches, so a step's number suffices to resume.

        Each of the `workers` has such a loop, with the same arguments.
        """
        self._model = model
        self._objective = objective
        self._examples = examples
        self._workers = workers
        self._token_counts = [objective.token_count(example) for example in examples]
        self._padded_lengths = [objective.padded_length(example) for example in examples]
        rng = random.Random(seed)  # noqa: S311  batches, not secrets
        batches = [hyperparameters.batches(self._token_counts, batch_size, rng) for _ in range(epochs)]
        self._batches = [batch for epoch in batches for batch in epoch]
        self._steps_per_epoch = len(batches[0])
        self._learning_rate = learning_rate
        self._optimizer = torch.optim.AdamW(
            model.trainable, weight_decay=hyperparameters.WEIGHT_DECAY, fused=True
        )
        self.step = 0
        """Number of steps done."""

    @property
    def total_steps(self) -> int:
        """Number of steps of the whole training."""
        return len(self._batches)

    @property
    def tokens_left(self) -> int:
        """Number of tokens of the remaining steps."""
        return sum(map(self._tokens, self._batches[self.step :]))

    @property
    def epochs_left(self) -> int:
        """Number of epochs that have not ended."""
        return -(-(self.total_steps - self.step) // self._steps_per_epoch)

    def epoch_of(self, step: int) -> int:
        """Return the number of epochs that have ended after a step."""
        return step // self._steps_per_epoch

    def steps(self, pause_requested: Callable[[], bool] = lambda: False) -> Iterator[Step]:
        """Run the remaining steps, one at a time, until a pause is requested.

        A step under way is then given up: it is done anew when the training goes on. Raises TrainingError if
        the loss is not finite.
        """
        while self.step < self.total_steps:
            batch = self._batches[self.step]
            started = time.monotonic()
            loss = self._train(batch, pause_requested)
            if loss is None:
                return
            seconds = time.monotonic() - started
            self.step += 1
            yield Step(self.step, loss, self._tokens(batch), seconds, self.step % self._steps_per_epoch == 0)

    def _tokens(self, batch: list[int]) -> int:
        return sum(self._token_counts[index] for index in batch)

    def _train(self, batch: list[int], pause_requested: Callable[[], bool]) -> float | None:
        """Do a step and return its loss; None if a worker gave it up, and then all do."""
        for group in self._optimizer.param_groups:
            group["lr"] = hyperparameters.learning_rate(self.step, self.total_steps, self._learning_rate)
        sums = torch.tensor(self._compute_gradients(batch, pause_requested), dtype=torch.float64)
        self._workers.reduce([*self._gradients(), sums])
        loss, given_up = sums.tolist()
        if not given_up:
            self._update(loss)
        self._optimizer.zero_grad(set_to_none=True)
        return None if given_up else float(loss)

    def _compute_gradients(self, batch: list[int], pause_requested: Callable[[], bool]) -> tuple[float, bool]:
        """Add up the gradients of this worker's share of a batch.

        Return its part of the loss, and whether it was given up because a pause was requested.
        """
        examples = [self._examples[index] for index in batch]
        self._objective.begin(examples)
        weight = self._objective.weight(examples)
        total = 0.0
        max_tokens = hyperparameters.micro_batch_tokens(self._model.weights)
        for part in self._workers.micro_batches(batch, self._padded_lengths, max_tokens):
            if pause_requested():
                return total, True
            loss = self._objective.loss([self._examples[index] for index in part]) / weight
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        return total, False

    def _gradients(self) -> Iterator[torch.Tensor]:
        for weight in self._model.trainable:
            if weight.grad is None:  # of a small batch, this worker had no share
                weight.grad = torch.zeros_like(weight)
            yield weight.grad

    def _update(self, loss: float) -> None:
        norm = torch.nn.utils.clip_grad_norm_(self._model.trainable, hyperparameters.CLIP_NORM)
        if not (math.isfinite(loss) and math.isfinite(norm.item())):
            raise TrainingError(
                f"The training diverged after {self.step} steps: use a smaller learning_rate_multiplier."
            )
        self._optimizer.step()
        self._model.apply_update()

    def save(self, path: Path, progress: dict[str, object]) -> None:
        """Save the training state, and `progress` with it, atomically."""
        part = path.with_name(path.name + ".part")
        # The names stay as they are, though "adapter" is what is trained, also if that is all weights: a new
        # version must read the states of an old one.
        state = {
            "done": self.step,
            "adapter": self._model.state(),
            "optimizer": self._optimizer.state_dict(),
            "told": progress,
        }
        torch.save(state, part)
        atomic.publish(part, path)

    def load(self, path: Path) -> dict[str, object]:
        """Restore the state that `save` wrote; return its `progress`."""
        state = torch.load(path, weights_only=True, map_location="cpu")
        self.step = state["done"]
        self._model.restore(state["adapter"])
        self._optimizer.load_state_dict(state["optimizer"])
        progress: dict[str, object] = state["told"]
        return progress
