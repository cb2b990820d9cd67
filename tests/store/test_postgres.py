"""PostgreSQL: what SQLite's one writer gives for nothing, a server that goes away, and wrong addresses."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import make_url, text

from bot.errors import DatabaseBusy, StoreError
from bot.settings import ROOT
from bot.store import jobs
from bot.store.database import Database, Transaction, open_database
from bot.store.job_schema import BuildSpec
from bot.store.shared_writes import WriteTask
from bot.store.timing import DatabaseTiming
from scripts.postgres import PrivateServer
from tests.support.databases import execute
from tests.support.eventually import eventually
from tests.support.private_postgres import Way, server

__all__ = ["server"]

TIMING = DatabaseTiming(busy_timeout=5, retry_pause=0.05, stalled_after=1, patience=60)
_COUNTED = "CREATE TABLE counted (number INTEGER NOT NULL)", "INSERT INTO counted VALUES (0)"


@pytest.fixture
async def url(server: PrivateServer) -> AsyncIterator[str]:
    """Return the address of an empty database."""
    await execute(server.url, "CREATE DATABASE hero TEMPLATE template0")
    yield named(server.url, "hero")
    await execute(server.url, "DROP DATABASE hero WITH (FORCE)")


def named(url: str, database: str, **parts: object) -> str:
    changed = make_url(url).set(database=database, **parts)  # type: ignore[arg-type]
    return changed.render_as_string(hide_password=False)


async def count_up(tx: Transaction) -> int:
    """Add one as SQLite allows: by a number that was read before."""
    number = int((await tx.execute(text("SELECT number FROM counted"))).scalar_one())
    await asyncio.sleep(0)
    await tx.execute(text("UPDATE counted SET number = :number"), {"number": number + 1})
    return number + 1


async def counted(db: Database) -> int:
    async with db.read() as tx:
        return int((await tx.execute(text("SELECT number FROM counted"))).scalar_one())


async def test_writers_of_two_processes_take_turns(url: str) -> None:
    async with open_database(url, TIMING) as one, open_database(url, TIMING) as other:
        await execute(url, *_COUNTED)

        async def write(db: Database) -> None:
            for _ in range(20):
                async with db.write() as tx:
                    await count_up(tx)

        await asyncio.gather(*(write(db) for db in (one, other) for _ in range(3)))
        assert await counted(one) == await counted(other) == 120
        assert one.waits.busy == other.waits.busy == 0


async def test_processes_that_start_together_migrate_once(url: str) -> None:
    async def start() -> None:
        async with open_database(url, TIMING) as db, db.read() as tx:
            await tx.execute(text("SELECT count(*) FROM job"))

    await asyncio.gather(*(start() for _ in range(4)))


async def test_a_reader_sees_one_moment_and_keeps_nobody_from_writing(url: str) -> None:
    async with open_database(url, TIMING) as db:
        await execute(url, *_COUNTED)
        async with db.read() as tx:
            before = (await tx.execute(text("SELECT number FROM counted"))).scalar_one()
            async with db.write() as writing:
                await count_up(writing)
            assert (await tx.execute(text("SELECT number FROM counted"))).scalar_one() == before
        assert await counted(db) == before + 1


async def test_a_reader_cannot_write(url: str) -> None:
    async with open_database(url, TIMING) as db:
        with pytest.raises(DatabaseBusy):
            async with db.read() as tx:
                await tx.execute(text("DELETE FROM job"))


_HOLDER = """
import asyncio, sys
from sqlalchemy import text
from bot.store.database import open_database
from bot.store.timing import DatabaseTiming
async def hold():
    async with open_database(sys.argv[1]) as db, db.write() as tx:
        await tx.execute(text("UPDATE counted SET number = 100"))
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(hold())
"""


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_writer_that_is_killed_or_stopped_holds_nobody_up(url: str, way: signal.Signals) -> None:
    """What it has not committed is as if it had never been, also when a stopped one goes on."""
    async with open_database(url, TIMING) as db:
        await execute(url, *_COUNTED)
        holder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _HOLDER.replace("sys.argv[1])", f"sys.argv[1], {TIMING!r})")),
            url,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert holder.stdout
            assert await holder.stdout.readline() == b"held\n"
            holder.send_signal(way)
            assert await db.write_when_free(count_up) == 1
        finally:
            if way != signal.SIGKILL:
                holder.send_signal(signal.SIGCONT)
                holder.kill()
            await holder.wait()
        assert await counted(db) == 1


async def test_what_is_written_while_the_server_is_away_is_there_when_it_is_back(
    url: str, server: PrivateServer
) -> None:
    """Killed under load and started again, twice: nothing that was acknowledged is lost or written twice."""
    async with open_database(url, TIMING) as db:
        await execute(url, *_COUNTED)
        acknowledged = 0
        is_over = False

        async def write() -> None:
            nonlocal acknowledged
            while not is_over:
                await db.write_when_free(count_up)
                acknowledged += 1

        writing = [asyncio.create_task(write()) for _ in range(5)]
        for _ in range(2):
            before = acknowledged
            await eventually(lambda: acknowledged > before + 20, what="much is written")  # noqa: B023
            await asyncio.to_thread(server.kill)
            with pytest.raises(DatabaseBusy, match="cannot be used right now"):
                await counted(db)
            await asyncio.to_thread(server.start)
        is_over = True
        await asyncio.gather(*writing)
        assert await counted(db) == acknowledged


async def test_idle_connections_of_a_server_that_was_started_anew_are_not_used(
    url: str, server: PrivateServer
) -> None:
    async with open_database(url, TIMING) as db:
        await execute(url, *_COUNTED)
        async with db.write() as tx:
            await count_up(tx)
        assert await counted(db) == 1
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(0)  # the loop hears that they are closed
        assert await counted(db) == 1
        async with db.write() as tx:
            await count_up(tx)
        assert db.waits.busy == 0


@pytest.mark.parametrize("statement", [b"COMMIT", b"UPDATE counted"])
async def test_a_lost_answer_to_a_commit_writes_nothing_twice(
    url: str, statement: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The server has committed, and nobody heard of it: written again, a vote or a cost would count twice."""
    way = Way(url)
    async with way.opened() as through, open_database(through, TIMING) as db:
        await execute(url, *_COUNTED)
        way.lose_answer_to(statement)
        assert await db.write_when_free(count_up) == 1
        assert way.losses == 1
        assert await counted(db) == 1
        way.lose_answer_to(statement)
        assert await asyncio.gather(*(db.write_when_free(count_up) for _ in range(3))) == [2, 3, 4]
        assert await counted(db) == 4
    assert "what waits is written later" in caplog.text


