"""An aiosqlite connection that visits its thread once a statement, and always gives its lock back."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self, TypeVar

import aiosqlite
from aiosqlite.context import Result

T = TypeVar("T")


class Connection(aiosqlite.Connection):
    """A connection that gives its lock back when it is closed in the midst of a transaction.

    That is how a cancelled task leaves one. SQLite would keep the lock as long as a cursor is alive, and in
    the cancelled task's traceback one may be for long: until then every writer finds the database locked.
    """

    @classmethod
    def opening(cls, path: str, **options: Any) -> Self:
        """A connection that opens when it is awaited."""
        connection = cls(lambda: sqlite3.connect(path, **options), iter_chunk_size=64)
        connection._thread.daemon = True
        return connection

    def cursor(self) -> "Result[aiosqlite.Cursor]":
        return Result(self._cursor())

    async def _cursor(self) -> aiosqlite.Cursor:
        return _Cursor(self)

    async def close(self) -> None:
        self._roll_back()
        await super().close()

    def stop(self) -> "asyncio.Future[Any] | None":
        self._roll_back()
        return super().stop()

    def _roll_back(self) -> None:
        """In the connection's own thread, behind what it is doing there and before it is closed."""
        if self._connection is not None:
            self._tx.put_nowait((None, self._connection.rollback))


class _Cursor(aiosqlite.Cursor):
    """A cursor that makes itself, executes, fetches all rows and rests in one visit to the thread.

    aiosqlite goes there four times, which takes longer than most of our statements. SQLAlchemy's adapter,
    the only user, fetches all rows at once anyway.
    """

    def __init__(self, connection: Connection) -> None:
        self._conn: Connection = connection
        self._rows: Sequence[Any] = ()

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Self:
        self._rows = await self._visit(self._all, sql, tuple(parameters or ()))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        await self._visit(self._many, sql, [tuple(each) for each in parameters])
        return self

    async def fetchall(self) -> Sequence[Any]:
        return self._rows

    async def fetchmany(self, size: int | None = None) -> Sequence[Any]:
        some, self._rows = self._rows[:size], self._rows[size or len(self._rows) :]
        return some

    async def close(self) -> None:
        """Nothing: all rows are fetched, so SQLite holds nothing for it any more."""

    async def _visit(self, work: Callable[..., T], *arguments: Any) -> T:
        done: T = await self._conn._execute(work, *arguments)  # type: ignore[no-untyped-call]
        return done

    def _all(self, sql: str, parameters: tuple[Any, ...]) -> Sequence[Any]:
        self._cursor = self._conn._conn.execute(sql, parameters)
        return self._cursor.fetchall() if self._cursor.description else ()

    def _many(self, sql: str, parameters: list[tuple[Any, ...]]) -> None:
        self._cursor = self._conn._conn.executemany(sql, parameters)
