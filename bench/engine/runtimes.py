"""How fast the engine's runtimes answer, beside each other: one engine each, taking turns.

    python -m bench.engine.runtimes [--base MODEL.gguf] [--rounds 5] [--streams 1,4,8,16] [--json]

Run nothing else meanwhile. Each figure is the median over the rounds of the ratio within a round. Processor
time is that of the engine and of all processes that it started. Results: bench/engine/serving.md.
"""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from rich.table import Table

from bench.common import machine, servers
from bench.common.report import comparison_table, exit_on, log_progress, print_report
from bench.common.rounds import rotated
from bench.common.servers import RunningServer
from bench.engine.load import ChatRound, ServedModel, run_chat, run_chats
from bench.engine.texts import questions
from engine.storage import weights
from engine.storage.weights import WeightsError

RUNTIMES = ("llama.cpp", "openvino")
_LOADING_SECONDS = 60.0


@dataclass(frozen=True)
class RuntimeRound:
    """A round of chats with one runtime: its speed, and processor time for each token in milliseconds."""

    chats: ChatRound
    cpu_ms: float


Rounds = Mapping[tuple[str, int], Sequence[RuntimeRound]]
"""Rounds by runtime and number of streams, equally many for each."""


async def measure(base: Path | None, rounds: int, streams: Sequence[int], folder: Path) -> dict[str, Any]:
    """Return the figures by name, and what each runtime takes in memory."""
    name = weights.find(base).id
    async with AsyncExitStack() as stack:
        running: dict[str, RunningServer] = {}
        for runtime in RUNTIMES:
            data = folder / runtime
            engine = servers.engine_server(data, base, runtime=runtime)
            running[runtime] = await stack.enter_async_context(engine)
        await _until_openvino_answers(running["openvino"])
        found: dict[tuple[str, int], list[RuntimeRound]] = {}
        prompts = questions()
        for number in range(rounds):
            log_progress(f"round {number + 1} of {rounds}; load {os.getloadavg()[0]:.1f} ...")
            for count in streams:
                for runtime in rotated(RUNTIMES, number):
                    result = await _round(running[runtime], name, prompts, count)
                    found.setdefault((runtime, count), []).append(result)
        memory = {runtime: _resident_mib(server) for runtime, server in running.items()}
    return {**summary(found, streams), "rounds": rounds, "memory_mib": memory}


def summary(found: Rounds, streams: Sequence[int]) -> dict[str, Any]:
    """Return the figures of both runtimes and their ratios, by name."""
    figures: dict[str, Any] = {}
    for count in streams:
        pairs = list(zip(found["openvino", count], found["llama.cpp", count], strict=True))
        figures |= {
            f"speedup_{count}": _median_ratio(pairs, lambda each: each.chats.tokens_per_second),
            f"cpu_per_token_ratio_{count}": _median_ratio(pairs, lambda each: each.cpu_ms),
            f"ttft_ratio_{count}": _median_ratio(pairs, lambda each: each.chats.first),
        }
        for runtime in RUNTIMES:
            rounds = found[runtime, count]
            key = "openvino" if runtime == "openvino" else "llama_cpp"
            figures[f"{key}_tokens_per_second_{count}"] = median(
                each.chats.tokens_per_second for each in rounds
            )
            figures[f"{key}_ttft_{count}_ms"] = 1000 * median(each.chats.first for each in rounds)
    return {name: round(value, 3) for name, value in figures.items()}


def _median_ratio(
    pairs: Sequence[tuple[RuntimeRound, RuntimeRound]], of: Callable[[RuntimeRound], float]
) -> float:
    return median(of(openvino) / of(llama) for openvino, llama in pairs)


async def _round(server: RunningServer, model: str, prompts: Iterator[str], streams: int) -> RuntimeRound:
    before = _cpu_seconds(server)
    count = max(2, streams)
    chats = await run_chats(ServedModel(server.client, model), prompts, streams=streams, count=count)
    tokens = chats.tokens_per_second * chats.seconds
    return RuntimeRound(chats, 1000 * (_cpu_seconds(server) - before) / tokens)


async def _until_openvino_answers(server: RunningServer) -> None:
    """Wait until OpenVINO has loaded the base; llama.cpp would answer before."""
    model = ServedModel(server.client, (await server.client.models.list()).data[0].id)
    metrics = str(server.client.base_url).replace("/v1/", "/metrics")
    async with asyncio.timeout(_LOADING_SECONDS):
        while "engine_openvino_models 1.0" not in await server.client.get(metrics, cast_to=str):  # noqa: ASYNC110
            await asyncio.sleep(0.2)  # only the metrics tell
    await run_chat(model, next(questions(seed=9)), seed=0)


def _processes(server: RunningServer) -> list[psutil.Process]:
    engine = psutil.Process(server.process_id)
    return [engine, *engine.children(recursive=True)]


def _cpu_seconds(server: RunningServer) -> float:
    times = [process.cpu_times() for process in _processes(server)]
    return sum(each.user + each.system for each in times)


def _resident_mib(server: RunningServer) -> float:
    return round(sum(process.memory_info().rss for process in _processes(server)) / 2**20)


def _table(figures: dict[str, Any], streams: Sequence[int], title: str) -> Table:
    table = comparison_table("chats at once", "llama.cpp", "OpenVINO", "ratio", title=title)
    for count in streams:
        llama, openvino = (figures[f"{name}_tokens_per_second_{count}"] for name in ("llama_cpp", "openvino"))
        ratio = f"{figures[f'speedup_{count}']:.2f}"
        table.add_row(f"{count}: tokens/s", f"{llama:.0f}", f"{openvino:.0f}", ratio)
        first = [f"{figures[f'{name}_ttft_{count}_ms']:.0f}" for name in ("llama_cpp", "openvino")]
        table.add_row("   first word, ms", *first, f"{figures[f'ttft_ratio_{count}']:.2f}")
        table.add_row("   processor time a token", "", "", f"{figures[f'cpu_per_token_ratio_{count}']:.2f}")
    memory = figures["memory_mib"]
    table.add_row("memory, MiB", *(f"{memory[runtime]:.0f}" for runtime in RUNTIMES), "")
    return table


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.engine.runtimes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", type=Path, help="a .gguf file (default: the packaged weights)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--streams", type=lambda text: [int(count) for count in text.split(",")], default=[1, 4, 8, 16]
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object on the last line")
    options = parser.parse_args()
    title = machine.describe()
    with exit_on(WeightsError), tempfile.TemporaryDirectory(prefix="bench-runtimes-") as folder:
        figures = asyncio.run(measure(options.base, options.rounds, options.streams, Path(folder)))
    print_report(_table(figures, options.streams, title), figures, as_json=options.json)


if __name__ == "__main__":
    main()