async def test_a_commit_that_a_crash_lost_is_not_taken_for_that_of_the_next_writer(
    url: str, server: PrivateServer
) -> None:
    """A server that crashed gives the number of the transaction that it lost to the next one."""
    way = Way(url)

    async def crash() -> None:
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)

    async with way.opened() as through, open_database(through, TIMING) as db:
        await execute(url, *_COUNTED)
        # what the transaction has written by then is not to be on the disk
        await execute(
            url, "ALTER SYSTEM SET wal_writer_delay = '10s'", "SELECT pg_reload_conf()", "CHECKPOINT"
        )
        assert await db.write_when_free(count_up) == 1  # which opens the connection
        way.lose(b"COMMIT", crash)
        written = await asyncio.gather(*(db.write_when_free(count_up) for _ in range(4)))
        assert way.losses == 1
        assert sorted(written) == [2, 3, 4, 5]
        assert await counted(db) == 5
    await execute(url, "ALTER SYSTEM RESET wal_writer_delay", "SELECT pg_reload_conf()")


async def test_what_many_write_together_waits_for_a_lost_answer_beyond_the_patience(url: str) -> None:
    """A cost that was perhaps booked is not booked again before that is known."""
    way = Way(url)
    impatient = DatabaseTiming(busy_timeout=5, retry_pause=0.05, patience=0)

    async def count_all(tx: Transaction, items: Sequence[None]) -> list[int]:
        return [await count_up(tx) for _ in items]

    async with way.opened() as through, open_database(through, impatient) as db:
        await execute(url, *_COUNTED)
        assert await db.write_together(WriteTask(count_all, None)) == 1  # which opens the connection
        way.lose_answer_to(b"COMMIT")
        assert await db.write_together(WriteTask(count_all, None)) == 2
        assert way.losses == 1
        assert await counted(db) == 2


