"""What goes wrong with a database: which faults pass by themselves, and sentences for those that do not."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
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

_RESTORE = "Put a backup in its place, or move it away: then a new one is made."
_ADVICE = {
    sqlite3.SQLITE_NOTADB: "is no SQLite database: it is damaged, encrypted, or another file took its place",
    sqlite3.SQLITE_CORRUPT: "is damaged",
}

# of PostgreSQL's errors by their code, as the sentence goes on; {reason}: the server's words
_SERVER_ADVICE = {
    "3D000": "is not there, though its server answers: create it (`createdb NAME`), or correct the address",
    "28P01": "does not take this password: correct the address",
    "28000": "does not let this user in ({reason}): correct the address, or the server's pg_hba.conf",
    "42501": "does not let its user make tables ({reason}): make this user its owner "
    "(ALTER DATABASE ... OWNER TO ...)",
    "53300": "has no connection left ({reason}): raise max_connections, or end other programs",
    "57P03": "cannot be used yet ({reason}): start again in a minute",
}


@contextmanager
def passing_faults() -> Iterator[None]:
    """Raise DatabaseBusy in place of a fault that passes by itself, such as another program's lock."""
    try:
        yield
    except PoolTimeout as error:  # all connections wait for the lock
        raise DatabaseBusy(_BUSY) from error
    except DBAPIError as error:
        code = _sqlite_code(error)
        if code in _LOCKED:
            raise DatabaseBusy(_BUSY) from error
        if code in _PASSING or error.connection_invalidated:
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
    code = _sqlite_code(error) if isinstance(error, SQLAlchemyError) else None
    if code in _LOCKED:
        return StoreError(
            f"The database {address} is held by another program: close it (a database browser, a backup), "
            "or wait until it is done, and start again."
        )
    if code in _DAMAGED:
        return StoreError(f"The database {address} {_ADVICE[code]} ({reason}). {_RESTORE}")
    if parse_address(url).get_backend_name() != "sqlite":
        return StoreError(f"The database {address} {_server_fault(error)}. Nothing was changed.")
    return StoreError(
        f"The database {address} cannot be used: {reason}. "
        "Check DATABASE_URL, and that this program may write to the file and its folder."
    )


def _server_fault(error: Exception) -> str:
    """Return what is wrong with a database on a server, as the rest of a sentence."""
    reason = str(getattr(error, "orig", None) or error).partition("\n")[0].rstrip(".")
    if isinstance(error, socket.gaierror):
        return f"is on a host that nobody knows ({reason}): correct the address"
    if isinstance(error, ConnectionRefusedError | FileNotFoundError | TimeoutError):
        return "is on a server that does not answer: start it, or correct host and port in the address"
    code = str(getattr(getattr(error, "orig", None), "sqlstate", None))
    advice = _SERVER_ADVICE.get(code, "cannot be used: {reason}")
    return advice.format(reason=reason)


def _sqlite_code(error: SQLAlchemyError) -> int | None:
    """Return SQLite's primary result code, None for another database's error."""
    code: int | None = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
