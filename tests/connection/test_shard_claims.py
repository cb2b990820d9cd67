"""Shard claims: what processes that do not fit together, and shards without one, come to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.connection.shard_claims import ShardClaims
from bot.leases import Leases, LeaseTiming
from bot.settings import Settings
from bot.shards import Shards
from bot.store.database import Database, open_database
from tests.support.eventually import eventually

QUICK = LeaseTiming(lasts=1.0, prolong=0.1, look=0.1)
KEY = "0123456789abcdef"


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings.database) as opened:
        yield opened


def claims_of(db: Database, *, timing: LeaseTiming = QUICK, key: str = KEY) -> ShardClaims:
    return ShardClaims(Leases(db, timing), Leases(db, timing, key))


async def test_two_that_begin_at_the_same_moment_with_other_counts_do_not_both_serve(db: Database) -> None:
    long = LeaseTiming(lasts=30.0, prolong=1.0, look=0.05)
    both = [claims_of(db, timing=long).take(Shards((0,), count)) for count in (2, 3)]
    tasks = [asyncio.create_task(each) for each in both]
    await asyncio.wait(tasks, timeout=3)  # one that is refused goes on trying
    served = [each for each in tasks if each.done() and each.exception() is None]
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(served) <= 1


async def test_one_that_stood_still_ends_if_another_key_is_in_use_by_now(db: Database) -> None:
    ghost = claims_of(db, timing=LeaseTiming(lasts=0.05, prolong=0.1, look=0.1))
    await ghost.take(Shards((0,), 2))
    await asyncio.sleep(0.1)
    await claims_of(db, timing=LeaseTiming(), key="another").take(Shards((1,), 2))
    async with asyncio.timeout(60):
        assert "Another process has another voters.key" in await ghost.keep(
            Shards((0,), 2), can_lead=lambda: True
        )


async def test_shards_that_nobody_serves_are_told_once(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    claims, mine = claims_of(db), Shards((1,), 4)
    await claims.take(mine)
    keeping = asyncio.create_task(claims.keep(mine, can_lead=lambda: True))
    told = "no process serves shard 0,2-3 of 4: in their servers nobody answers. Start a process with these"
    await eventually(lambda: told in caplog.text, what="it is told", timeout=60)
    await asyncio.sleep(2.5)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert caplog.text.count(told) == 1


async def test_one_that_loses_its_connection_lets_another_one_lead_until_it_is_back(db: Database) -> None:
    connected = True
    leases, other = Leases(db, QUICK), Leases(db, QUICK)
    claims, mine = ShardClaims(leases, Leases(db, QUICK, KEY)), Shards((0,), 2)
    await claims.take(mine)
    keeping = asyncio.create_task(claims.keep(mine, can_lead=lambda: connected))
    assert await leases.lead()
    assert not await other.lead()

    connected = False
    await eventually(other.lead, what="another one leads", timeout=60)
    assert not await leases.lead()

    connected = True
    await asyncio.sleep(0.5)
    assert not await leases.lead()  # another one does
    await other.release()
    await eventually(leases.lead, what="it leads again", timeout=60)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
