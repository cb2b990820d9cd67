"""Choose the "auto" hyperparameters: train over a grid and compare the held-out losses.

    python -m bench.engine.hyperparameters --train T.jsonl --valid V.jsonl [--rates 0.5,1,2] [--batches 8] ...

The files are chat JSONL, such as a frozen dataset. The base is loaded once, and each training starts from the
same weights. The table is sorted by held-out loss. Results: bench/engine/training.md.
"""

import argparse
import asyncio
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
from engine.inference.llama_cpp import LlamaCppGenerator
from engine.jobs import encoding
from engine.limits import CONTEXT
from engine.storage import weights
from engine.training.loop import TrainingLoop
from engine.training.lora_model import LoraModel
from engine.training.objectives import SupervisedObjective, evaluate

T = TypeVar("T")


@dataclass(frozen=True)
class SweepRun:
    """One training: its hyperparameters, its held-out loss after each epoch, and its seconds."""

    multiplier: float
    batch_size: int
    epochs: int
    losses: list[float]
    seconds: float

    def __str__(self) -> str:
        """Return a row of the table."""
        losses = " ".join(f"{loss:.4f}" for loss in self.losses)
        return f"| {self.multiplier:g} | {self.batch_size} | {self.epochs} | {losses} | {self.seconds:.0f} |"


class Sweep:
    """A base model, training texts and held-out texts."""

    def __init__(self, train: Path, valid: Path, cache: Path) -> None:
        """Load the base and read both files of token ids."""
        self._model = LoraModel(
            weights.find(None).path, cache=cache, starting_adapter=None, seed=0, max_length=1024
        )
        self._start = [weight.clone() for weight in self._model.state()]
        self._objective = SupervisedObjective(self._model)
        self._train, self._valid = (self._objective.prepare(encoding.read(path)) for path in (train, valid))

    def base_loss(self) -> float:
        """Return the base's held-out loss."""
        return evaluate(self._objective, self._valid)

    def run(self, multiplier: float, batch_size: int, epochs: int) -> SweepRun:
        """Train once from the same start as every other run."""
        self._model.restore(self._start)
        training = TrainingLoop(
            self._model,
            self._objective,
            self._train,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=hyperparameters.LEARNING_RATES["supervised"] * multiplier,
            seed=0,
        )
        started = time.monotonic()
        losses = [evaluate(self._objective, self._valid) for step in training.steps() if step.ends_epoch]
        return SweepRun(multiplier, batch_size, epochs, losses, time.monotonic() - started)


async def _encode(*files: Path, out: Path) -> list[Path]:
    """Write the token ids of training files below `out`; return the new files."""
    generator = LlamaCppGenerator.load(weights.find(None).path)
    encoded = [out / f"{index}.tokens.jsonl" for index in range(len(files))]
    try:
        for file, tokens in zip(files, encoded, strict=True):
            await encoding.encode_file(
                file, tokens, "supervised", at_least=1, max_tokens=CONTEXT, tokenize=generator.tokenize_turn
            )
    finally:
        await generator.close()
    return encoded


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
    with tempfile.TemporaryDirectory() as folder:
        train, valid = asyncio.run(_encode(options.train, options.valid, out=Path(folder)))
        sweep = Sweep(train, valid, Path(folder) / "unpacked")
        print(f"held-out loss of the base: {sweep.base_loss():.4f}", file=sys.stderr)
        runs = []
        for epochs, batch, rate in itertools.product(options.epochs, options.batches, options.rates):
            runs.append(sweep.run(rate, batch, epochs))
            print(runs[-1], file=sys.stderr, flush=True)
    print("| learning_rate_multiplier | batch_size | n_epochs | held-out loss after each epoch | seconds |")
    print("| --- | --- | --- | --- | --- |")
    for run in sorted(runs, key=lambda run: run.losses[-1]):
        print(run)


def _numbers(kind: Callable[[str], T]) -> Callable[[str], list[T]]:
    return lambda text: [kind(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
