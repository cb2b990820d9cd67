"""How datasets are built, each figure beside a peer or a bound of the same run.

    python -m bench.dataset [--quick] [--json]

runs the real parts (an installation with its database in a temporary folder) and the peers against a server
without a model, which answers after a given time and within a given rate limit. Speed is compared with an
article's loop and with a semaphore over the SDK; the rate limit with what it allows; memory with all calls as
tasks, and processor time with the SDK alone. About fifteen minutes on two cores, two with --quick: most of
that is the build of 300,000 examples (30,000 with --quick), whose answers are filled into the database but
for every hundredth. With --json the last line is one JSON object.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
from openai import OpenAIError
from rich.console import Console

from bench.common import machine, servers
from bench.common.installation import installation, questions, whole_job, write
from bench.common.servers import BenchError
from bench.common.stopwatch import Spent
from bench.dataset import peers
from bench.dataset.figures import MOST, PER_SECOND, Cost, Figures, Limited, Memory, Rated, Speed
from bench.dataset.memory import MISSING
from bench.engine.__main__ import rotated

_ROOT = Path(__file__).resolve().parents[2]
_CALLS, _LATENCY = 294, 200.0  # the default build; milliseconds
_QUICK_ANSWER = 5.0  # milliseconds of latency where processor time is measured
_WARM_UP = 20  # calls by which each client has loaded what it loads late


@dataclass(frozen=True)
class Plan:
    """How much is measured: calls in the article's loop, at the limit and for processor time; examples."""

    article_calls: int
    rounds: int
    limited_calls: int
    limited_rounds: int
    examples: int
    cost_calls: int


FULL, QUICK = Plan(_CALLS, 3, 600, 2, 300_000, 500), Plan(30, 1, 450, 1, 30_000, 200)

Client = Callable[[str, Sequence[str]], Awaitable[peers.Outcome]]
"""Asks a server at an address some questions. Ours asks its own: as many, and the same ones."""


