"""Several real processes of the bot over one database and a gateway: killed, stopped, and too many."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import func, make_url, select

from bench.interactions.discord_server import serving
from bench.interactions.payloads import CHANNEL
from bot.i18n.message import LocalizedMessage
from bot.leases import LEADER
from bot.settings import ROOT, Settings
from bot.store import leases, notifications
from bot.store.database import Database, open_database
from bot.store.schema import notice, vote
from scripts.postgres import PrivateServer
from tests.support.clicked_discord import ClickedDiscord
from tests.support.databases import execute
from tests.support.eventually import eventually
from tests.support.private_postgres import server
from tests.support.scripted_server import Script

__all__ = ["server"]

HERO = "40 woman healing"
SECONDS = 10.0  # that leases last
REAL_SECONDS = 15.0  # the same of a bot that is not tested
TAKEOVER = 20.0  # seconds until another process leads


class Processes:
    """Starts processes that serve some shards."""

    def __init__(
        self, discord: ClickedDiscord, script: Script, settings: Settings, stack: AsyncExitStack
    ) -> None:
        self.discord = discord
        self._script = script
        self._settings = settings
        self._stack = stack

    async def start(self, ids: str, count: int = 2, seconds: float = SECONDS) -> Process:
        env = {**os.environ, "SHARD_IDS": ids, "SHARD_COUNT": str(count)}
        if self._settings.database_url:
            env["DATABASE_URL"] = self._settings.database_url
        folder = str(self._settings.data_dir)
        arguments = (self.discord.url, self._script.url, folder, str(seconds))
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
    async with serving(ClickedDiscord()) as discord, AsyncExitStack() as stack:
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


async def leader_of(db: Database, processes: dict[int, Process]) -> Process | None:
    """Return the process that leads; None while the lease has expired."""
    async with db.read() as tx:
        found = await leases.list_valid(tx, LEADER)
    return processes[int(found[0].owner.split("/")[2])] if found else None


async def count_votes(db: Database) -> int:
    async with db.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(vote))).scalar_one())


async def notify(db: Database, discord: ClickedDiscord, text: str) -> None:
    """Let whoever leads post a notification, and note that it has."""
    async with db.write() as tx:
        number = await notifications.add(tx, text, LocalizedMessage(text), at=time.time(), channel_id=CHANNEL)

    async def is_sent() -> bool:
        async with db.read() as tx:
            return bool((await tx.execute(select(notice.c.told).where(notice.c.id == number))).scalar_one())

    await eventually(is_sent, what=f"{text} is posted", timeout=120)
    assert text in discord.posts


@pytest.mark.slow
@pytest.mark.timeout(3000)
async def test_what_people_do_counts_in_each_process_and_one_of_them_leads(
    processes: Processes, settings: Settings
) -> None:
    """Members vote and click in the servers of two processes, of which one stands still, then one dies."""
    discord = processes.discord
    running = [await processes.start(ids, seconds=REAL_SECONDS) for ids in ("0", "1")]
    by_id = {each.pid: each for each in running}
    assert [await line(each) for each in running] == ["ready", "ready"]
    messages = [(await discord.send_hero_command(HERO, shard)).number for shard in (0, 1)]
    kept = [discord.button(each, "hero:keep:") for each in messages]

    async with open_database(settings.database) as db:
        for shard, message in enumerate(messages):
            await discord.react(message, "👍", 7, shard)
            assert (await discord.press(message, kept[shard], shard)).startswith("🔖 Kept")

        async def has_votes(number: int) -> bool:
            return await count_votes(db) == number

        await eventually(lambda: has_votes(2), what="both votes are there", timeout=60)
        await notify(db, discord, "first")

        still = await leader_of(db, by_id)
        assert still is not None
        other = next(each for each in running if each is not still)

        async def other_leads() -> bool:
            return await leader_of(db, by_id) is other

        still.send_signal(signal.SIGSTOP)
        await eventually(other_leads, what="another process leads", timeout=TAKEOVER)
        await notify(db, discord, "second")
        still.send_signal(signal.SIGCONT)
        shard = running.index(still)
        await discord.send_hero_command(HERO, shard)
        await notify(db, discord, "third")

        other.kill()
        await notify(db, discord, "fourth")  # by the one that stood still
        heir = await processes.start(str(1 - shard), seconds=REAL_SECONDS)
        assert await line(heir) == "ready"
        await discord.react(messages[1 - shard], "👎", 8, 1 - shard)
        await eventually(lambda: has_votes(3), what="a vote on a text of before counts", timeout=60)
        told = await discord.press(messages[1 - shard], kept[1 - shard], 1 - shard)
        assert told.startswith("🔖 Kept")

    assert discord.posts == ["first", "second", "third", "fourth"]
    assert discord.syncs == 1


@pytest.mark.slow
@pytest.mark.timeout(3000)
async def test_a_server_that_crashes_under_two_processes_loses_no_vote(
    script: Script, settings: Settings, server: PrivateServer
) -> None:
    """What is clicked meanwhile is answered in a sentence, or written once the server is back."""
    await execute(server.url, "CREATE DATABASE hero TEMPLATE template0")
    url = make_url(server.url).set(database="hero").render_as_string(hide_password=False)
    there = settings.model_copy(update={"database_url": url})
    async with serving(ClickedDiscord()) as discord, AsyncExitStack() as stack:
        processes = Processes(discord, script, there, stack)
        running = [await processes.start(ids, seconds=REAL_SECONDS) for ids in ("0", "1")]
        assert [await line(each) for each in running] == ["ready", "ready"]
        messages = [(await discord.send_hero_command(HERO, shard)).number for shard in (0, 1)]

        await asyncio.to_thread(server.kill)
        for shard, message in enumerate(messages):
            await discord.react(message, "👍", 7, shard)
            told = await discord.press(message, discord.button(message, "hero:keep:"), shard)
            assert told.startswith("The database cannot be used right now.")
        await asyncio.to_thread(server.start)

        async with open_database(url) as db:

            async def has_both() -> bool:
                return await count_votes(db) == len(messages)

            await eventually(has_both, what="the votes of meanwhile are there", timeout=120)
        for shard in (0, 1):
            await discord.send_hero_command(HERO, shard)
        assert [each.returncode for each in running] == [None, None]


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
