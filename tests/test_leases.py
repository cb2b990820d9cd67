"""Leases: one of several processes has each, and a dead or stopped one loses it."""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.leases import LEADER, Leases, LeaseTiming
from bot.settings import ROOT, Settings
from bot.store.database import Database, open_database
from tests.support.eventually import eventually

QUICK = LeaseTiming(lasts=1.5, prolong=0.3, look=0.2)


class Clock:
    """The machine's clock, as the process sees it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings.database) as opened:
        yield opened


async def test_one_of_two_leads_and_the_other_one_once_it_gives_back(db: Database) -> None:
    clock = Clock()
    one, other = (Leases(db, LeaseTiming(), clock=clock) for _ in range(2))
    assert await one.lead()
    assert not await other.lead()
    assert (one.has(LEADER), other.has(LEADER)) == (True, False)

    await one.release()
    assert not one.has(LEADER)
    assert not await other.lead()  # it has just looked
    clock.now += 2.1
    assert await other.lead()
    assert not await one.lead()


async def test_who_steps_down_leaves_the_lead_to_another_one(db: Database) -> None:
    one, other = Leases(db, LeaseTiming()), Leases(db, LeaseTiming())
    assert await one.take_all(["shard 0 of 2"]) is None
    assert await one.lead()
    await one.step_down()
    assert not one.has(LEADER)
    assert not await one.lead()
    assert await other.lead()
    one.stand()
    assert not await one.lead()
    assert one.has("shard 0 of 2")
    assert [each.name for each in await one.list_valid("shard")] == ["shard 0 of 2"]


async def test_who_stands_aside_waits_for_its_turn_to_lead(db: Database) -> None:
    leases = Leases(db, LeaseTiming(look=3600))
    leases.stand_aside()
    waiting = asyncio.create_task(leases.until_leading())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    leases.stand()
    async with asyncio.timeout(60):
        await waiting
    assert leases.has(LEADER)


async def test_one_alone_asks_the_database_no_more_often_than_it_has_to(db: Database) -> None:
    clock = Clock()
    leases = Leases(db, LeaseTiming(), clock=clock)
    for _ in range(40):
        assert await leases.lead()
        clock.now += 0.5
    assert db.waits.write.count == 5  # in 20 seconds


async def test_many_at_once_get_one_leader(db: Database) -> None:
    found = [Leases(db, LeaseTiming()) for _ in range(20)]
    assert sum(await asyncio.gather(*(each.lead() for each in found))) == 1


async def test_who_stood_still_asks_before_it_acts(db: Database) -> None:
    """The lease has expired by the database's clock, and another one has taken it."""
    clock = Clock()
    ghost, other = Leases(db, LeaseTiming(lasts=0.05), clock=clock), Leases(db, LeaseTiming())
    assert await ghost.lead()
    await asyncio.sleep(0.1)
    assert await other.lead()

    clock.now += 60  # it goes on where it stood
    assert not await ghost.lead()
    assert not ghost.has(LEADER)


async def test_who_stood_still_goes_on_if_nobody_took_over(db: Database) -> None:
    clock = Clock()
    leases = Leases(db, LeaseTiming(lasts=0.05), clock=clock)
    assert await leases.lead()
    await asyncio.sleep(0.1)
    clock.now += 60
    assert await leases.lead()


async def test_several_are_taken_together_or_not_at_all(db: Database) -> None:
    one, other = Leases(db, LeaseTiming()), Leases(db, LeaseTiming())
    assert await one.take_all(["b"]) is None
    assert await other.take_all(["a", "b", "c"]) == "b"
    assert [each.name for each in await one.list_valid("")] == ["b"]
    assert await other.take_all(["a", "c"]) is None
    assert await other.prolong() == set()


async def test_what_was_taken_meanwhile_is_told(db: Database) -> None:
    ghost, other = Leases(db, LeaseTiming(lasts=0.05)), Leases(db, LeaseTiming())
    assert await ghost.take_all(["shard 0 of 2", "shard 1 of 2"]) is None
    await asyncio.sleep(0.1)
    assert await other.take_all(["shard 1 of 2"]) is None
    assert await ghost.prolong() == {"shard 1 of 2"}
    assert await ghost.prolong() == set()  # it is told once