class Bench:
    """One run; each server and each installation in it gets a folder of its own."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._numbers = count(1)

    async def measure(self) -> Figures:
        """Carry the plan out. Raises BenchError."""
        speed, rated, cost = await self._speed(), await self._rated(), await self._cost()
        return Figures(speed=speed, rated=rated, cost=cost, memory=await self._memory())

    async def _speed(self) -> Speed:
        plan = self._plan
        clients: dict[str, Client] = {
            "writing": self._writing,
            "job": self._job,
            "semaphore": peers.semaphore,
        }
        async with self._server("--latency", str(_LATENCY)) as url:
            asked = await self._questions(url, _CALLS)
            took = await _rounds(f"{_CALLS} calls", clients, plan.rounds, url, asked)
            _say(f"{plan.article_calls} calls, one after the other ...")
            article = await asyncio.to_thread(
                peers.article, url, asked[: plan.article_calls], self._fresh() / "out.csv"
            )
        return Speed(
            calls=_CALLS,
            latency_ms=_LATENCY,
            article_calls=plan.article_calls,
            article=article.seconds,
            **{name: [each.seconds for each in rounds] for name, rounds in took.items()},
        )

    async def _rated(self) -> Rated:
        calls, rounds = self._plan.limited_calls, self._plan.limited_rounds
        clients: dict[str, Client] = {"ours": self._writing, "semaphore": peers.semaphore}
        found: dict[str, list[Limited]] = {name: [] for name in clients}
        for number in range(rounds):
            for name in rotated(list(clients), number):
                _say(f"{calls} calls at a limit, {name}: round {number + 1} of {rounds} ...")
                found[name].append(await self._limited(clients[name], calls))
        return Rated(calls=calls, **found)

    async def _limited(self, client: Client, calls: int) -> Limited:
        """One client before a limit of its own, which nobody has used yet."""
        options = ("--latency", str(_LATENCY), "--most", str(MOST), "--per-second", str(PER_SECOND))
        async with self._server(*options) as url:
            done = await client(url, await self._questions(url, calls))
            counts = await _counts(url)
        return Limited(done.took.seconds, int(counts["rate_limited"]), done.lost)

    async def _cost(self) -> Cost:
        calls = self._plan.cost_calls
        clients: dict[str, Client] = {
            "ours": self._writing,
            "bare": peers.semaphore,
            "bare_aiohttp": peers.bare_aiohttp,
        }
        async with self._server("--latency", str(_QUICK_ANSWER)) as url:
            asked = await self._questions(url, calls)
            for client in clients.values():
                await client(url, asked[:_WARM_UP])
            took = await _rounds(f"processor time of {calls} calls", clients, self._plan.rounds, url, asked)
        spent = {name: [each.busy_seconds / calls * 1e3 for each in rounds] for name, rounds in took.items()}
        return Cost(calls=calls, **spent)

    async def _memory(self) -> Memory:
        examples = self._plan.examples
        full, peer = self._fresh(), self._fresh()
        async with self._server() as url:
            _say(f"filling a database with {examples:,} answers, but for every {MISSING}th ...")
            await _child("fill", examples, url, full)
            _say("building and freezing all of them, asking for the missing ones ...")
            job = await _child("job", examples, url, full)
            tasks = await _child("tasks", examples, url, peer)
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

    async def _writing(self, url: str, asked: Sequence[str]) -> peers.Outcome:
        async with installation(url, self._fresh()) as app:
            built, took = await write(app, len(asked))
        return peers.Outcome([], built.given_up, took)

    async def _job(self, url: str, asked: Sequence[str]) -> peers.Outcome:
        async with installation(url, self._fresh()) as app:
            _, took = await whole_job(app, len(asked))
        return peers.Outcome([], 0, took)

    async def _questions(self, url: str, examples: int) -> list[str]:
        async with installation(url, self._fresh()) as app:
            return questions(app, examples)

    @asynccontextmanager
    async def _server(self, *options: str) -> AsyncIterator[str]:
        async with servers.rated(options, self._fresh() / "server.log") as server:
            yield str(server.client.base_url).rstrip("/")

    def _fresh(self) -> Path:
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        return folder


async def _rounds(
    what: str, clients: dict[str, Client], count: int, url: str, asked: Sequence[str]
) -> dict[str, list[Spent]]:
    """Let the clients take turns, so that whatever disturbs the machine disturbs them alike."""
    took: dict[str, list[Spent]] = {name: [] for name in clients}
    for number in range(count):
        for name in rotated(list(clients), number):
            _say(f"{what}, {name}: round {number + 1} of {count} ...")
            done = await clients[name](url, asked)
            if done.lost:
                raise BenchError(f"{name} lost {done.lost} calls without a limit.")
            took[name].append(done.took)
    return took


async def _counts(url: str) -> dict[str, float]:
    """What a server says that it was asked."""
    async with httpx2.AsyncClient() as client:
        found = (await client.get(url.removesuffix("/v1") + "/counts")).json()
    return {name: float(value) for name, value in found.items()}


async def _child(part: str, examples: int, url: str, folder: Path) -> dict[str, Any]:
    """Have a process of its own do a part. Raises BenchError with its last words."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.dataset.memory", part, str(examples)),
        *("--url", url, "--folder", str(folder)),
        cwd=_ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await process.communicate()
    if process.returncode:
        raise BenchError(f"{part} did not end well:\n{errors.decode(errors='replace')[-2000:]}")
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.dataset",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds and calls, a tenth of the examples"
    )
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    options = parser.parse_args()
    title, started = machine.describe(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-dataset-") as folder:
        try:
            figures = asyncio.run(Bench(QUICK if options.quick else FULL, Path(folder)).measure())
        except (BenchError, OpenAIError) as error:
            sys.exit(f"bench: {error}")
    _say(f"done after {time.monotonic() - started:.0f} s")
    # piped into a file, rich would fold the columns at 80 characters
    console = Console() if sys.stdout.isatty() else Console(width=150)
    console.print(figures.table(title))
    if options.json:
        print(json.dumps(figures.summary()))


if __name__ == "__main__":
    main()
