"""An installation that begins anew by mistake: its database is empty, and the one that it had lies beside."""

import asyncio
import logging
from pathlib import Path

from sqlalchemy import select

from bot.store.database import Database
from bot.store.schema import description, job

log = logging.getLogger(__name__)


async def warn_of_file_left_behind(db: Database, file: Path) -> None:
    """Warn if DATABASE_URL was set and the installation's SQLite file was not copied: nothing is lost yet."""
    if await asyncio.to_thread(file.exists) and await _is_unused(db):
        log.warning(
            "the database in DATABASE_URL is empty, and %s is not used: to go on with what that holds, stop "
            "the bot and copy it (herosmith db copy, docs/operating.md) before anything is written",
            file,
        )


async def _is_unused(db: Database) -> bool:
    """Return whether no job was ever ordered and no hero asked for."""
    async with db.read() as tx:
        for table in (job, description):
            if (await tx.execute(select(table.c.id).limit(1))).first() is not None:
                return False
    return True
