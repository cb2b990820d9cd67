"""Choose the "auto" hyperparameters: train over a grid with several seeds, and compare the held-out losses.

    python -m bench.engine.hyperparameters --train T.jsonl --valid V.jsonl --results R.jsonl
        [--weights all,adapter] [--rates 0.5,1,2] [--epochs 1,2,3] [--batches 8] [--ranks 16,64]
        [--lora-rs false,true] [--seeds 1,2,3] [--limit N]

The files are chat JSONL, such as a frozen dataset. Every training starts from the packaged weights. Ranks and
rsLoRA (--lora-rs) are of adapters only. Each training that is done is a line in R.jsonl: started again, the
sweep goes on where it was ended, and prints the table of all lines about the same texts. One seed is done
with the whole grid before the next one begins. The losses do not depend on what else the machine does; the
seconds do. Results: bench/engine/training.md.
"""

import argparse
import asyncio
import hashlib
import itertools
import logging
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from engine import hyperparameters
from engine.hyperparameters import Adapter
from engine.inference.llama_cpp import LlamaCppGenerator
from engine.jobs import encoding
from engine.limits import CONTEXT
from engine.storage import weights
from engine.training.loop import TrainingLoop
from engine.training.objectives import SupervisedObjective, evaluate
from engine.training.run import load_model
from engine.training.trainable_model import StartingWeights
from engine.training_request import TrainedWeights

T = TypeVar("T")


class GridPoint(BaseModel):
    """What is varied, but for the seed."""

    model_config = ConfigDict(frozen=True)

    weights: TrainedWeights
    multiplier: float
    batch_size: int
    epochs: int
    lora_rank: int = hyperparameters.LORA_RANK
    lora_rs: bool = False

    @property
    def adapter(self) -> Adapter:
        """The adapter, if that is what is tuned."""
        return Adapter(self.lora_rank, self.lora_rs)


class SweepRun(BaseModel):
    """One training: what was varied, its held-out loss before and after each epoch, and its seconds."""

    texts: str
    """Which texts it learned and was measured on."""
    point: GridPoint
    seed: int
    losses: list[float]
    seconds: float


class Sweep:
    """Training texts and held-out texts, as files of token ids, and what was measured on them."""

    def __init__(self, train: Path, valid: Path, results: Path, *, limit: int | None) -> None:
        """Read the results that are there. `limit` leaves out further training texts."""
        self._train, self._valid = ([*encoding.read(path)] for path in (train, valid))
        self._train = self._train[:limit]
        self._texts = hashlib.sha256(repr((self._train, self._valid)).encode()).hexdigest()[:12]
        self._results = results
        self._cache = train.with_name("unpacked")
        lines = results.read_bytes().splitlines() if results.is_file() else []
        runs = map(SweepRun.model_validate_json, lines)
        self.runs = [run for run in runs if run.texts == self._texts]

    def has(self, point: GridPoint, seed: int) -> bool:
        """Return whether this training is done."""
        return any((run.point, run.seed) == (point, seed) for run in self.runs)

    def run(self, point: GridPoint, seed: int) -> SweepRun:
        """Train once from the packaged weights, and append the result to the file."""
        base = weights.find(None)
        start = StartingWeights(base.id, base.path, self._cache)
        model = load_model(start, point.weights, seed=seed, max_length=CONTEXT, adapter=point.adapter)
        objective = SupervisedObjective(model)
        held_out = objective.prepare(self._valid)
        training = TrainingLoop(
            model,
            objective,
            objective.prepare(self._train),
            epochs=point.epochs,
            batch_size=point.batch_size,
            learning_rate=hyperparameters.LEARNING_RATES["supervised"][point.weights] * point.multiplier,
            seed=seed,
        )
        started = time.monotonic()
        losses = [evaluate(objective, held_out)]
        losses += [evaluate(objective, held_out) for step in training.steps() if step.ends_epoch]
        seconds = round(time.monotonic() - started, 1)
        run = SweepRun(texts=self._texts, point=point, seed=seed, losses=losses, seconds=seconds)
        self.runs.append(run)
        with self._results.open("a", encoding="utf-8") as out:
            out.write(run.model_dump_json() + "\n")
        return run


