"""What goes wrong with a database: which faults pass by themselves, and sentences for those that do not."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.errors import DatabaseBusy, StoreError
from bot.i18n.message import mark
from bot.store.address import parse_address, shown_address

_BUSY = mark("The database is busy: another program holds it. Try again in a minute.")
_FAILED = mark("The database cannot be used right now. Tell an operator; the log has the reason.")

_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_PASSING = (  # they end once an operator frees the disk or mounts it again
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

# PostgreSQL's codes. Locked: not within lock_timeout; serialization failure and deadlock, which other
# programs' writes may cause.
_LOCKED_STATES = ("55P03", "40001", "40P01")
# A prepared statement is gone, or another client's: a pooler shares connections between transactions.
_POOLED_STATES = ("26000", "42P05")
# The connection is lost or cannot be made (08, also as another password is set: 28), the database is being
# replaced (3D), the server lacks disk, memory or connections (53), was shut down, or an operator ended the
# statement (57), its disk fails (58), it is a copy that only reads (25006), the process slept within a
# transaction (25P03), the schema was migrated meanwhile (0A000: "cached plan must not change result type").
_PASSING_STATES = ("08", "28", "3D", "53", "57", "58", "25006", "25P03", "0A000", *_POOLED_STATES)

_RESTORE = "Put a backup in its place, or move it away: then a new one is made."
_ADVICE = {
    sqlite3.SQLITE_NOTADB: "is no SQLite database: it is damaged, encrypted, or another file took its place",
    sqlite3.SQLITE_CORRUPT: "is damaged",
}
_POOLED = (
    "cannot be used: {reason}. A pooler stands before its server: it has to give each connection a session "
    "of its own (pool_mode = session)."
)
_SERVERS_ADVICE = {
    "08": "cannot be reached: {reason}. Start its server, or correct HOST and PORT in DATABASE_URL.",
    "28": "does not let this user in: {reason}. Correct USER and PASSWORD in DATABASE_URL; signs such as "
    "@ and / in a password are written as %40 and %2F.",
    "3D": "does not exist on its server: {reason}. Create it (createdb NAME), or correct DATABASE_URL.",
    "42501": "cannot be changed by this user: {reason}. Make the user its owner, or name another one in "
    "DATABASE_URL.",
    **dict.fromkeys(_POOLED_STATES, _POOLED),
    "53300": "cannot be opened: {reason}. Each of Herosmith's processes opens up to 16 connections: raise "
    "max_connections of the server, or the limit of this user.",
    "57P03": "cannot be used yet: {reason}. Wait until its server has started, then start again.",
    "25006": "cannot be written to: {reason}. Its server is a copy that only reads: name the main one in "
    "DATABASE_URL.",
}


@contextmanager
def passing_faults() -> Iterator[None]:
    """Raise DatabaseBusy in place of a fault that passes by itself, such as another program's lock."""
    try:
        yield
    except PoolTimeout as error:  # all connections wait for the lock
        raise DatabaseBusy(_BUSY) from error
    except DBAPIError as error:
        code, state = _sqlite_code(error), _state(error)
        if code in _LOCKED or state in _LOCKED_STATES:
            raise DatabaseBusy(_BUSY) from error
        if code in _PASSING or state.startswith(_PASSING_STATES) or error.connection_invalidated:
            raise DatabaseBusy(_FAILED) from error
        raise


def opening_error(url: str, error: Exception) -> StoreError:
    """Return the error that tells an operator why a database cannot be opened, and what to do.

    The address must be one that can be parsed.
    """
    address = shown_address(url)
    if isinstance(error, StoreError):
        return StoreError(f"The database {address} {error}")
    reason = getattr(error, "orig", None) or error
    code, state = _sqlite_code(error), _state(error)
    if code in _LOCKED or state in _LOCKED_STATES:
        return StoreError(
            f"The database {address} is held by another program: close it (a database browser, a backup), "
            "or wait until it is done, and start again."
        )
    if code in _DAMAGED:
        return StoreError(f"The database {address} {_ADVICE[code]} ({reason}). {_RESTORE}")
    if parse_address(url).get_backend_name() == "sqlite":
        return StoreError(
            f"The database {address} cannot be used: {reason}. "
            "Check DATABASE_URL, and that this program may write to the file and its folder."
        )
    return StoreError(f"The database {address} {_servers_advice(str(reason), state)}")


def _servers_advice(reason: str, state: str) -> str:
    """Return what is wrong with a database on a server, by PostgreSQL's code, and what to do."""
    reason = " ".join(reason.split()).removesuffix(".")
    for length in (5, 2):  # a whole code, then its class
        if advice := _SERVERS_ADVICE.get(state[:length]):
            return advice.format(reason=reason)
    return f"cannot be used: {reason}. Check DATABASE_URL."


def _sqlite_code(error: Exception) -> int | None:
    """Return SQLite's primary result code, None for another database's error."""
    code: int | None = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _state(error: Exception) -> str:
    """Return PostgreSQL's code of an error (SQLSTATE), an empty text for another database's error."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""
