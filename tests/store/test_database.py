"""The database: schema, migrations, transactions, constraints and unusable files."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from bot.app import App, open_app
from bot.errors import StoreError
from bot.registry.registry import Registry
from bot.settings import Settings
from bot.store import job_claims, jobs, migrations, models, notifications, powers
from bot.store.database import Transaction, open_database
from bot.store.job_schema import BuildSpec
from bot.store.migrate import migrate, newest
from bot.store.schema import job, metadata
from bot.store.shared_writes import WriteTask
from bot.store.sqlite_connection import Connections
from tests.support.databases import Databases


def url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


async def test_migrations_create_the_schema(app: App) -> None:
    async with app.db.read() as tx:
        differences = await tx.run_sync(
            lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
        )
    assert differences == []


def test_newest_agrees_with_alembic() -> None:
    folder = Path(migrations.__file__).parent
    assert newest() == ScriptDirectory(str(folder)).get_current_head()


@pytest.mark.usefixtures("databases_with_fsync")
@pytest.mark.sqlite("its way to be durable")
async def test_sqlite_is_durable_and_enforces_foreign_keys(settings: Settings) -> None:
    async with open_app(settings) as app, app.db.write() as tx:
        pragmas = {
            name: (await tx.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.sqlite("its database is a file")
async def test_another_file_is_named_and_not_changed(tmp_path: Path) -> None:
    other = tmp_path / "hero.db"
    other.write_bytes(b"this is no database, " * 100)
    with pytest.raises(StoreError, match=r"hero\.db is no SQLite database"):
        async with open_database(url(other)):
            pass
    assert other.read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize(
    "address",
    [
        "sqlite+aiosqlite:////proc/nowhere/hero.db",
        "no address at all",
        "sqlite:///hero.db",
        "nosuch+driver://user:password@host/db",
    ],
)
async def test_an_unusable_url_is_reported_without_its_password(address: str) -> None:
    with pytest.raises(StoreError, match="cannot be used") as caught:
        async with open_database(address):
            pass
    assert "password" not in str(caught.value)


async def test_several_processes_may_create_the_database_at_once(
    databases: Databases, tmp_path: Path
) -> None:
    address = databases.empty(tmp_path / "hero.db")

    async def start() -> None:
        async with open_database(address) as db, db.read() as tx:
            await tx.execute(text("SELECT count(*) FROM job"))

    await asyncio.gather(*(start() for _ in range(4)))


async def test_a_failed_transaction_writes_nothing(app: App) -> None:
    async def fail_midway() -> None:
        async with app.db.write() as tx:
            await jobs.add(tx, spec=BuildSpec(), requester_id=None, channel_id=None, at=1.0)
            raise KeyError("midway")

    with pytest.raises(KeyError, match="midway"):
        await fail_midway()
    async with app.db.read() as tx:
        assert await jobs.list_active(tx, "build") == []


async def test_a_number_that_is_too_large_for_its_column_is_found_nowhere(app: App) -> None:
    """People type it, as the number of a job or a model."""
    async with app.db.read() as tx:
        assert await jobs.get(tx, 2**31) is None
        assert await jobs.get(tx, 2**63 - 1) is None


async def test_ids_of_discord_are_kept(app: App) -> None:
    async with app.db.write() as tx:
        job = await jobs.add(tx, spec=BuildSpec(), requester_id=2**63 - 1, channel_id=None, at=1.0)
    assert (await app.jobs.get(job.id)).requester_id == 2**63 - 1


async def test_texts_are_stored_without_what_databases_refuse(app: App) -> None:
    async with app.db.write() as tx:
        await powers.add(tx, "fl\0y\ud800ing", actor_id=1, at=1.0)
    async with app.db.read() as tx:
        assert await powers.list_added(tx) == ["fly?ing"]


async def test_writers_take_turns(app: App) -> None:
    """Tasks share the writing connection, but never a transaction."""

    async def count_up() -> None:
        async with app.db.write() as tx:
            done = (await tx.execute(text("SELECT done FROM job"))).scalar_one()
            await asyncio.sleep(0)
            await tx.execute(text("UPDATE job SET done = :done"), {"done": done + 1})

    async with app.db.write() as tx:
        job = await jobs.add(tx, spec=BuildSpec(), requester_id=None, channel_id=None, at=1.0)
    await asyncio.gather(*(count_up() for _ in range(20)))
    assert (await app.jobs.get(job.id)).done == 20


async def test_cancelled_writers_release_the_lock(app: App) -> None:
    """Whenever they are cancelled, and even while their tracebacks are alive."""
    job_id = (await app.jobs.plan(BuildSpec())).id

    async def write() -> None:
        async with app.db.write() as tx:
            await jobs.change(tx, job_id, owner="me")
            await job_claims.update_claimed(tx, job_id, worker="me", done=1)

    cancelled: list[object] = []
    for turns in range(120):
        tasks = [asyncio.create_task(write()) for _ in range(2)]
        for _ in range(turns % 40):
            await asyncio.sleep(0)
        await asyncio.sleep(turns % 7 / 2000)
        for task in tasks:
            task.cancel()
        cancelled += await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(write(), 5)
    assert any(isinstance(error, asyncio.CancelledError) for error in cancelled)


async def test_an_index_allows_one_live_model(app: App) -> None:
    insert = text(
        "INSERT INTO model (name, base, dataset_id, job_id, state, metrics, created_at) "
        "VALUES (:name, 'b', 1, 1, 'live', '{}', 1)"
    )
    async with app.db.write() as tx:
        await jobs.add(tx, spec=BuildSpec(), requester_id=None, channel_id=None, at=1.0)
        await tx.execute(
            text(
                "INSERT INTO dataset (id, kind, content_hash, recipe, counts, created_at) "
                "VALUES (1, 'sft', 'h', '{}', '{}', 1)"
            )
        )
        await tx.execute(insert, {"name": "one"})
    with pytest.raises(IntegrityError):
        async with app.db.write() as tx:
            await tx.execute(insert, {"name": "two"})


async def test_a_database_of_the_first_version_is_migrated_with_its_rows(
    databases: Databases, tmp_path: Path
) -> None:
    """The rows of 0001 are kept, today's constraints hold, and no reference is broken."""
    address = databases.empty(tmp_path / "hero.db")
    engine = create_async_engine(address)
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: migrate(sync, "0001"))
        for row in (
            "INSERT INTO dataset VALUES (1, 'sft', 'h', '{}', '{}', 1.0)",
            "INSERT INTO dataset_item VALUES (1, 0, 'train', 'p', 't', 'example', 1)",
            "INSERT INTO job (id, kind, spec, state) VALUES (1, 'finetune', '{}', 'running')",
            "INSERT INTO model VALUES (1, 'm1', 'b', 1, 1, 'retired', '{}', 1.0)",
            "INSERT INTO model VALUES (2, 'm2', 'b', 1, 1, 'live', '{}', 2.0)",
        ):
            await connection.execute(text(row))
    await engine.dispose()

    async with open_database(address) as db:
        async with db.read() as tx:
            if tx.dialect.name == "sqlite":  # a table that was replaced may lose its references
                assert (await tx.execute(text("PRAGMA foreign_key_check"))).all() == []
            assert (await tx.execute(text("SELECT state, lost FROM job"))).one() == ("running", 0)
            assert (await tx.execute(text("SELECT text FROM dataset_item"))).scalar_one() == "t"
            assert await jobs.list_active(tx, "finetune")
            assert [model.served_as for model in await models.list_all(tx)] == ["m1", "m2"]
            history = [(event.what, event.replaced_id) for event in await models.list_events(tx)]
            assert history == [("registered", None), ("registered", None), ("override", 1)]
        before = await Registry(db, gated=True).roll_back()
        assert before is not None
        assert before.name == "m1"
        for statement in (
            "UPDATE job SET state = 'asleep'",
            "UPDATE dataset_item SET source = 'rumour'",
        ):
            with pytest.raises(IntegrityError):
                async with db.write() as tx:
                    await tx.execute(text(statement))
        async with db.write() as tx:
            await tx.execute(text("UPDATE job SET state = 'paused'"))


