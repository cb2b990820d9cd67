"""PostgreSQL servers that others maintain: limits of a role, missing rights, a copy that only reads."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from bot.errors import DatabaseBusy, StoreError
from bot.store import jobs
from bot.store.copying.copy import copy_database
from bot.store.copying.end import read_end
from bot.store.database import open_database
from bot.store.inspection import open_to_inspect
from bot.store.job_schema import BuildSpec
from bot.store.timing import DatabaseTiming
from scripts.postgres import PrivateServer
from tests.store.test_postgres import named, opening_error_of
from tests.support.databases import execute
from tests.support.private_postgres import server

__all__ = ["server"]

TIMING = DatabaseTiming(busy_timeout=5, retry_pause=0.05, patience=60)


@pytest.fixture
async def url(server: PrivateServer) -> AsyncIterator[str]:
    """Return the address of an empty database, as a user `ana` who owns it."""
    await execute(server.url, "CREATE ROLE ana LOGIN", "CREATE DATABASE hero OWNER ana TEMPLATE template0")
    yield named(server.url, "hero", username="ana")
    for name in ("hero", "copy"):
        await execute(server.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await execute(server.url, "DROP ROLE ana")


async def test_limits_of_a_role_end_neither_a_wait_nor_a_pause(url: str, server: PrivateServer) -> None:
    """Hosters set such limits. A migration, a copy or a wait for other writers may take longer."""
    for limit in ("statement", "idle_in_transaction_session", "idle_session"):
        await execute(server.url, f"ALTER ROLE ana SET {limit}_timeout = '400ms'")
    async with open_database(url, TIMING) as one, open_database(url, TIMING) as other:
        async with one.write():
            waiting = asyncio.create_task(other.check_writable())
            await asyncio.sleep(1)
        await waiting
        async with one.read() as tx:
            await asyncio.sleep(1)
            await tx.exec_driver_sql("SELECT pg_sleep(1)")
        assert (one.waits.busy, other.waits.busy) == (0, 0)


async def test_limits_of_a_role_end_no_copy(url: str, server: PrivateServer) -> None:
    async with open_database(url, TIMING) as db, db.write() as tx:
        await jobs.add(tx, spec=BuildSpec(), requester_id=7, channel_id=None, at=1.0)
    await execute(server.url, "CREATE DATABASE copy OWNER ana TEMPLATE template0")
    for limit in ("statement", "idle_in_transaction_session", "idle_session"):
        await execute(server.url, f"ALTER ROLE ana SET {limit}_timeout = '400ms'")

    def take_time(_doing: str, table: str, _done: int, _total: int) -> None:
        if table == "job":
            time.sleep(1)

    copied = await copy_database(read_end(url), read_end(named(url, "copy")), set(), take_time)
    assert copied.equal
    assert copied.written


async def test_a_user_who_may_write_to_a_part_of_the_tables_is_told(url: str, server: PrivateServer) -> None:
    """A start would succeed, and the first thing to be written would fail."""
    async with open_database(url, TIMING):
        pass
    await execute(server.url, "CREATE ROLE ben LOGIN")
    bens, admins = named(url, "hero", username="ben"), named(server.url, "hero")
    await execute(admins, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ben")
    assert "by this user, who has not all rights on its batch. Make" in await opening_error_of(bens)
    with pytest.raises(StoreError, match="Make the user the owner of all tables"):
        async with open_to_inspect(bens, busy_timeout=5):
            pass
    await execute(admins, "GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ben")
    assert "who has not all rights on its batch_id_seq" in await opening_error_of(bens)
    await execute(admins, "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ben")
    async with open_database(bens, TIMING) as db:
        await db.check_writable()
    await execute(admins, "DROP OWNED BY ben", "DROP ROLE ben")


async def test_a_server_that_only_reads_is_told_at_the_start(url: str, server: PrivateServer) -> None:
    """It can be read as any other one, so a start would go on, and wait for ever for the first write."""
    async with open_database(url, TIMING):
        pass
    with server.only_reading():
        assert "its server is a copy that only reads. Name the main one" in await opening_error_of(url)
        with pytest.raises(StoreError, match="a copy that only reads"):
            async with open_to_inspect(url, busy_timeout=5):
                pass
    async with open_database(url, TIMING) as db:
        await db.check_writable()


async def test_why_the_database_cannot_be_used_is_told_to_the_log(url: str, server: PrivateServer) -> None:
    """Its person reads only that it is so; nobody else would ever hear why."""
    async with open_database(url, TIMING) as db:
        await asyncio.to_thread(server.stop)
        try:
            with pytest.raises(DatabaseBusy) as caught:
                await db.check_writable()
        finally:
            await asyncio.to_thread(server.start)
    assert "Connect call failed" in caught.value.reason
    assert str(caught.value).endswith(f"the log has the reason. ({caught.value.reason})")
    assert "Connect" not in str(caught.value.message)


async def test_a_pooler_that_shares_sessions_is_no_defect(url: str) -> None:
    """Another client's transaction has the session in between, and its prepared statements."""
    async with open_database(url, TIMING) as db:
        async with db.write() as tx:
            await tx.exec_driver_sql("DEALLOCATE ALL")
        with pytest.raises(DatabaseBusy, match=r"prepared statement .* does not exist"):
            await db.check_writable()
