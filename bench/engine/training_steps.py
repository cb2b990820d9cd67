"""How fast a training's steps are, beside those of version 0.1: the same batches, a step each in turns.

    python -m bench.engine.training_steps [--steps 20] [--with NAME=VALUE] [--json]

Run nothing else meanwhile. Each ratio is the median over the steps of the ratio of one batch; the first step
of each kind is left out. `--with` measures today's kinds a second time with an environment variable set.
Needs 12 GiB of memory. Results: bench/engine/training.md.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

from bench.common import machine
from bench.common.errors import BenchError
from bench.common.machine import MatrixPeak
from bench.common.report import comparison_table, exit_on, log_progress, print_report
from bench.common.rounds import rotated
from bench.engine.model_size import ModelSize, learned_share, read_size
from bench.engine.texts import encode, texts
from engine.jobs.trainer_template import TRAINER_ENVIRONMENT
from engine.storage import weights
from engine.storage.weights import WeightsError

PEER = "peer"
_TODAY = ("adapter", "all")
_EXAMPLES = 64
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class MeasuredStep:
    """A step: its tokens, its seconds, those of the processor, its loss, and the peak memory so far."""

    tokens: int
    seconds: float
    cpu: float
    loss: float
    peak_gib: float

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


Steps = Mapping[str, Sequence[MeasuredStep]]
"""Steps by kind, on the same batches."""


@dataclass(frozen=True)
class Training:
    """What was measured. learned_share: of the tokens."""

    steps: Steps
    size: ModelSize
    learned_share: float

    def by_kind(self) -> dict[str, dict[str, float]]:
        """Return each kind's figures by name; ratios are the median of those of a batch."""
        return {kind: self._figures(kind, steps) for kind, steps in self.steps.items()}

    def _figures(self, kind: str, steps: Sequence[MeasuredStep]) -> dict[str, float]:
        speed = median(step.tokens_per_second for step in steps)
        flops = self.size.training_flops(self.learned_share, frozen=kind.partition(",")[0] != "all")
        pairs = list(zip(steps, self.steps[PEER], strict=True))
        return {
            "tokens_per_second": round(speed, 1),
            "speedup": round(
                median(step.tokens_per_second / peer.tokens_per_second for step, peer in pairs), 3
            ),
            "cpu_ratio": round(median(step.cpu / peer.cpu for step, peer in pairs), 3),
            "gflops": round(speed * flops / 1e9),
            "peak_gib": round(max(step.peak_gib for step in steps), 2),
            "loss": round(steps[-1].loss, 4),
        }

    def summary(self, peak: MatrixPeak) -> dict[str, float]:
        """Return the figures of a tuning of all weights, and how fast an adapter is tuned beside 0.1's."""
        figures = self.by_kind()
        return {
            "train_speedup": figures["all"]["speedup"],
            "train_speedup_adapter": figures["adapter"]["speedup"],
            "train_share_of_peak": figures["all"]["gflops"] / peak.training_gflops,
        }

    def add_rows(self, table: Table, peak: MatrixPeak) -> None:
        """Add three rows for each kind: its speed beside the peer's and the peak's, and its memory."""
        figures = self.by_kind()
        for kind, found in figures.items():
            name = f"tuning, {kind}" if kind != PEER else "tuning, 0.1's adapter"
            beside = f"0.1's: {figures[PEER]['tokens_per_second']:.0f} tok/s"
            table.add_row(name, f"{found['tokens_per_second']:.0f} tok/s", beside, f"{found['speedup']:.2f}")
            bound = f"{peak.dtype} products of its shapes: {peak.training_gflops:.0f}"
            share = f"{found['gflops'] / peak.training_gflops:.2f}"
            table.add_row("", f"{found['gflops']:.0f} GFLOP/s", bound, share)
            cpu = f"{found['cpu_ratio']:.2f}"
            table.add_row("", f"{found['peak_gib']:.2f} GiB at most", "processor time a token", cpu)


class _Worker:
    """A process of bench.engine.training_worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101  both are pipes
        assert process.stdout is not None  # noqa: S101
        self._orders, self._answers = process.stdin, process.stdout

    async def until_ready(self) -> None:
        if await self._answers.readline() != b"ready\n":
            raise BenchError("A trainer did not start; its error is above.")

    async def step(self) -> MeasuredStep:
        self._orders.write(b"step\n")
        await self._orders.drain()
        line = await self._answers.readline()
        if not line:
            raise BenchError("A trainer ended; its error is above.")
        return MeasuredStep(**json.loads(line))


async def measure(base: Path, count: int, extra: Mapping[str, str], folder: Path) -> Training:
    """Measure so many steps of each kind, after a first one. Raises BenchError."""
    file = folder / "encoded"
    share = learned_share(await encode(base, texts(_EXAMPLES), file))
    environment = {**os.environ, **TRAINER_ENVIRONMENT}
    before = {name: value for name, value in environment.items() if not name.startswith("ONEDNN")}
    kinds = {PEER: before} | dict.fromkeys(_TODAY, environment)
    if extra:
        kinds |= {f"{kind}, {_shown(extra)}": environment | dict(extra) for kind in _TODAY}
    async with AsyncExitStack() as stack:
        workers = {}
        for kind, variables in kinds.items():  # one after the other: the first one unpacks the weights
            log_progress(f"starting {kind} ...")
            arguments = [kind.partition(",")[0], str(file), str(base), str(folder / "unpacked")]
            workers[kind] = await stack.enter_async_context(_worker(arguments, variables))
            await workers[kind].step()
        found: dict[str, list[MeasuredStep]] = {kind: [] for kind in kinds}
        for number in range(count):
            log_progress(f"step {number + 1} of {count}; load {os.getloadavg()[0]:.1f} ...")
            for kind in rotated(list(kinds), number):
                found[kind].append(await workers[kind].step())
    return Training(found, read_size(base), share)


def _shown(variables: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in variables.items())


@asynccontextmanager
async def _worker(arguments: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[_Worker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.engine.training_worker",
        *arguments,
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        worker = _Worker(process)
        await worker.until_ready()
        yield worker
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("NAME=VALUE, please")
    return name, value


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.engine.training_steps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", type=Path, help="a .gguf file (default: the packaged weights)")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--with", dest="extra", type=_variable, action="append", default=[])
    parser.add_argument("--json", action="store_true", help="end with one JSON object on the last line")
    options = parser.parse_args()
    title = machine.describe()
    with exit_on(WeightsError), tempfile.TemporaryDirectory(prefix="bench-steps-") as folder:
        base = weights.find(options.base).path
        peak = machine.matrix_peak()
        found = asyncio.run(measure(base, options.steps, dict(options.extra), Path(folder)))
    table = comparison_table("what", "measured", "beside it", "ratio", title=title)
    found.add_rows(table, peak)
    print_report(table, found.by_kind(), as_json=options.json)


if __name__ == "__main__":
    main()