async def test_migration_derives_votes_from_reactions(databases: Databases, tmp_path: Path) -> None:
    """A voter's vote is the latest thumb, of any skin tone."""
    address = databases.empty(tmp_path / "hero.db")
    engine = create_async_engine(address)
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: migrate(sync, "0003"))
        await connection.execute(
            text(
                "INSERT INTO description (id, model, tuned, age, gender, power, text, finish_reason, "
                "prompt_version, sampling, requester, prompt_tokens, completion_tokens, seconds, created_at) "
                "VALUES (1, 'm', true, 40, 'woman', 'healing', 't', 'stop', 1, '{}', 'asker', 1, 1, 1, 1)"
            )
        )
        for voter, emoji, at in (
            ("ann", "👎", 1.0),
            ("ann", "👍🏽", 2.0),
            ("bob", "👍", 1.0),
            ("bob", "👎🏿", 3.0),
            ("asker", "👍", 1.0),
        ):
            await connection.execute(
                text("INSERT INTO reaction VALUES (1, :voter, :emoji, 'reaction', :at)"),
                {"voter": voter, "emoji": emoji, "at": at},
            )
    await engine.dispose()

    async with open_database(address) as db, db.read() as tx:
        found = await tx.execute(text("SELECT voter, value, by_requester, at FROM vote ORDER BY voter"))
        assert found.all() == [("ann", 1, 0, 2.0), ("asker", 1, 1, 1.0), ("bob", -1, 0, 3.0)]
        kept = (await tx.execute(text("SELECT voter, value FROM reaction ORDER BY voter, at"))).all()
        assert kept == [("ann", -1), ("ann", 1), ("asker", 1), ("bob", 1), ("bob", -1)]


