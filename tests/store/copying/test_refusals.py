"""What a copy refuses: databases that are in use, of another version, or of somebody else."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.store.copying.copy import copy_database
from bot.store.copying.end import read_end
from bot.store.database import open_database
from bot.store.migrate import newest
from bot.store.use_lock import in_use
from tests.support.copies import (
    KINDS,
    Kind,
    Places,
    add_votes,
    checked,
    copied,
    execute,
    interrupt,
    opened,
    path_of,
    watch_nothing,
)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unfinished_copy_of_another_database_is_refused(places: Places, kind: Kind) -> None:
    source, other, target = places.filled("sqlite"), places.filled("sqlite"), places.empty(kind)
    add_votes(other, 5)
    interrupt(source, target, "copying", "description")

    with pytest.raises(StoreError, match="is an unfinished copy of another database, ") as caught:
        copied(other, target)

    assert str(path_of(source)) in str(caught.value)
    assert copied(source, target).equal


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_with_data_of_its_own_is_refused(places: Places, kind: Kind) -> None:
    source, target = places.filled("sqlite"), places.filled(kind)
    execute(target, "UPDATE description SET text = 'Their own.' WHERE id = 1")
    add_votes(source, 1)
    before = checked(target)

    with pytest.raises(
        StoreError, match=r"has data of its own \(\d+ rows, of which 3 in .*\): name an empty one"
    ):
        copied(source, target)

    execute(source, f"DELETE FROM vote WHERE voter = '{0:064x}'")  # noqa: S608
    with pytest.raises(StoreError, match="has data of its own"):
        copied(source, target)
    assert checked(target) == before


@pytest.mark.parametrize("kind", KINDS)
def test_another_programs_database_is_refused(places: Places, kind: Kind) -> None:
    source, target = places.filled("sqlite"), places.empty(kind)
    execute(target, "CREATE TABLE parcels (id INTEGER)")
    before = path_of(target).read_bytes() if kind == "sqlite" else None
    with pytest.raises(StoreError, match="belongs to another program: it has the tables parcels"):
        copied(source, target)
    assert kind != "sqlite" or path_of(target).read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_of_another_version_is_refused(places: Places, kind: Kind) -> None:
    source, target = places.filled(kind), places.empty("sqlite")
    for schema, sentence in (
        ("0016", f"has the schema 0016 of an older version, and this version copies {newest()} alone"),
        ("0999", "was made by a newer Herosmith"),
        ("abc", "has the schema 'abc', which this version does not know"),
    ):
        execute(source, f"UPDATE alembic_version SET version_num = '{schema}'")  # noqa: S608
        with pytest.raises(StoreError, match=sentence):
            copied(source, target)
    assert not path_of(target).exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_of_another_version_is_refused(places: Places, kind: Kind) -> None:
    source, target = places.filled("sqlite"), places.filled(kind)
    execute(target, "UPDATE alembic_version SET version_num = '0016'")
    with pytest.raises(StoreError, match=r"is in use by another version \(schema 0016; this version has"):
        copied(source, target)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unfinished_copy_of_another_version_is_refused(places: Places, kind: Kind) -> None:
    source, target = places.filled("sqlite"), places.empty(kind)
    interrupt(source, target, "copying", "dataset")
    execute(target, "UPDATE unfinished_copy SET value = '0016' WHERE name = 'schema'")
    with pytest.raises(StoreError, match="is a copy that another version began"):
        copied(source, target)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_source_is_refused(places: Places, kind: Kind) -> None:
    source = places.empty(kind)
    if kind == "sqlite":
        with pytest.raises(StoreError, match="There is no database"):
            copied(source, places.empty("sqlite"))
        assert not path_of(source).exists()
        path_of(source).touch()
    with pytest.raises(StoreError, match="is empty: there is nothing to copy"):
        copied(source, places.empty("sqlite"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_source_cannot_be_the_target(places: Places, kind: Kind) -> None:
    source = places.filled(kind)
    folder = path_of(source).parent.name
    other = (
        source.replace(f"/{folder}/", f"/{folder}/../{folder}/")
        if kind == "sqlite"
        else source.replace("127.0.0.1", "localhost")
    )
    for target in (source, other):
        with pytest.raises(StoreError, match=r"is (both the source and the target|the source as well)"):
            copied(source, target)


def test_nothing_may_run_in_the_data_folders(places: Places, tmp_path: Path) -> None:
    source, target = places.filled("sqlite"), places.empty("sqlite")
    with (
        in_use(tmp_path),
        pytest.raises(StoreError, match=r"is in use by .*: stop it first .*Nothing was chang"),
    ):
        copied(source, target, tmp_path)
    assert copied(source, target, tmp_path).equal


@pytest.mark.parametrize("role", ["source", "target"])
def test_a_bot_on_postgresql_is_noticed(places: Places, role: str) -> None:
    used = places.filled("postgresql") if role == "source" else places.empty("postgresql")
    ends = (used, places.empty("sqlite")) if role == "source" else (places.filled("sqlite"), used)

    async def with_bot() -> None:
        async with open_database(used):
            await copy_database(read_end(ends[0]), read_end(ends[1]), set(), watch_nothing)

    with pytest.raises(StoreError, match="is in use by the bot, a worker or another command"):
        asyncio.run(with_bot())


@pytest.mark.parametrize("role", ["source", "target"])
def test_no_bot_starts_on_postgresql_while_it_is_copied(places: Places, role: str) -> None:
    used = places.filled("postgresql") if role == "source" else places.empty("postgresql")
    ends = (used, places.empty("sqlite")) if role == "source" else (places.filled("sqlite"), used)

    async def start_bot() -> None:
        refused: list[asyncio.Task[None]] = []

        def start_at_once(_doing: str, _table: str, _done: int, _total: int) -> None:
            if not refused:
                refused.append(asyncio.create_task(opened(used)))

        await copy_database(read_end(ends[0]), read_end(ends[1]), set(), start_at_once)
        await refused[0]

    with pytest.raises(StoreError, match=r"is being copied at this moment|is a copy that was not finished"):
        asyncio.run(start_bot())


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_on_another_machine_is_noticed(places: Places, kind: Kind) -> None:
    source = places.filled(kind)
    execute(source, f"UPDATE job SET state = 'running', heartbeat = {time.time() - 1} WHERE id = 2")  # noqa: S608
    with pytest.raises(StoreError, match=r"was used by a worker .* seconds ago, perhaps on another machine"):
        copied(source, places.empty("sqlite"))


def test_a_program_that_writes_to_the_source_meanwhile_is_noticed(places: Places) -> None:
    source, target = places.filled("sqlite"), places.empty("sqlite")

    async def with_writer() -> None:
        wrote: list[int] = []

        def write_once(doing: str, _table: str, _done: int, _total: int) -> None:
            if doing == "copying" and not wrote:
                wrote.append(1)
                path_of(source).write_bytes(path_of(source).read_bytes())

        await copy_database(read_end(source), read_end(target), set(), write_once)

    with pytest.raises(
        StoreError, match=r"Another program has written to .* meanwhile, so the copy is not fin"
    ):
        asyncio.run(with_writer())
    assert copied(source, target).equal