async def test_a_dump_of_a_running_installation_is_restored(url: str, server: PrivateServer) -> None:
    """As docs/operating.md says; what is added afterwards has new numbers."""
    dump, address = server.folder / "hero.dump", url.replace("+asyncpg", "")
    async with open_database(url, TIMING) as db:
        async with db.write() as tx:
            first = await jobs.add(tx, spec=BuildSpec(), requester_id=7, channel_id=None, at=1.0)
        await asyncio.to_thread(server.run, "pg_dump", "--format=custom", f"--file={dump}", address)
    restored = named(url, "restored")
    await execute(server.url, "CREATE DATABASE restored TEMPLATE template0")
    to = f"--dbname={restored.replace('+asyncpg', '')}"
    await asyncio.to_thread(server.run, "pg_restore", "--exit-on-error", "--no-owner", to, dump)
    async with open_database(restored, TIMING) as db, db.write() as tx:
        assert await jobs.get(tx, first.id) == first
        added = await jobs.add(tx, spec=BuildSpec(), requester_id=7, channel_id=None, at=2.0)
        assert added.id > first.id
    await execute(server.url, "DROP DATABASE restored WITH (FORCE)")


async def opening_error_of(url: str) -> str:
    timing = DatabaseTiming(busy_timeout=0.5, connect_timeout=2)
    with pytest.raises(StoreError) as caught:
        async with open_database(url, timing):
            pass
    return str(caught.value)


async def test_wrong_addresses_have_a_sentence_each(url: str) -> None:
    said = {
        "no database": await opening_error_of(named(url, "nowhere")),
        "no user": await opening_error_of(named(url, "hero", username="olga")),
        "no host": await opening_error_of(named(url, "hero", host="db.invalid")),
        "no server": await opening_error_of(named(url, "hero", port=1)),
        "an option": await opening_error_of(f"{url}?sslmode=require"),
        "TLS": await opening_error_of(f"{url}?ssl=require"),
        "a driver": await opening_error_of(url.replace("+asyncpg", "")),
        "a kind": await opening_error_of(url.replace("postgresql+asyncpg", "mysql+aiomysql")),
    }
    expected = {
        "no database": ('database "nowhere" does not exist', "Create it (createdb NAME)"),
        "no user": ('role "olga" does not exist', "Correct USER and PASSWORD"),
        "no host": ("cannot be reached", "correct HOST and PORT"),
        "no server": ("cannot be reached", "Start its server"),
        "an option": ("sslmode", "write ssl=require"),
        "TLS": ("rejected SSL", "DATABASE_URL"),
        "a driver": ("begins with postgresql://", "Write postgresql+asyncpg://"),
        "a kind": ("SQLite and PostgreSQL alone", "postgresql+asyncpg://"),
    }
    for case, parts in expected.items():
        assert all(part in said[case] for part in parts), (case, said[case])
        assert "\n" not in said[case], case


async def test_a_wrong_password_is_not_shown(url: str, server: PrivateServer) -> None:
    await execute(server.url, "DROP ROLE IF EXISTS ana", "CREATE ROLE ana LOGIN PASSWORD 'right'")
    with server.asking_for_passwords():
        said = await opening_error_of(named(url, "hero", username="ana", password="hunter22"))  # noqa: S106
    assert "password authentication failed" in said
    assert "Correct USER and PASSWORD" in said
    assert "hunter22" not in said


async def test_a_user_who_may_not_change_it_is_told(url: str, server: PrivateServer) -> None:
    await execute(server.url, "DROP ROLE IF EXISTS ben", "CREATE ROLE ben LOGIN")
    said = await opening_error_of(named(url, "hero", username="ben"))
    assert "permission denied" in said
    assert "Make the user its owner" in said


async def test_other_databases_are_refused_and_not_changed(url: str, server: PrivateServer) -> None:
    await execute(url, "CREATE TABLE places (name TEXT)")
    assert "belongs to another program: it has the tables places" in await opening_error_of(url)
    await execute(
        url,
        "DROP TABLE places",
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('9999')",
    )
    assert "was made by a newer Herosmith (schema 9999" in await opening_error_of(url)
    await execute(
        server.url, "CREATE DATABASE latin TEMPLATE template0 ENCODING LATIN1 LOCALE 'C' LOCALE_PROVIDER libc"
    )
    try:
        assert "has the encoding LATIN1" in await opening_error_of(named(url, "latin"))
    finally:
        await execute(server.url, "DROP DATABASE latin WITH (FORCE)")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
async def test_what_is_no_server_of_postgres_has_a_sentence(answer: bytes | None) -> None:
    """It hangs up, speaks something else, or says nothing."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await asyncio.sleep(60)
        writer.write(answer or b"")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        said = await opening_error_of(f"postgresql+asyncpg://hero:hunter22@127.0.0.1:{port}/hero")
    assert said.startswith(f"The database postgresql+asyncpg://hero:***@127.0.0.1:{port}/hero cannot be ")
    assert "DATABASE_URL" in said
    assert "\n" not in said