async def test_migration_keeps_english_messages(databases: Databases, tmp_path: Path) -> None:
    address = databases.empty(tmp_path / "hero.db")
    engine = create_async_engine(address)
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: migrate(sync, "0005"))
        await connection.execute(
            text(
                "INSERT INTO job (id, kind, spec, state, phase, question, error) VALUES "
                "(1, 'finetune', '{}', 'failed', 'training, loss 1.20', NULL, :error), "
                "(2, 'build', '{}', 'paused', '', 'Was it?', NULL)"
            ),
            {"error": 'It said {"no": 1}.'},
        )
        await connection.execute(
            text(
                "INSERT INTO notice (id, key, text, told, at) VALUES "
                "(1, 'k', '⏳ A model ends.', false, 1.0), (2, 'l', '', true, 1.0)"
            )
        )
    await engine.dispose()

    async with open_database(address) as db, db.read() as tx:
        failed, asking = await jobs.get(tx, 1), await jobs.get(tx, 2)
        assert failed is not None
        assert asking is not None
        assert (str(failed.phase), str(failed.error)) == ("training, loss 1.20", 'It said {"no": 1}.')
        assert (asking.phase, str(asking.question), asking.error) == (None, "Was it?", None)
        assert [str(notice.text) for notice in await notifications.list_pending(tx)] == ["⏳ A model ends."]


async def test_migration_keeps_reports(databases: Databases, tmp_path: Path) -> None:
    """An earlier report has no words and no notice, and its other columns and constraints are kept."""
    address = databases.empty(tmp_path / "hero.db")
    engine = create_async_engine(address)
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: migrate(sync, "0010"))
        await connection.execute(
            text(
                "INSERT INTO description (id, model, tuned, age, gender, power, text, finish_reason, "
                "prompt_version, sampling, requester, prompt_tokens, completion_tokens, seconds, created_at, "
                "removed_at) "
                "VALUES (1, 'm', true, 40, 'woman', 'healing', 't', 'stop', 1, '{}', 'asker', 1, 1, 1, 1, 2)"
            )
        )
        await connection.execute(
            text("INSERT INTO report VALUES (1, 'ann', true, 2.0, true), (1, 'bob', false, 3.0, false)")
        )
        await connection.execute(
            text(
                "INSERT INTO notice (id, key, text, action, told, at) "
                """VALUES (1, 'removal:1:1', '{"say": "Decide."}', 'removal:1', true, 3.0)"""
            )
        )
    await engine.dispose()

    async with open_database(address) as db:
        async with db.write() as tx:
            found = await tx.execute(text("SELECT * FROM report ORDER BY reporter"))
            assert found.all() == [
                (1, "ann", 1, 2.0, 1, "", None, 0, 0),
                (1, "bob", 0, 3.0, 0, "", None, 0, 0),
            ]
            removed = await tx.execute(text("SELECT removed_at, removed_by_operators FROM description"))
            assert removed.one() == (2.0, 0)
            await tx.execute(text("UPDATE report SET notice_id = 1 WHERE reporter = 'bob'"))
        for statement in (
            "UPDATE report SET notice_id = 2",
            "INSERT INTO report (description_id, reporter, at) VALUES (2, 'ann', 1.0)",
        ):
            with pytest.raises(IntegrityError):
                async with db.write() as tx:
                    await tx.execute(text(statement))


