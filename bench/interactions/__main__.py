"""What the bot adds to a /hero, beside a bare discord.py handler that makes the same calls.

    python -m bench.interactions [--quick] [--json]

starts each bot as a process of its own against a small Discord and a model that answers at once, both over
real HTTP on this machine, and lets people type /hero: one after the other for the times, many at once for
the rate. CPU is the bot process's own, all its threads together. The rounds of the bots take turns. With
--json the last line is one JSON object.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console
from rich.table import Table

from bench.common import machine
from bench.common.servers import BenchError
from bench.interactions.discord_server import DiscordServer, discord_server
from bench.interactions.word_server import word_server
from bot.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_BOTS = ("bare", "streaming", "herosmith")
_AT_ONCE = 16
_TYPED = "40 woman healing"
_WARM_UP = 20
# the bot is measured as it comes, and asks no model that costs
_WITHOUT_SETTINGS = {
    name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields
}


@dataclass(frozen=True)
class Plan:
    """Rounds of each bot, and heroes of a round: one by one, then many at once."""

    rounds: int
    one_by_one: int
    at_once: int


FULL, QUICK = Plan(5, 60, 160), Plan(2, 20, 48)


@dataclass
class Bot:
    """A bot process with its Discord, and what was measured of it."""

    name: str
    server: DiscordServer
    process: psutil.Process
    ready_s: float
    idle_mib: float
    heavy: list[str]
    cpu_ms: list[float] = field(default_factory=list)  # of a hero, by rounds
    seconds: list[float] = field(default_factory=list)  # of heroes asked for one by one
    acknowledged: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)  # at once, by rounds
    per_core_second: list[float] = field(default_factory=list)

    async def round(self, plan: Plan) -> None:
        """Let heroes be asked for."""
        before = self._cpu()
        for _ in range(plan.one_by_one):
            done = await self.server.hero(_TYPED)
            self.seconds.append(done.ended)
            self.acknowledged.append(done.acknowledged)
        self.cpu_ms.append((self._cpu() - before) / plan.one_by_one * 1000)
        before, began = self._cpu(), time.perf_counter()
        await _many(self.server, plan.at_once)
        self.per_second.append(plan.at_once / (time.perf_counter() - began))
        self.per_core_second.append(plan.at_once / (self._cpu() - before))

    def _cpu(self) -> float:
        spent = self.process.cpu_times()
        return spent.user + spent.system

    def percentile(self, share: float) -> float:
        """Milliseconds within which so large a share of heroes was done."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] * 1000


async def _many(server: DiscordServer, heroes: int) -> None:
    left = iter(range(heroes))

    async def some() -> None:
        for _ in left:
            await server.hero(_TYPED)

    await asyncio.gather(*(some() for _ in range(_AT_ONCE)))


async def measure(plan: Plan, folder: Path) -> list[Bot]:
    """Carry out a plan. Raises BenchError where a bot does not start."""
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(word_server())
        bots = [await stack.enter_async_context(_running(name, model, folder)) for name in _BOTS]
        for bot in bots:
            for _ in range(_WARM_UP):
                await bot.server.hero(_TYPED)
            bot.server.calls.clear()
        for number in range(plan.rounds):
            _say(f"round {number + 1} of {plan.rounds} ...")
            for bot in bots:
                await bot.round(plan)
        return bots


@asynccontextmanager
async def _running(name: str, model: str, folder: Path) -> AsyncIterator[Bot]:
    async with discord_server() as server:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.interactions.bot_process", name, server.url, model, str(folder)),
            cwd=_ROOT,
            env=_WITHOUT_SETTINGS,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        if not (process.stdin and process.stdout):
            raise BenchError("the bot's process has no pipes")
        line = (await process.stdout.readline()).decode().split()
        ready_s = time.perf_counter() - began
        if not line:
            raise BenchError(f"{name} did not start")
        await asyncio.sleep(1)
        mib = machine.resident_mib(process.pid)
        try:
            yield Bot(name, server, psutil.Process(process.pid), ready_s, mib, line[1:])
        finally:
            process.stdin.close()
            await process.wait()


def table(bots: list[Bot], title: str) -> Table:
    """The figures, a column for each bot."""
    names = {"bare": "bare discord.py", "streaming": "bare, streaming by the SDK", "herosmith": "Herosmith"}
    shown = Table("", *(names[bot.name] for bot in bots), title=title)
    rows = {
        "CPU of a /hero, ms (median of rounds)": [f"{median(bot.cpu_ms):.1f}" for bot in bots],
        "a /hero, from typed to thumbs, p50, ms": [f"{bot.percentile(0.5):.1f}" for bot in bots],
        "p99, ms": [f"{bot.percentile(0.99):.1f}" for bot in bots],
        "acknowledged, worst, ms": [f"{max(bot.acknowledged) * 1000:.1f}" for bot in bots],
        f"/hero a second, {_AT_ONCE} at once": [f"{median(bot.per_second):.0f}" for bot in bots],
        "/hero a second of CPU": [f"{median(bot.per_core_second):.0f}" for bot in bots],
        "calls to Discord of a /hero": [_calls(bot) for bot in bots],
        "process start to ready, s": [f"{bot.ready_s:.2f}" for bot in bots],
        "resident when idle, MiB": [f"{bot.idle_mib:.0f}" for bot in bots],
        "heavy libraries loaded": [", ".join(bot.heavy) or "none" for bot in bots],
    }
    for name, cells in rows.items():
        shown.add_row(name, *cells)
    return shown


def _calls(bot: Bot) -> str:
    heroes = bot.server.calls["callback"]
    return ", ".join(f"{count / heroes:.2g} {name}" for name, count in sorted(bot.server.calls.items()))


def summary(bots: list[Bot]) -> dict[str, float]:
    """The figures: the peer is the bare handler that streams, the bound the one that does not."""
    bare, streaming, ours = bots
    cpu = median(ours.cpu_ms)
    return {
        "overhead_vs_bare": round(cpu / median(streaming.cpu_ms), 3),
        "overhead_vs_bare_without_model": round(cpu / median(bare.cpu_ms), 3),
        "cpu_ms": round(cpu, 2),
        "p50_over_bare_ms": round(ours.percentile(0.5) - streaming.percentile(0.5), 2),
        "p99_over_bare_ms": round(ours.percentile(0.99) - streaming.percentile(0.99), 2),
        "interactions_per_s": round(median(ours.per_core_second), 1),
        "ready_s": round(ours.ready_s, 2),
        "idle_mib": round(ours.idle_mib, 1),
    }


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.interactions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds and heroes")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    options = parser.parse_args()
    title = machine.describe()
    with tempfile.TemporaryDirectory(prefix="bench-interactions-") as folder:
        try:
            bots = asyncio.run(measure(QUICK if options.quick else FULL, Path(folder)))
        except BenchError as error:
            sys.exit(f"bench: {error}")
    # piped into a file, rich would fold the columns at 80 characters
    console = Console() if sys.stdout.isatty() else Console(width=150)
    console.print(table(bots, title))
    if options.json:
        print(json.dumps(summary(bots)))


if __name__ == "__main__":
    main()
