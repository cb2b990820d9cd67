"""Who works on a PostgreSQL database: our processes name themselves, and a copy holds a lock of its own.

For an SQLite file, the lock of the data folder does both (`bot/store/use_lock.py`).
"""

import asyncio
import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError

APPLICATION = "herosmith"
"""How connections of bots, workers and commands are called in pg_stat_activity."""

_KEY = 0x4865726F  # of the advisory lock, which every database of a server has for itself
_WAIT = 5.0  # seconds in which the server notices that a killed process is gone
_PAUSE = 0.2

_SHARE = text("SELECT pg_try_advisory_xact_lock_shared(:key)")
_HOLD = text("SELECT pg_try_advisory_lock(:key)")
_USERS = text(
    "SELECT coalesce(host(client_addr), 'this machine') FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = :name AND pid <> pg_backend_pid()"
)


async def check_not_copied(connection: AsyncConnection) -> None:
    """Raise StoreError while a PostgreSQL database is copied, or is the target of a copy.

    The texts of this module's errors continue the sentence that begins with the database's name.
    """
    if connection.dialect.name == "postgresql" and not await _scalar(connection, _SHARE, key=_KEY):
        raise StoreError(
            "is being copied at this moment by `herosmith db copy`: start again once that is done."
        )


async def hold_alone(connection: AsyncConnection) -> None:
    """Keep bots, workers and other copies from a PostgreSQL database until the connection ends.

    Raises StoreError if one of them has it open. Ends the connection's transaction.
    """
    until = time.monotonic() + _WAIT
    while not await _scalar(connection, _HOLD, key=_KEY):
        if time.monotonic() > until:
            raise StoreError("is being copied by another `herosmith db copy`: wait until that is done.")
        await _pause(connection)
    while hosts := (await connection.execute(_USERS, {"name": APPLICATION})).scalars().all():
        if time.monotonic() > until:
            where = ", ".join(sorted(set(hosts)))
            raise StoreError(
                f"is in use by the bot, a worker or another command (connections from {where}): stop it "
                "first, then start this again. Nothing was changed."
            )
        await _pause(connection)
    await connection.commit()


async def _scalar(connection: AsyncConnection, query: object, **values: object) -> object:
    return (await connection.execute(query, values)).scalar_one()  # type: ignore[call-overload]


async def _pause(connection: AsyncConnection) -> None:
    await connection.commit()  # what a transaction sees of pg_stat_activity stays as it was
    await asyncio.sleep(_PAUSE)