async def test_a_turn_ends_by_itself_for_its_own_process_too(db: Database) -> None:
    leases = Leases(db, LeaseTiming())
    assert await leases.take_for("identify 0", 3.0)
    assert not await leases.take_for("identify 0", 3.0)
    assert await leases.take_for("identify 1", 3.0)
    await eventually(lambda: leases.take_for("identify 0", 3.0), what="the turn ends", timeout=60)


async def test_no_failure_keeps_leases_from_being_prolonged(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    leases = Leases(db, LeaseTiming(lasts=300, prolong=0.01))
    assert await leases.lead()
    prolong, calls = leases.prolong, 0

    async def fail_first() -> set[str]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("of a driver")
        return await prolong()

    monkeypatch.setattr(leases, "prolong", fail_first)
    keeping = asyncio.create_task(leases.keep(lambda _: None))
    await eventually(lambda: calls > 2, what="it goes on")
    keeping.cancel()
    assert "could not be prolonged" in caplog.text
    caplog.clear()


async def test_of_two_at_once_in_one_process_one_is_refused(db: Database) -> None:
    leases = Leases(db, LeaseTiming())
    async with leases.one_at_a_time("check") as first, leases.one_at_a_time("check") as second:
        assert first is not None
        assert second is None
        assert await first.hold("check")
    async with leases.one_at_a_time("check") as again:
        assert again is not None


@asynccontextmanager
async def process(settings: Settings, owner: str, timing: LeaseTiming) -> AsyncIterator[Process]:
    seconds = map(str, (timing.lasts, timing.prolong, timing.look))
    command = ("-m", "tests.support.lease_process", settings.database, owner, *seconds)
    started = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE, cwd=ROOT)
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def read_until(running: Process, line: str, timeout: float = 120) -> float:  # noqa: ASYNC109
    """Read until a line comes, and return when that was."""
    assert running.stdout is not None
    async with asyncio.timeout(timeout):
        while (await running.stdout.readline()).decode().strip() != line:
            pass
    return time.monotonic()


@pytest.mark.parametrize("timing", [QUICK, pytest.param(LeaseTiming(), marks=pytest.mark.slow)])
async def test_a_killed_leader_on_another_machine_is_replaced_in_time(
    settings: Settings, timing: LeaseTiming
) -> None:
    """Of the other machine nobody knows that it is dead: its lease has to expire."""
    async with process(settings, "one", timing) as leader:
        await read_until(leader, "acts")
        async with process(settings, "other", timing) as follower:
            await read_until(follower, "waits")
            leader.kill()
            killed_at = time.monotonic()
            taken_at = await read_until(follower, "acts")
    assert taken_at - killed_at < timing.lasts + timing.look + 2.5  # with the defaults, within 20 s


async def test_a_killed_leader_on_this_machine_is_replaced_at_once(settings: Settings) -> None:
    slow = LeaseTiming(lasts=300, prolong=100, look=0.2)
    async with process(settings, "", slow) as one:
        await read_until(one, "acts")
        async with process(settings, "", slow) as other:
            await read_until(other, "waits")
            one.kill()
            await one.wait()
            await read_until(other, "acts", timeout=60)


async def test_a_stopped_leader_does_not_act_after_another_one_has_taken_over(settings: Settings) -> None:
    async with process(settings, "one", QUICK) as ghost:
        await read_until(ghost, "acts")
        async with process(settings, "other", QUICK) as other:
            await read_until(other, "waits")
            ghost.send_signal(signal.SIGSTOP)
            await read_until(other, "acts")
            assert ghost.stdout is not None
            while not ghost.stdout.at_eof():  # what it printed before it was stopped
                try:
                    await asyncio.wait_for(ghost.stdout.readline(), 0.2)
                except TimeoutError:
                    break
            ghost.send_signal(signal.SIGCONT)
            for _ in range(20):
                assert (await asyncio.wait_for(ghost.stdout.readline(), 60)).decode().strip() == "waits"
                await read_until(other, "acts")