def table(runs: Iterable[SweepRun]) -> list[str]:
    """Return the rows of a Markdown table, the lowest mean loss first."""
    by_point: dict[GridPoint, list[SweepRun]] = defaultdict(list)
    for run in runs:
        by_point[run.point].append(run)
    means = {
        point: [statistics.fmean(losses) for losses in zip(*(run.losses for run in found), strict=True)]
        for point, found in by_point.items()
    }
    rows = [
        "| weights | rank, scale | learning rate | epochs | batch | before, after epochs | best | by seed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for point in sorted(by_point, key=lambda point: means[point][-1]):
        rate = hyperparameters.LEARNING_RATES["supervised"][point.weights] * point.multiplier
        found = sorted(by_point[point], key=lambda run: run.seed)
        scaled = f"{point.lora_rank}, {point.adapter.scale:g}{' (rs)' if point.lora_rs else ''}"
        after = means[point][1:]
        rows.append(
            f"| {point.weights} | {scaled if point.weights == 'adapter' else '-'} "
            f"| {rate:g} ({point.multiplier:g}) | {point.epochs} | {point.batch_size} "
            f"| {' '.join(f'{loss:.3f}' for loss in means[point])} "
            f"| {min(after):.3f} (epoch {after.index(min(after)) + 1}) "
            f"| {' '.join(f'{run.losses[-1]:.3f}' for run in found)} |"
        )
    return rows


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


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.engine.hyperparameters", description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--valid", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True, help="JSON lines, kept and continued")
    parser.add_argument("--weights", type=_numbers(str), default=list(get_args(TrainedWeights)))
    parser.add_argument(
        "--rates", type=_numbers(float), default=[0.5, 1.0, 2.0, 4.0], help="learning_rate_multiplier"
    )
    parser.add_argument("--batches", type=_numbers(int), default=[hyperparameters.BATCH_SIZE])
    parser.add_argument("--epochs", type=_numbers(int), default=[1, 2, 3])
    parser.add_argument(
        "--ranks", type=_numbers(int), default=[hyperparameters.LORA_RANK], help="of adapters"
    )
    parser.add_argument(
        "--lora-rs",
        type=_numbers(lambda word: {"false": False, "true": True}[word]),
        default=[False],
        help="of adapters: rsLoRA's scale, alpha / sqrt(rank), in place of alpha / rank",
    )
    parser.add_argument("--seeds", type=_numbers(int), default=[1, 2, 3])
    parser.add_argument("--limit", type=int, help="train on so many texts only")
    return parser


def grid(options: argparse.Namespace) -> list[GridPoint]:
    """Return every combination once; rank and scale vary for adapters only."""
    plain = Adapter()
    combinations = itertools.product(
        options.weights, options.ranks, options.lora_rs, options.epochs, options.batches, options.rates
    )
    points = [
        GridPoint(
            weights=kind,
            multiplier=rate,
            batch_size=batch_size,
            epochs=epochs,
            lora_rank=rank if kind == "adapter" else plain.rank,
            lora_rs=rs if kind == "adapter" else plain.rs,
        )
        for kind, rank, rs, epochs, batch_size, rate in combinations
    ]
    return list(dict.fromkeys(points))


def main() -> None:
    """Run the command line."""
    options = _arguments().parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        train, valid = asyncio.run(_encode(options.train, options.valid, out=Path(folder)))
        sweep = Sweep(train, valid, options.results, limit=options.limit)
        for seed, point in itertools.product(options.seeds, grid(options)):
            if not sweep.has(point, seed):
                print(sweep.run(point, seed).model_dump_json(), file=sys.stderr, flush=True)
        print("\n".join(table(sweep.runs)))


def _numbers(kind: Callable[[str], T]) -> Callable[[str], list[T]]:
    return lambda text: [kind(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