async def test_a_failing_task_does_not_affect_others_that_share_its_transaction(app: App) -> None:
    sizes: list[int] = []

    async def insert(tx: Transaction, numbers: Sequence[int]) -> list[int]:
        sizes.append(len(numbers))
        return [await _planned(tx, number) for number in numbers]

    done = await asyncio.gather(
        *(app.db.write_together(WriteTask(insert, number)) for number in range(40)), return_exceptions=True
    )

    assert max(sizes) == 40
    assert isinstance(done[13], KeyError)
    ids = [result for result in done if isinstance(result, int)]
    assert len(set(ids)) == 39
    async with app.db.read() as tx:
        kept = [job.spec_as(BuildSpec).repeats for id_ in ids if (job := await jobs.get(tx, id_))]
    assert kept == [number for number in range(40) if number != 13]


async def test_tasks_of_one_caller_are_written_all_or_none(app: App) -> None:
    async def insert(tx: Transaction, numbers: Sequence[int]) -> list[int]:
        return [await _planned(tx, number) for number in numbers]

    async def insert_other(tx: Transaction, numbers: Sequence[int]) -> list[int]:
        return await insert(tx, numbers)

    done = await asyncio.gather(
        *(
            app.db.write_together(WriteTask(insert, at), WriteTask(insert_other, 13 if at == 2 else at))
            for at in range(4)
        ),
        return_exceptions=True,
    )

    assert isinstance(done[2], KeyError)
    async with app.db.read() as tx:
        kept = (await tx.execute(select(job.c.spec))).scalars().all()
    assert sorted(spec["repeats"] for spec in kept) == [0, 0, 1, 1, 3, 3]


async def _planned(tx: Transaction, number: int) -> int:
    if number == 13:
        raise KeyError("thirteen")
    spec = BuildSpec(repeats=number)
    return (await jobs.add(tx, spec=spec, requester_id=None, channel_id=None, at=1.0)).id


async def test_rows_can_be_streamed(app: App) -> None:
    async with app.db.read() as tx:
        rows = await tx.stream(text("VALUES (1), (2), (3)"), execution_options={"yield_per": 2})
        assert [row[0] async for row in rows] == [1, 2, 3]


_SLOW = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT max(i) FROM n"
)


@pytest.mark.parametrize("ways", [("stop", "close"), ("close", "close"), ("stop", "stop", "close")])
async def test_closing_a_connection_that_is_stopping_comes_to_an_end(
    tmp_path: Path, ways: tuple[str]
) -> None:
    """As when a cancelled task's connection is terminated while the database closes."""
    connections = Connections(longest_statement=20)
    connection = connections.opening(str(tmp_path / "x.db"))
    await connection
    busy = asyncio.create_task(connection.execute_fetchall(_SLOW))
    await asyncio.sleep(0)

    closing = []
    for way in ways:
        if way == "stop":
            connection.stop()
        else:
            closing.append(asyncio.create_task(connection.close()))
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(*closing), 20)
    assert [tuple(row) for row in await busy] == [(3_000_000,)]
    await connections.end()
    assert connection.has_ended


@pytest.mark.parametrize("cancellations", [1, 2])
@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_closed_database_leaves_no_thread_of_a_cancelled_task(
    databases: Databases, tmp_path: Path, kind: str, cancellations: int
) -> None:
    """The task is in a statement, and nobody waits for it before the database closes."""
    others = set(threading.enumerate())
    async with open_database(databases.empty(tmp_path / "hero.db")) as db:
        begun = asyncio.Event()

        async def count() -> None:
            async with db.read() if kind == "read" else db.write() as tx:
                begun.set()
                await tx.execute(text(_SLOW))

        counting = asyncio.create_task(count())
        await begun.wait()
        for _ in range(cancellations):
            await asyncio.sleep(0.01)
            counting.cancel()
    left = set(threading.enumerate()) - others
    assert [each for each in left if "connection_worker" in each.name] == []
    await asyncio.gather(counting, return_exceptions=True)
