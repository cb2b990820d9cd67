"""Copy all tables from one database to another, compare them, and only then let the copy be used."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Table
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StoreError
from bot.store.copying import unfinished
from bot.store.copying.digest import (
    TableDigest,
    count_rows,
    digest_tables,
    fingerprint,
    key_of,
    read_pages,
)
from bot.store.copying.end import End
from bot.store.copying.rows import Rows, insert_rows, is_about_rows, refused_row
from bot.store.copying.source import Source, open_source
from bot.store.copying.target import Target, open_target
from bot.store.copying.unfinished import Reached
from bot.store.copying.values import Uncopyable, adapt, read_page
from bot.store.migrate import newest
from bot.store.read_only import FileOpened
from bot.store.schema import metadata
from bot.store.use_lock import alone_in

Watch = Callable[[str, str, int, int], None]
"""Is told how far a copy has come: doing what, in which table, and how many of how many rows."""


@dataclass(frozen=True, slots=True)
class ComparedTable:
    """A table of the source beside that of the target."""

    source: TableDigest
    target: TableDigest

    @property
    def equal(self) -> bool:
        return (self.source.rows, self.source.hash) == (self.target.rows, self.target.hash)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did. written: rows; there_before: of an earlier attempt; seconds: of the writing alone.

    anew: an earlier attempt was given up, because the source had changed since.
    """

    tables: Mapping[str, ComparedTable]
    written: int = 0
    there_before: int = 0
    seconds: float = 0.0
    anew: bool = False

    @property
    def equal(self) -> bool:
        return all(each.equal for each in self.tables.values())


@dataclass(frozen=True, slots=True)
class Checked:
    """What a database holds: its schema, and each table's rows."""

    schema: str
    tables: Mapping[str, TableDigest]


async def check_database(end: End, watch: Watch) -> Checked:
    """Return what a database of this version's schema holds at this moment. Others may use it meanwhile."""
    while True:
        with suppress(FileOpened):  # it is read once more, with the log that it has now
            return await _check_once(end, watch)


async def _check_once(end: End, watch: Watch) -> Checked:
    """Check as check_database() does. Raises FileOpened if somebody opens a file that nobody had open."""
    async with open_source(end, alone=False) as source:
        with _sentences(end):
            try:
                found = await digest_tables(source.connection, partial(watch, "reading"))
            finally:
                if source.reading:
                    source.reading.check()  # in place of a fault that came of that
    return Checked(newest(), found)


async def copy_database(source: End, target: End, folders: set[Path], watch: Watch) -> Copied:
    """Copy a database to one that is empty, or that an earlier attempt has left, and compare all tables.

    folders: the data folders of the two, in which nothing may run meanwhile. The copy can be used only if all
    tables are equal in the end. Raises StoreError, with a sentence for the operator.
    """
    if source.place == target.place:
        raise StoreError(f"{target.shown} is both the source and the target: name another one to copy to.")
    async with AsyncExitStack() as stack:
        stack.enter_context(_alone_in(folders))
        reading = await stack.enter_async_context(open_source(source, alone=True))
        writing = await stack.enter_async_context(open_target(target, reading.connection))
        with _sentences(source):
            await _check_free(reading, writing)
            wanted = await digest_tables(
                reading.connection, partial(watch, "reading"), stored_in=target.backend
            )
        return await _Copy(reading, writing, wanted, watch).run()


async def _check_free(source: Source, target: Target) -> None:
    """Raise StoreError if the target has data of its own. It may be a copy that is complete already."""
    if target.state == "full" and target.rows != await count_rows(source.connection):
        raise _taken(target)


def _taken(target: Target) -> StoreError:
    rows = target.rows or {}
    largest = max(rows, key=lambda name: rows[name])
    return StoreError(
        f"The database {target.end.shown} has data of its own ({sum(rows.values()):,} rows, of which "
        f"{rows[largest]:,} in {largest}): name an empty one, or move it away. Nothing was changed."
    )


