"""Measure builds by the real parts and by the baselines, against a server without a model."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from bench.common import servers
from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.common.rounds import rotated
from bench.common.stopwatch import Elapsed
from bench.dataset import baselines
from bench.dataset.figures import BURST, PER_SECOND, Cost, Figures, Memory, RateLimited, RateLimitedRun, Speed
from bench.dataset.installation import build_questions, installation, run_build_job, write_examples
from bench.dataset.memory import MISSING

_ROOT = Path(__file__).resolve().parents[2]
_CALLS, _LATENCY = 294, 200.0  # calls of the default build; milliseconds
_SHORT_LATENCY = 5.0  # milliseconds, for processor time
_WARM_UP = 20  # calls after which each client has finished its lazy loading


@dataclass(frozen=True)
class Plan:
    """How much is measured: calls of the article's loop, under the limit and for processor time; examples."""

    article_calls: int
    rounds: int
    limited_calls: int
    limited_rounds: int
    examples: int
    cost_calls: int


FULL, QUICK = Plan(_CALLS, 3, 600, 2, 300_000, 500), Plan(30, 1, 450, 1, 30_000, 200)

Client = Callable[[str, Sequence[str]], Awaitable[baselines.ClientResult]]
"""Asks the server at a URL these questions. The bot asks its own: equally many, and the same ones."""


class Bench:
    """One run. Each server and each installation has a folder of its own."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._numbers = count(1)

    async def measure(self) -> Figures:
        """Measure everything. Raises BenchError if a client or a job fails."""
        speed, rate_limited, cost = await self._speed(), await self._rate_limited(), await self._cost()
        return Figures(speed=speed, rate_limited=rate_limited, cost=cost, memory=await self._memory())

    async def _speed(self) -> Speed:
        plan = self._plan
        clients: dict[str, Client] = {
            "writing": self._write_examples,
            "job": self._run_job,
            "semaphore": baselines.semaphore_client,
        }
        async with self._server("--latency", str(_LATENCY)) as url:
            questions = await self._questions(url, _CALLS)
            elapsed = await _rounds(f"{_CALLS} calls", clients, plan.rounds, url, questions)
            log_progress(f"{plan.article_calls} calls, one after the other ...")
            article = await asyncio.to_thread(
                baselines.article_loop, url, questions[: plan.article_calls], self._new_folder() / "out.csv"
            )
        return Speed(
            calls=_CALLS,
            latency_ms=_LATENCY,
            article_calls=plan.article_calls,
            article=article.seconds,
            **{name: [run.seconds for run in rounds] for name, rounds in elapsed.items()},
        )

    async def _rate_limited(self) -> RateLimited:
        calls, rounds = self._plan.limited_calls, self._plan.limited_rounds
        clients: dict[str, Client] = {"ours": self._write_examples, "semaphore": baselines.semaphore_client}
        runs: dict[str, list[RateLimitedRun]] = {name: [] for name in clients}
        for number in range(rounds):
            for name in rotated(list(clients), number):
                log_progress(f"{calls} calls at a limit, {name}: round {number + 1} of {rounds} ...")
                runs[name].append(await self._rate_limited_run(clients[name], calls))
        return RateLimited(calls=calls, **runs)

    async def _rate_limited_run(self, client: Client, calls: int) -> RateLimitedRun:
        """Run one client against a server of its own, whose limit is still unused."""
        options = ("--latency", str(_LATENCY), "--burst", str(BURST), "--per-second", str(PER_SECOND))
        async with self._server(*options) as url:
            result = await client(url, await self._questions(url, calls))
            counts = await _counts(url)
        return RateLimitedRun(result.elapsed.seconds, int(counts["rate_limited"]), result.lost)

    async def _cost(self) -> Cost:
        calls = self._plan.cost_calls
        clients: dict[str, Client] = {
            "ours": self._write_examples,
            "bare": baselines.semaphore_client,
            "bare_aiohttp": baselines.semaphore_client_aiohttp,
        }
        async with self._server("--latency", str(_SHORT_LATENCY)) as url:
            questions = await self._questions(url, calls)
            for client in clients.values():
                await client(url, questions[:_WARM_UP])
            elapsed = await _rounds(
                f"processor time of {calls} calls", clients, self._plan.rounds, url, questions
            )
        cpu_ms = {name: [run.cpu_seconds / calls * 1e3 for run in rounds] for name, rounds in elapsed.items()}
        return Cost(calls=calls, **cpu_ms)

    async def _memory(self) -> Memory:
        examples = self._plan.examples
        full, empty = self._new_folder(), self._new_folder()
        async with self._server() as url:
            log_progress(f"filling a database with {examples:,} answers, except for every {MISSING}th ...")
            await _run_memory_part("fill", examples, url, full)
            log_progress("building and freezing all of them, asking for the missing ones ...")
            job = await _run_memory_part("job", examples, url, full)
            tasks = await _run_memory_part("tasks", examples, url, empty)
        return Memory(
            examples=examples,
            asked=job["result"]["asked"],
            mib=job["mib"],
            opened_mib=job["opened_mib"],
            seconds=job["seconds"],
            busy_seconds=job["busy_seconds"],
            tasks_mib=tasks["mib"],
            tasks_opened_mib=tasks["opened_mib"],
        )

    async def _write_examples(self, url: str, questions: Sequence[str]) -> baselines.ClientResult:
        async with installation(url, self._new_folder()) as app:
            built, elapsed = await write_examples(app, len(questions))
        return baselines.ClientResult([], built.given_up, elapsed)

    async def _run_job(self, url: str, questions: Sequence[str]) -> baselines.ClientResult:
        async with installation(url, self._new_folder()) as app:
            _, elapsed = await run_build_job(app, len(questions))
        return baselines.ClientResult([], 0, elapsed)

    async def _questions(self, url: str, examples: int) -> list[str]:
        async with installation(url, self._new_folder()) as app:
            return build_questions(app, examples)

    @asynccontextmanager
    async def _server(self, *options: str) -> AsyncIterator[str]:
        async with servers.rate_limited_server(options, self._new_folder() / "server.log") as server:
            yield str(server.client.base_url).rstrip("/")

    def _new_folder(self) -> Path:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        return folder


async def _rounds(
    label: str, clients: dict[str, Client], count: int, url: str, questions: Sequence[str]
) -> dict[str, list[Elapsed]]:
    """Let the clients take turns, so that other work on the machine disturbs them alike."""
    elapsed: dict[str, list[Elapsed]] = {name: [] for name in clients}
    for number in range(count):
        for name in rotated(list(clients), number):
            log_progress(f"{label}, {name}: round {number + 1} of {count} ...")
            result = await clients[name](url, questions)
            if result.lost:
                raise BenchError(f"{name} lost {result.lost} calls without a limit.")
            elapsed[name].append(result.elapsed)
    return elapsed


async def _counts(url: str) -> dict[str, float]:
    """Return what the server counted."""
    async with httpx2.AsyncClient() as client:
        counts = (await client.get(url.removesuffix("/v1") + "/counts")).json()
    return {name: float(value) for name, value in counts.items()}


async def _run_memory_part(part: str, examples: int, url: str, folder: Path) -> dict[str, Any]:
    """Run a part of bench.dataset.memory as a process. Raises BenchError with the end of its stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.dataset.memory", part, str(examples)),
        *("--url", url, "--folder", str(folder)),
        cwd=_ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode:
        raise BenchError(f"{part} failed:\n{errors.decode(errors='replace')[-2000:]}")
    figures: dict[str, Any] = json.loads(output.splitlines()[-1])
    return figures
