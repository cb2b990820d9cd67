"""A copy of the database before its schema changes, beside it: the way back to the older version."""

import logging
import re
import time
from pathlib import Path

from bot.errors import StoreError
from bot.store.snapshot import copy_database, read_snapshot

log = logging.getLogger(__name__)

KEPT = 3
_MARK = ".before-upgrade-"
_UNFINISHED = ".unfinished"
_COPY_PATTERN = re.compile(r"[^-]+-\d{8}-\d{6}(-\d+)?")  # what follows the mark: schema, time, number


def copy_before_upgrade(database: Path, schema: str) -> Path:
    """Copy a database of an older schema, verify the copy, and remove all copies but the last few.

    The copy's name ends in the schema and the time (UTC). Raises StoreError, whose text continues the
    sentence that begins with the database's name, if there is no sound copy: then the schema must not be
    changed.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    copy = _free(database.with_name(f"{database.name}{_MARK}{schema}-{stamp}"))
    unfinished = copy.with_name(f"{copy.name}{_UNFINISHED}")
    try:
        _remove_unfinished(database)
        _copy_verified(database, unfinished)
        unfinished.rename(copy)
    except (OSError, StoreError) as error:
        unfinished.unlink(missing_ok=True)
        raise StoreError(
            f"has to be changed for this version, and cannot be copied first: {error} Nothing was changed. "
            f"Free some space in {database.parent}, then start again."
        ) from error
    log.warning("the database is changed for this version; a copy of before is %s", copy)
    _remove_old(database, copy)
    return copy


def _remove_unfinished(database: Path) -> None:
    """Remove what killed starts have left, with SQLite's files beside it: it would fill the disk."""
    for path, rest in _beside(database):
        if _UNFINISHED in rest:
            path.unlink(missing_ok=True)


def _remove_old(database: Path, newest: Path) -> None:
    """Remove all copies but the last few; the newest stays, also if the clock was ahead at another one."""
    copies = [
        path for path, rest in _beside(database) if _COPY_PATTERN.fullmatch(rest) and path.name != newest.name
    ]
    for old in sorted(copies, key=_made_at)[: max(0, len(copies) - KEPT + 1)]:
        old.unlink(missing_ok=True)


def _beside(database: Path) -> list[tuple[Path, str]]:
    """Return the files that belong to copies of a database, each with the rest of its name."""
    start = f"{database.name}{_MARK}"
    return [
        (path, path.name.removeprefix(start))
        for path in database.parent.iterdir()
        if path.name.startswith(start)
    ]


def _copy_verified(database: Path, to: Path) -> None:
    taken = copy_database(database, to)
    if read_snapshot(to) != taken:
        raise StoreError("The copy differs from the database.")


def _free(path: Path) -> Path:
    """Return the path, or one with a number if there is such a copy of the same second."""
    names = (path.name, *(f"{path.name}-{number}" for number in range(2, 100)))
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())


def _made_at(copy: Path) -> tuple[float, str]:
    return copy.stat().st_mtime, copy.name
