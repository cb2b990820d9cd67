"""Several real processes of the bot over one database and a gateway: killed, stopped, and too many."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bench.interactions.discord_server import DiscordServer, discord_server
from bot.settings import ROOT, Settings
from bot.store import leases
from bot.store.database import open_database
from tests.support.eventually import eventually
from tests.support.scripted_server import Script

HERO = "40 woman healing"
SECONDS = 10.0  # that leases last


class Processes:
    """Starts processes that serve some shards."""

    def __init__(
        self, discord: DiscordServer, script: Script, settings: Settings, stack: AsyncExitStack
    ) -> None:
        self.discord = discord
        self._script = script
        self._settings = settings
        self._stack = stack

    async def start(self, ids: str, count: int = 2) -> Process:
        env = {**os.environ, "SHARD_IDS": ids, "SHARD_COUNT": str(count)}
        if self._settings.database_url:
            env["DATABASE_URL"] = self._settings.database_url
        folder = str(self._settings.data_dir)
        arguments = (self.discord.url, self._script.url, folder, str(SECONDS))
        command = (sys.executable, "-m", "tests.support.shard_process", *arguments)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=ROOT, env=env
        )
        self._stack.push_async_callback(_end, process)
        return process


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def line(process: Process) -> str:
    """Return what a process says next."""
    assert process.stdout is not None
    assert process.stderr is not None
    said = (await asyncio.wait_for(process.stdout.readline(), 600)).decode().strip()
    return said or (await process.stderr.read()).decode()


@pytest.fixture
async def processes(script: Script, settings: Settings) -> AsyncIterator[Processes]:
    async with discord_server() as discord, AsyncExitStack() as stack:
        yield Processes(discord, script, settings, stack)


@pytest.mark.slow
@pytest.mark.timeout(3000)
async def test_each_shard_is_served_by_one_process_whatever_becomes_of_it(processes: Processes) -> None:
    discord = processes.discord
    first, second = await processes.start("0"), await processes.start("1")
    assert [await line(each) for each in (first, second)] == ["ready", "ready"]
    for shard in (0, 1):
        await discord.send_hero_command(HERO, shard)
    assert discord.syncs == 1  # by the one that leads

    same, others = await processes.start("1"), await processes.start("2", count=3)
    assert await line(same) == (
        "ended: Shard 1 of 2 is served by another process: everything would be answered twice. Give each "
        "process other SHARD_IDS, or stop the other one."
    )
    assert "divides the servers into 2 shards, this one into 3. Stop them all, give" in await line(others)
    assert [await each.wait() for each in (same, others)] == [1, 1]

    second.send_signal(signal.SIGSTOP)
    heir = await processes.start("1")  # once the leases of the one that stands still have expired
    assert await line(heir) == "ready"
    await discord.send_hero_command(HERO, 1)
    second.send_signal(signal.SIGCONT)
    assert (await line(second)).startswith(
        "ended: Another process serves shard 1 of 2 by now: this one stood"
    )
    assert await second.wait() == 1

    first.kill()
    again = await processes.start("0")
    assert await line(again) == "ready"
    for shard in (0, 1):
        await discord.send_hero_command(HERO, shard)


@pytest.mark.slow
@pytest.mark.timeout(3000)
async def test_a_process_that_never_becomes_ready_does_not_keep_the_others_from_leading(
    processes: Processes, settings: Settings
) -> None:
    discord = processes.discord
    discord.silent.add(0)
    first = await processes.start("0")

    async def taken() -> bool:
        async with open_database(settings.database) as db, db.read() as tx:
            return "shard 0 of 2" in {each.name for each in await leases.list_valid(tx)}

    await eventually(taken, what="the first one serves its shard", timeout=300, interval=1.0)
    assert await line(await processes.start("1")) == "ready"
    await eventually(lambda: discord.syncs == 1, what="the commands are synced", timeout=300)
    async with open_database(settings.database) as db, db.read() as tx:
        owners = {each.name: each.owner for each in await leases.list_valid(tx)}
    assert owners["leader"] == owners["shard 1 of 2"] != owners["shard 0 of 2"]
    assert first.returncode is None
    await discord.send_hero_command(HERO, 1)
