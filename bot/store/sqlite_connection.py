"""An aiosqlite connection that uses its thread once per statement and always releases its lock."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, TypeVar

import aiosqlite
from aiosqlite.context import Result

T = TypeVar("T")


class Connection(aiosqlite.Connection):
    """A connection that releases its lock when it is closed within a transaction, as by a cancelled task.

    SQLite keeps the lock as long as a cursor is alive, and the traceback of the cancelled task may keep one
    for long: until then every writer would find the database locked.
    """

    @classmethod
    def opening(cls, path: str, **options: Any) -> Self:
        """Return a connection that opens when it is awaited."""
        connection = cls(lambda: sqlite3.connect(path, **options), iter_chunk_size=64)
        connection._thread.daemon = True
        return connection

    @property
    def has_ended(self) -> bool:
        """Whether its thread has ended."""
        return self._thread.ident is not None and not self._thread.is_alive()

    async def end(self, longest: float) -> None:
        """Stop, and wait at most so many seconds for the thread, which may be in a statement."""
        self.stop()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, longest)

    def cursor(self) -> "Result[aiosqlite.Cursor]":
        return Result(self._cursor())

    async def _cursor(self) -> aiosqlite.Cursor:
        return _Cursor(self)

    async def close(self) -> None:
        """Close, unless it is stopping already: its thread then answers nobody, and waiting never ends."""
        if self._running:
            self._roll_back()
            await super().close()

    def stop(self) -> "asyncio.Future[Any] | None":
        if not self._running:
            return None
        self._roll_back()
        return super().stop()

    def _roll_back(self) -> None:
        """Roll back in the connection's thread, after the current statement and before it is closed."""
        if self._connection is not None:
            self._tx.put_nowait((None, self._connection.rollback))


class Connections:
    """Opens connections, and waits in the end for the threads of those that cancelled tasks have left.

    SQLAlchemy's pools know nothing of these, and a thread that answers after the event loop was closed fails.
    """

    def __init__(self, longest_statement: float) -> None:
        """longest_statement: seconds, above all in waiting for another program's lock."""
        self._longest_statement = longest_statement
        self._opened: list[Connection] = []

    def opening(self, path: str, **options: Any) -> Connection:
        """Return a connection that opens when it is awaited."""
        self._opened = [each for each in self._opened if not each.has_ended]
        self._opened.append(Connection.opening(path, **options))
        return self._opened[-1]

    async def end(self) -> None:
        """Wait until the threads of all connections have ended. What was begun in them is rolled back."""
        await asyncio.gather(*(each.end(self._longest_statement) for each in self._opened))
        self._opened.clear()


class _Cursor(aiosqlite.Cursor):
    """A cursor that is created, executes and fetches all rows in one call to the connection's thread.

    aiosqlite needs four calls, which take longer than most of our statements. SQLAlchemy's adapter, the only
    user, fetches all rows at once anyway.
    """

    def __init__(self, connection: Connection) -> None:
        self._conn: Connection = connection
        self._rows: Sequence[Any] = ()

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Self:
        self._rows = await self._call(self._execute_all, sql, tuple(parameters or ()))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        await self._call(self._execute_many, sql, [tuple(row) for row in parameters])
        return self

    async def fetchall(self) -> Sequence[Any]:
        return self._rows

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        fetched, self._rows = self._rows[:size], self._rows[size or len(self._rows) :]
        return fetched

    async def close(self) -> None:
        """Do nothing: all rows were fetched on execute."""

    async def _call(self, work: Callable[..., T], *arguments: Any) -> T:
        done: T = await self._conn._execute(work, *arguments)  # type: ignore[no-untyped-call]
        return done

    def _execute_all(self, sql: str, parameters: tuple[Any, ...]) -> Sequence[Any]:
        self._cursor = self._conn._conn.execute(sql, parameters)
        return self._cursor.fetchall() if self._cursor.description else ()

    def _execute_many(self, sql: str, parameters: list[tuple[Any, ...]]) -> None:
        self._cursor = self._conn._conn.executemany(sql, parameters)
