"""How "auto" is chosen: trainings over a grid of hyperparameters, by their held-out loss.

    python -m bench.engine.hyperparameters --train T.jsonl --valid V.jsonl [--rates 0.5,1,2] [--batches 8] ...

The files are chat JSONL, such as a frozen dataset. One base in memory, one training after the other from the
same start; the table is sorted by held-out loss. bench/training.md keeps what came of it.
"""

import argparse
import itertools
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engine import hyperparameters
from engine.jobs import training_file
from engine.messages import TrainingExample
from engine.storage import weights
from engine.training.loop import TrainingLoop
from engine.training.lora_model import LoraModel
from engine.training.objectives import SupervisedObjective, evaluate

T = TypeVar("T")


@dataclass(frozen=True)
class Tried:
    """One training: its numbers, its held-out loss after each epoch, and how long it took."""

    multiplier: float
    batch_size: int
    epochs: int
    losses: list[float]
    seconds: float

    def __str__(self) -> str:
        """Return its row."""
        losses = " ".join(f"{loss:.4f}" for loss in self.losses)
        return f"| {self.multiplier:g} | {self.batch_size} | {self.epochs} | {losses} | {self.seconds:.0f} |"


class Sweep:
    """A base, texts to train on and texts held out."""

    def __init__(self, train: Path, valid: Path, cache: Path) -> None:
        """Read everything."""
        self._adapter = LoraModel(
            weights.find(None).path, cache=cache, starting_adapter=None, seed=0, max_length=1024
        )
        self._start = [weight.clone() for weight in self._adapter.state()]
        self._objective = SupervisedObjective(self._adapter)
        self._train, self._valid = (
            self._objective.prepare(
                [
                    example
                    for example in training_file.read(path, "supervised", at_least=1).values()
                    if isinstance(example, TrainingExample)
                ]
            )
            for path in (train, valid)
        )

    def before(self) -> float:
        """Return the base's held-out loss."""
        return evaluate(self._objective, self._valid)

    def run(self, multiplier: float, batch_size: int, epochs: int) -> Tried:
        """Train once from the common start."""
        self._adapter.restore(self._start)
        training = TrainingLoop(
            self._adapter,
            self._objective,
            self._train,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=hyperparameters.LEARNING_RATES["supervised"] * multiplier,
            seed=0,
        )
        started = time.monotonic()
        losses = [evaluate(self._objective, self._valid) for step in training.steps() if step.ends_epoch]
        return Tried(multiplier, batch_size, epochs, losses, time.monotonic() - started)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine.hyperparameters", description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--valid", type=Path, required=True)
    parser.add_argument(
        "--rates", type=_numbers(float), default=[0.5, 1.0, 2.0], help="learning_rate_multiplier"
    )
    parser.add_argument("--batches", type=_numbers(int), default=[hyperparameters.BATCH_SIZE])
    parser.add_argument("--epochs", type=_numbers(int), default=[1, 2, 3])
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as cache:
        sweep = Sweep(options.train, options.valid, Path(cache) / "unpacked")
        print(f"held-out loss of the base: {sweep.before():.4f}", file=sys.stderr)
        tried = []
        for epochs, batch, rate in itertools.product(options.epochs, options.batches, options.rates):
            tried.append(sweep.run(rate, batch, epochs))
            print(tried[-1], file=sys.stderr, flush=True)
    print("| learning_rate_multiplier | batch_size | n_epochs | held-out loss after each epoch | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for each in sorted(tried, key=lambda one: one.losses[-1]):
        print(each)


def _numbers(kind: Callable[[str], T]) -> Callable[[str], list[T]]:
    return lambda text: [kind(each) for each in text.split(",")]


if __name__ == "__main__":
    main()
