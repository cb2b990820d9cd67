"""Run each bot as a process against a simulated Discord over real HTTP, and measure it round by round."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.common import machine
from bench.common.report import log_progress
from bench.interactions.discord_server import DiscordServer, discord_server
from bench.interactions.figures import CONCURRENCY, BotFigures
from bench.interactions.model_server import model_server
from bench.interactions.running_bot import bot_process

_BOTS = ("bare", "streaming", "herosmith")
_HERO = "40 woman healing"
_WARM_UP = 20  # commands before the first round
_IDLE_SECONDS = 1.0  # after which the memory of an idle bot is read


@dataclass(frozen=True)
class Plan:
    """Rounds of each bot, and /hero commands per round: one by one, then many at once."""

    rounds: int
    one_by_one: int
    at_once: int


FULL, QUICK = Plan(5, 60, 160), Plan(2, 20, 48)


class Bot:
    """A bot process with its Discord, and its figures."""

    def __init__(self, server: DiscordServer, process: psutil.Process, figures: BotFigures) -> None:
        self.server = server
        self.figures = figures
        self._process = process

    async def run_round(self, plan: Plan) -> None:
        """Send /hero commands one by one, then many at once."""
        figures = self.figures
        cpu_before = self._cpu_seconds()
        for _ in range(plan.one_by_one):
            interaction = await self.server.send_hero_command(_HERO)
            figures.seconds.append(interaction.ended)
            figures.acknowledged.append(interaction.acknowledged)
        figures.cpu_ms.append((self._cpu_seconds() - cpu_before) / plan.one_by_one * 1000)
        cpu_before, started = self._cpu_seconds(), time.perf_counter()
        await self._send_concurrently(plan.at_once)
        figures.per_second.append(plan.at_once / (time.perf_counter() - started))
        figures.per_core_second.append(plan.at_once / (self._cpu_seconds() - cpu_before))

    async def _send_concurrently(self, commands: int) -> None:
        pending = iter(range(commands))

        async def send_in_turn() -> None:
            for _ in pending:
                await self.server.send_hero_command(_HERO)

        await asyncio.gather(*(send_in_turn() for _ in range(CONCURRENCY)))

    def count_calls(self) -> None:
        """Store how many calls to Discord one /hero made."""
        calls = self.server.calls
        self.figures.calls_per_hero = {name: count / calls["callback"] for name, count in calls.items()}

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system


async def measure(plan: Plan, folder: Path) -> list[BotFigures]:
    """Measure all bots. Raises BenchError if one does not start.

    Herosmith starts twice: the first start of an installation creates the database.
    """
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(model_server())
        async with _run_bot("herosmith", model, folder) as installing:
            first = installing.figures
        bots = [await stack.enter_async_context(_run_bot(name, model, folder)) for name in _BOTS]
        for bot in bots:
            for _ in range(_WARM_UP):
                await bot.server.send_hero_command(_HERO)
            bot.server.calls.clear()
        for number in range(plan.rounds):
            log_progress(f"round {number + 1} of {plan.rounds} ...")
            for bot in bots:
                await bot.run_round(plan)
        for bot in bots:
            bot.count_calls()
        bots[-1].figures.first_start = first
        return [bot.figures for bot in bots]


@asynccontextmanager
async def _run_bot(name: str, model: str, folder: Path) -> AsyncIterator[Bot]:
    async with discord_server() as server, bot_process(name, server.url, model, folder) as process:
        await asyncio.sleep(_IDLE_SECONDS)
        mib = machine.resident_mib(process.id)
        figures = BotFigures(name, process.ready_s, mib, process.heavy)
        yield Bot(server, psutil.Process(process.id), figures)