class _Copy:
    """One copy. wanted: what the target's tables are to hold."""

    def __init__(
        self, source: Source, target: Target, wanted: Mapping[str, TableDigest], watch: Watch
    ) -> None:
        self._source = source
        self._target = target
        self._writing = target.connection
        self._wanted = wanted
        self._watch = watch
        self._done = 0  # rows

    async def run(self) -> Copied:
        if self._target.state == "full":
            copied = Copied(await self._compare())
            if not copied.equal:
                raise _taken(self._target)
            return copied
        with _sentences(self._target.end):
            reached, anew = await self._begin()
        there_before = self._done = sum(each.rows for each in reached.values())
        started = time.monotonic()
        for table in metadata.sorted_tables:
            await self._copy_table(table, reached.get(table.name))
        seconds = time.monotonic() - started
        tables = await self._compare()
        copied = Copied(tables, self._done - there_before, there_before, seconds, anew)
        self._source.check_unchanged()
        with _sentences(self._target.end):
            await self._end(copied)
        return copied

    async def _begin(self) -> tuple[Mapping[str, Reached], bool]:
        """Return how far an earlier attempt came, and whether it is given up: the source has changed."""
        notes, place, now = self._target.notes, self._source.end.place, fingerprint(self._wanted)
        if notes and notes.fingerprint == now:
            return notes.reached, False
        if notes and notes.source != place and notes.reached:
            raise Uncopyable(
                f"is an unfinished copy of another database, {notes.source}, or that one has changed since: "
                "go on with that copy, or name an empty database."
            )
        async with self._writing.begin():
            await self._writing.run_sync(unfinished.begin, place, now)
        return {}, bool(notes and notes.reached)

    async def _copy_table(self, table: Table, reached: Reached | None) -> None:
        rows, after = (reached.rows, reached.key) if reached else (0, None)
        total = sum(each.rows for each in self._wanted.values())
        pages = read_pages(self._source.connection, table, after)
        while True:
            with _sentences(self._source.end):
                page = await anext(pages, None)
                if page is None:
                    return
                values, _ = adapt(table, read_page(table, page), self._target.end.backend)
            rows += len(page)
            reached = Reached(key_of(table, page[-1]), rows)
            with _sentences(self._target.end):
                await self._write(table, list(zip(*values, strict=True)), reached)
            self._done += len(page)
            self._watch("copying", table.name, self._done, total)

    async def _write(self, table: Table, rows: Rows, reached: Reached) -> None:
        try:
            async with self._writing.begin():
                await unfinished.note_reached(self._writing, table.name, reached)
                await insert_rows(self._writing, table, rows)
        except Exception as error:
            if is_about_rows(error):
                raise await refused_row(self._writing, table, rows) from error
            raise

    async def _compare(self) -> dict[str, ComparedTable]:
        with _sentences(self._target.end):
            async with self._writing.begin():
                found = await digest_tables(self._writing, partial(self._watch, "comparing"))
        return {name: ComparedTable(wanted, found[name]) for name, wanted in self._wanted.items()}

    async def _end(self, copied: Copied) -> None:
        async with self._writing.begin():
            if copied.equal:
                await self._writing.run_sync(unfinished.finish)
            else:
                await unfinished.note_difference(self._writing)
        if copied.equal and self._target.end.backend == "postgresql":
            async with self._writing.begin():
                await self._writing.exec_driver_sql("ANALYZE")  # it has no figures yet to plan queries by


@contextmanager
def _alone_in(folders: set[Path]) -> Iterator[None]:
    with ExitStack() as stack:
        for folder in sorted({each.resolve() for each in folders}):
            try:
                stack.enter_context(alone_in(folder))
            except OSError as error:
                raise StoreError(
                    f"{folder} cannot be used: {error.strerror or error}. Nothing was changed."
                ) from error
        yield


@contextmanager
def _sentences(end: End) -> Iterator[None]:
    """Raise what goes wrong with one of the two databases as StoreError."""
    try:
        yield
    except Uncopyable as error:
        raise StoreError(f"The database {end.shown} {error}") from error
    except Exception as error:
        if not isinstance(error, SQLAlchemyError | OSError) and not _is_of_driver(error):
            raise
        reason = getattr(error, "orig", None) or error
        raise StoreError(
            f"The database {end.shown} failed: {reason}. Once that is mended, start the same command again: "
            "nothing is lost."
        ) from error


def _is_of_driver(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] == "asyncpg"  # not installed everywhere
