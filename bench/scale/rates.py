"""How many /hero one, two and four bot processes answer in a second, on one PostgreSQL server.

Each number of processes is an installation of its own with its database, its simulated Discord and one shard
for each process. All run from the beginning to the end, and take turns round by round: one that has no turn
only renews its leases.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.common.processes import cpu_seconds
from bench.common.report import log_progress
from bench.common.rounds import rotated
from bench.interactions.discord_server import DiscordServer, discord_server
from bench.interactions.model_server import model_server
from bench.interactions.running_bot import bot_process
from bench.scale.databases import server_cpu_seconds, server_process
from bench.scale.figures import Run

COUNTS = (1, 2, 4)
"""Of the bot processes that are measured."""

AT_ONCE = 16
"""/hero in flight at a time, over all processes."""

_HERO = "40 woman healing"
_WARM_UP = 20  # /hero for each shard, before the first round


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds, and the /hero of a round."""

    rounds: int
    commands: int


@dataclass(frozen=True, slots=True)
class _Installation:
    """Several processes with a shard each, and the first process of the server, if it is on this machine."""

    discord: DiscordServer
    bots: Sequence[psutil.Process]
    server: psutil.Process | None
    run: Run = field(compare=False)

    @property
    def shards(self) -> int:
        return len(self.bots)


def database_name(count: int) -> str:
    """Return the name of the database of so many processes."""
    return f"bots{count}"


async def measure(urls: Mapping[str, str], plan: Plan, folder: Path) -> list[Run]:
    """Measure on empty databases, given by their names. Raises BenchError if a bot does not start."""
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(model_server())
        installations = {}
        for count in COUNTS:
            log_progress(f"starting bots: {count} ...")
            name = database_name(count)
            (folder / name).mkdir(parents=True)
            opened = _open(count, model, urls[name], folder / name)
            installations[name] = await stack.enter_async_context(opened)
        for number in range(plan.rounds):
            log_progress(f"/hero, round {number + 1} of {plan.rounds} ...")
            for name in rotated(list(installations), number):
                await _run_round(installations[name], plan.commands)
        return [each.run for each in installations.values()]


@asynccontextmanager
async def _open(count: int, model: str, database: str, folder: Path) -> AsyncIterator[_Installation]:
    async with discord_server() as discord, AsyncExitStack() as stack:
        ids = []
        for shard in range(count):
            settings = {"DATABASE_URL": database, "SHARD_IDS": str(shard), "SHARD_COUNT": str(count)}
            bot = bot_process("herosmith", discord.url, model, folder, settings)
            ids.append((await stack.enter_async_context(bot)).id)
        bots = [psutil.Process(each) for each in ids]
        await _send(discord, count, _WARM_UP * count)
        yield _Installation(discord, bots, await server_process(database), Run(count))


async def _run_round(installation: _Installation, commands: int) -> None:
    run = installation.run
    before, started = _cpu(installation), time.perf_counter()
    await _send(installation.discord, installation.shards, commands)
    run.per_second.append(commands / (time.perf_counter() - started))
    for seconds, was, now in zip(
        (run.bot_ms, run.database_ms, run.bench_ms), before, _cpu(installation), strict=True
    ):
        seconds.append((now - was) / commands * 1000)


def _cpu(installation: _Installation) -> tuple[float, float, float]:
    """Return the processor seconds of the bots, of the database server, and of this process."""
    ours, server = os.times(), installation.server
    database = server_cpu_seconds(server) if server else 0.0
    return cpu_seconds(installation.bots), database, ours.user + ours.system


async def _send(discord: DiscordServer, shards: int, commands: int) -> None:
    """Send /hero to all shards in turn, many at once, and wait for the answers."""
    pending = iter(range(commands))

    async def send_in_turn() -> None:
        for number in pending:
            await discord.send_hero_command(_HERO, number % shards)

    await asyncio.gather(*(send_in_turn() for _ in range(AT_ONCE)))
