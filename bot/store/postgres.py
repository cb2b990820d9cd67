"""PostgreSQL: how sessions are set up, and the lock by which writers take turns.

SQLite has one writer, and all queries rely on that: what a transaction has read stays true until it writes.
So each writing transaction first takes one lock of the database, an advisory one, which readers do not see.
Then writers never meet: none fails half-way on a lock or has to be repeated, and READ COMMITTED is enough for
them. Readers see the moment of their first query (REPEATABLE READ), and cannot fail by that.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.errors import StoreError
from bot.store.schema import metadata
from bot.store.types import Number

WRITE_LOCK = 4_815_162_342  # any number; advisory locks are of one database, and this one is Herosmith's

_OLDEST = (14,)  # the oldest version of the server that gets corrections

# The number of a transaction tells later whether it was committed, if the answer to COMMIT is lost.
_BEGIN_WRITING = f"SELECT pg_current_xact_id()::text, pg_advisory_xact_lock({WRITE_LOCK})"
_NUMBER = "transaction"  # in a connection's `info`
_FUTURE_NUMBER = "22023"  # of a server that has taken over without the last transactions

# The server notices within about 15 seconds that a client's machine has died, which would keep its lock for
# hours. postgres_connection.py has the same for the other side.
_PROBES = {"tcp_keepalives_idle": 6, "tcp_keepalives_interval": 3, "tcp_keepalives_count": 3}

# Limits that a role or a database may set for all its sessions. Our own wait for a lock ends by lock_timeout,
# and what takes long (a migration, a copy, figures over all votes) has to come to its end.
_UNLIMITED = {
    "statement_timeout": 0,
    "idle_in_transaction_session_timeout": 0,
    "idle_session_timeout": 0,
    "transaction_timeout": 0,
}
_SINCE = {"transaction_timeout": 17}  # the server's version

# The tables of ours that this user may not write to, and the sequences that number their rows.
_FORBIDDEN = text("""
SELECT c.relname FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_depend AS d ON d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S'
LEFT JOIN pg_class AS t ON t.oid = d.refobjid
WHERE n.nspname = current_schema() AND coalesce(t.relname, c.relname) = ANY(:tables) AND CASE c.relkind
    WHEN 'r' THEN NOT (
        has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')
    )
    WHEN 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE')
    ELSE false END
ORDER BY c.relname LIMIT 1
""")


class _AnyNumber(BigInteger):
    """Sends numbers as 64 bits: one that is too large for its column is found nowhere, and is no error."""

    render_bind_cast = True


def tune(engine: AsyncEngine, *, busy_timeout: float, stalled_after: float | None, writes: bool) -> None:
    """Set up the sessions and transactions of an engine.

    busy_timeout: how long to wait for a lock. stalled_after: after how long the server ends a transaction
    that does nothing, since its process may be stopped or gone. Both in seconds. writes: transactions take
    the writers' lock, else they can only read.
    """
    engine.dialect.colspecs = {**engine.dialect.colspecs, Number: _AnyNumber}
    chosen: dict[str, str | int] = {
        "lock_timeout": f"{int(busy_timeout * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{int((stalled_after or 0) * 1000)}ms",
        "default_transaction_isolation": "read committed" if writes else "repeatable read",
        "default_transaction_read_only": "off" if writes else "on",
        "jit": "off",  # compiling takes longer than our queries
    }
    set_up_sessions(engine, {**chosen, **_PROBES})

    @event.listens_for(engine.sync_engine, "checkout")
    def _check_out(connection: Any, _record: Any, _proxy: Any) -> None:
        if connection.driver_connection.is_closed():  # the server was started anew since it was used
            raise DisconnectionError

    if not writes:
        return

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        number, _ = connection.exec_driver_sql(_BEGIN_WRITING).one()
        connection.info[_NUMBER] = number


def set_up_sessions(engine: AsyncEngine, parameters: Mapping[str, str | int]) -> None:
    """Set parameters of each session, and lift the limits that its role or database may have."""
    wanted = _UNLIMITED | dict(parameters)

    @event.listens_for(engine.sync_engine, "connect", insert=True)  # before SQLAlchemy asks what server it is
    def _connect(connection: Any, _record: Any) -> None:
        version = connection.driver_connection.get_server_version().major
        known = {name: value for name, value in wanted.items() if version >= _SINCE.get(name, 0)}
        calls = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in known.items())
        cursor = connection.cursor()
        cursor.execute(f"SELECT {calls}")
        cursor.close()
        connection.commit()


def limit_later_locks(engine: AsyncEngine, busy_timeout: float) -> None:
    """Wait less long, in seconds, for the locks of tables than for that of the writers.

    Whoever waits for a table to change it keeps all others from it.
    """

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(busy_timeout * 1000)}")


def check_server(connection: Connection) -> None:
    """Raise StoreError if a server is too old or only reads, or the database's encoding does not do.

    The error's text continues the sentence that begins with the database's name.
    """
    version = connection.dialect.server_version_info or ()
    if version < _OLDEST:
        raise StoreError(
            f"is on a server of PostgreSQL {'.'.join(map(str, version))}, and Herosmith needs version "
            f"{_OLDEST[0]} or a newer one."
        )
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one():
        raise StoreError(
            "cannot be written to: its server is a copy that only reads. Name the main one in DATABASE_URL."
        )
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"has the encoding {encoding}, in which many texts cannot be stored. Create another one with the "
            "encoding UTF8 (createdb --encoding=UTF8 --template=template0 NAME), and name it in DATABASE_URL."
        )


def check_rights(connection: Connection) -> None:
    """Raise StoreError if this user may not write to each table of a complete database.

    The error's text continues the sentence that begins with the database's name.
    """
    forbidden = connection.execute(_FORBIDDEN, {"tables": list(metadata.tables)}).scalar()
    if forbidden is not None:
        raise StoreError(
            f"cannot be changed by this user, who has not all rights on its {forbidden}. Make the user the "
            "owner of all tables, or name another one in DATABASE_URL."
        )


class Begun:
    """A writing transaction that has begun. number: PostgreSQL's, None for another database."""

    number: str | None = None


class TransactionNumbers:
    """Which of this process's transactions was given a number last.

    A server that crashes forgets the numbers of what was not on its disk, and gives them again: a transaction
    that was lost would then seem to be committed, because another one of the same number is.
    What another process was given meanwhile is not seen here.
    """

    def __init__(self) -> None:
        self._latest: dict[str, Begun] = {}

    def note(self, begun: Begun, tx: AsyncConnection) -> None:
        """Note the number of a transaction that has begun."""
        begun.number = tx.info.get(_NUMBER)
        if begun.number is not None:
            self._latest[begun.number] = begun

    def is_latest(self, begun: Begun) -> bool:
        """Return whether the number of a transaction was given to no later one of this process."""
        return begun.number is not None and self._latest.get(begun.number) is begun

    def forget(self, begun: Begun) -> None:
        """Forget a transaction about whose end nobody asks."""
        if begun.number is not None and self.is_latest(begun):
            del self._latest[begun.number]


async def was_committed(tx: AsyncConnection, number: str) -> bool:
    """Return whether the writing transaction of a number was committed; to be asked in a later one."""
    try:
        status = await tx.execute(
            text("SELECT pg_xact_status(CAST(CAST(:number AS TEXT) AS xid8))"), {"number": number}
        )
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _FUTURE_NUMBER:
            return False
        raise
    return bool(status.scalar_one() == "committed")
