"""Checks of what an installation keeps: its pseudonyms, its database, and the clock that dates both."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.connection.account import Account
from bot.doctor.finding import Finding, State
from bot.doctor.folders import may_use
from bot.doctor.installation import CHOWN_CURE, Installation, Rows, is_on_this_machine, read_rows
from bot.errors import DatabaseBusy, StoreError
from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage
from bot.store.database import Database
from bot.store.inspection import (
    DatabaseFile,
    database_file,
    database_host,
    missing_parts,
    open_to_inspect,
    quick_check,
    schema_versions,
    sees_locks,
    writer_of,
)
from bot.store.read_only import FileOpened

_BUSY_TIMEOUT = 3.0  # seconds
_LOCK_LOOKS, _LOCK_PAUSE = 4, 0.25  # a lock held in each look is no short write
_LARGE_WAL = 64 * 2**20  # bytes; SQLite writes the log back from 4 MB on
_QUICK_SIZE = 256 * 2**20  # bytes that are checked in seconds
_MB = 10**6
_KERNEL_FOLDERS = ("/proc", "/sys", "/dev")  # nobody can keep a file there
_SLIGHT_SKEW, _LARGE_SKEW = 30.0, 300.0  # seconds
_DATABASE_SKEW = 5.0  # seconds between hosts that work together
_CLOCK_CURE = LocalizedMessage("Let this machine set its clock from the network (NTP).")


def check_pseudonyms(installation: Installation, rows: Rows | None) -> list[Finding]:
    """Look for the secret behind the pseudonyms: without it, what people did belongs to nobody."""
    file = installation.settings.data_dir / "voters.key"
    if os.path.exists(file):  # noqa: PTH110 (it is False where nobody may look)
        if not file.is_file() or not file.stat().st_size:
            return [
                Finding(
                    "pseudonyms",
                    "failed",
                    LocalizedMessage(
                        "The key of the pseudonyms is empty or no file, so votes belong to nobody, and no "
                        "backup is made."
                    ),
                    LocalizedMessage("Put the file back from a backup before the next start."),
                    str(file),
                )
            ]
        return [Finding("pseudonyms", "ok", LocalizedMessage("The key of the pseudonyms is there."))]
    if rows is None or rows.newest is None:
        return [Finding("pseudonyms", "skipped", LocalizedMessage("Nothing is stored about anybody."))]
    return [
        Finding(
            "pseudonyms",
            "failed",
            LocalizedMessage(
                "The key of the pseudonyms is gone, though the database has rows: votes belong to nobody, "
                "and people could vote again."
            ),
            LocalizedMessage("Put the file back from a backup before the next start, which makes a new one."),
            str(file),
        )
    ]


async def check_database(installation: Installation) -> tuple[list[Finding], Rows | None]:
    """Return what is found of the database, and its rows if they can be read."""
    url = installation.settings.database
    try:
        file = database_file(url)
    except StoreError as error:
        cure = LocalizedMessage("Correct DATABASE_URL, or leave it empty.")
        return [Finding("database", "failed", LocalizedMessage(str(error)), cure)], None
    path = str(file.path) if file else None
    if installation.db is None and file and (absent := await asyncio.to_thread(_absence, file.path)):
        return [absent], None
    if not (file or installation.online or database_host(url) is None or _is_local(url)):
        cause = LocalizedMessage("The database is on another machine, which was not asked.")
        return [Finding("database", "skipped", cause)], None
    found = await _check_lock(installation, file) if file else []
    try:
        rows, more = await _look(installation, file)
    except StoreError as error:
        cure = LocalizedMessage("Do as the sentence says; docs/operating.md has how to restore a backup.")
        return [*found, Finding("database", "failed", LocalizedMessage(str(error)), cure, path)], None
    except DatabaseBusy as error:
        cure = LocalizedMessage("Close other programs that have the database open, and look again.")
        return [*found, Finding("database", "failed", error.message, cure, path)], None
    return [*more, *found], rows


async def _look(installation: Installation, file: DatabaseFile | None) -> tuple[Rows | None, list[Finding]]:
    """Return the rows, and what is found of them, of one state of the database."""
    while True:
        with suppress(FileOpened):  # the bot starts at this moment
            async with _opened(installation) as db:
                return await _read(installation, db, file)


def _absence(path: Path) -> Finding | None:
    """Return that there is no database, or that it cannot be read here; None if it can be opened."""
    try:
        kind = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not _can_be_made(path):
            cause = LocalizedMessage("There is no database, and none can be made there.")
            cure = LocalizedMessage("Name another place in DATABASE_URL or DATA_DIR.")
            return Finding("database", "failed", cause, cure, str(path))
        cause = LocalizedMessage("There is no database yet; the first start makes it.")
        return Finding("database", "skipped", cause, file=str(path))
    except OSError as error:
        cause = LocalizedMessage("The database cannot be looked at. {reason}.", reason=error.strerror)
        return Finding("database", "failed", cause, CHOWN_CURE, str(path))
    if not stat.S_ISREG(kind):  # SQLite would wait for ever for the other end of a pipe
        cause = LocalizedMessage("The database is no file.")
        cure = LocalizedMessage("Move away what is there, and restore a backup (docs/operating.md).")
        return Finding("database", "failed", cause, cure, str(path))
    return None


def _can_be_made(path: Path) -> bool:
    """Return whether a first start could make a file: in a folder that is there, or in new ones."""
    folder = next(each for each in path.absolute().parents if os.path.lexists(each))
    if any(folder.is_relative_to(each) for each in _KERNEL_FOLDERS) and folder.parts[:3] != (
        "/",
        "dev",
        "shm",
    ):
        return False
    return folder.is_dir() and may_use(folder)


def _is_local(url: str) -> bool:
    return is_on_this_machine(database_host(url))


@asynccontextmanager
async def _opened(installation: Installation) -> AsyncIterator[Database]:
    """Yield the running bot's database, or open it for reading."""
    if installation.db is not None:
        yield installation.db
        return
    async with open_to_inspect(installation.settings.database, busy_timeout=_BUSY_TIMEOUT) as db:
        yield db


async def _read(
    installation: Installation, db: Database, file: DatabaseFile | None
) -> tuple[Rows | None, list[Finding]]:
    path = str(file.path) if file else None
    async with db.read() as tx:
        version, newest = await schema_versions(tx)
        missing = await missing_parts(tx) if version == newest else []
    if version == newest:
        cause = LocalizedMessage("The database has the schema of this version, {version}.", version=newest)
        found = [Finding("database", "ok", cause, file=path)]
        if missing:
            cause = LocalizedMessage("The database lacks {parts}.", parts=", ".join(missing))
            cure = LocalizedMessage("Stop the bot, and restore a backup (docs/operating.md).")
            found = [Finding("database", "failed", cause, cure, path)]
    else:
        cause = LocalizedMessage(
            "The database has the schema {version}; the next start makes it {newest}.",
            version=version or "0000",
            newest=newest,
        )
        cure = LocalizedMessage(
            "Make a backup before the next start, with `herosmith backup PATH`, or `pg_dump` for PostgreSQL. "
            "The start itself copies a SQLite database, and nothing else."
        )
        found = [Finding("database", "warning", cause, cure, path)]
    if file:
        found += [await _check_pages(installation, db, file), await asyncio.to_thread(_check_size, file)]
    damaged = any(each.state == "failed" for each in found)
    return await read_rows(db) if version == newest and not damaged else None, found


async def _check_pages(installation: Installation, db: Database, file: DatabaseFile) -> Finding:
    if installation.quick and file.path.stat().st_size > _QUICK_SIZE:
        cause = LocalizedMessage("The database is too large to be read while you wait.")
        cure = LocalizedMessage("Run `herosmith doctor` in the terminal.")
        return Finding("database_pages", "skipped", cause, cure, str(file.path))
    async with db.read() as tx:
        faults = await quick_check(tx)
    if not faults:
        return Finding("database_pages", "ok", LocalizedMessage("SQLite finds no damage."))
    cause = LocalizedMessage("The database is damaged. SQLite says “{reason}”.", reason="; ".join(faults))
    cure = LocalizedMessage("Stop the bot, and restore a backup (docs/operating.md).")
    return Finding("database_pages", "failed", cause, cure, str(file.path))


def _check_size(file: DatabaseFile) -> Finding:
    wal = file.wal.stat().st_size if file.wal.exists() else 0
    cause = LocalizedMessage(
        "The database has {size:,.1f} MB, and its log {log:,.1f} MB.",
        size=file.path.stat().st_size / _MB,
        log=wal / _MB,
    )
    if wal <= _LARGE_WAL:
        return Finding("database_size", "ok", cause, file=str(file.path))
    cure = LocalizedMessage(
        "A program keeps an old state open, so that the log cannot be written back. Close database browsers "
        "and backups; a restart of the bot writes it back."
    )
    return Finding("database_size", "warning", cause, cure, str(file.wal))


async def _check_lock(installation: Installation, file: DatabaseFile) -> list[Finding]:
    """Look whether a program holds the lock for writing all the time."""
    if installation.db:
        if await _can_write(installation.db):
            return [_lock_free()]
        return [_lock_held(file, LocalizedMessage("Another program holds the database."))]
    if not sees_locks():
        cause = LocalizedMessage("This system does not tell who holds the database.")
        return [Finding("database_lock", "skipped", cause)]
    holder = None
    for _ in range(_LOCK_LOOKS):
        holder = await asyncio.to_thread(writer_of, file)
        if holder is None:
            return [_lock_free()]
        await asyncio.sleep(_LOCK_PAUSE)
    return [_lock_held(file, LocalizedMessage("Process {process} holds the database.", process=str(holder)))]


async def _can_write(db: Database) -> bool:
    try:
        await db.check_writable()
    except DatabaseBusy:
        return False
    return True


def _lock_free() -> Finding:
    return Finding("database_lock", "ok", LocalizedMessage("No program holds the database."))


def _lock_held(file: DatabaseFile, cause: LocalizedMessage) -> Finding:
    cure = LocalizedMessage(
        "Close it if it is a database browser or a backup; until then nothing can be written."
    )
    return Finding("database_lock", "failed", cause, cure, str(file.path))


def check_clock(installation: Installation, rows: Rows | None, account: Account | None) -> list[Finding]:
    """Compare this machine's clock with the newest row of the database, and with Discord's."""
    found = []
    if rows and rows.newest is not None:
        ahead = rows.newest - installation.now
        cause = LocalizedMessage("No row of the database is from the future.")
        if ahead > _SLIGHT_SKEW:
            cause = LocalizedMessage(
                "The newest row of the database is {time} in the future: this machine's clock is slow, or "
                "was fast.",
                time=format_duration(ahead),
            )
        found.append(_clock_finding(ahead if ahead > 0 else 0.0, cause))
    if rows and rows.ahead is not None:
        found.append(_database_clock_finding(rows.ahead))
    if account and account.clock_ahead is not None:
        skew = abs(account.clock_ahead)
        cause = LocalizedMessage("Clocks here and at Discord differ by {time}.", time=format_duration(skew))
        found.append(_clock_finding(skew, cause))
    nothing = LocalizedMessage("There is nothing to compare this machine's clock with.")
    return found or [Finding("clock", "skipped", nothing)]


def _database_clock_finding(ahead: float) -> Finding:
    """Say how far this machine's clock is from the database's: jobs go by that one, all else by this one."""
    skew = abs(ahead)
    fields = {"time": format_duration(skew)}
    if skew <= _DATABASE_SKEW:
        cause = LocalizedMessage("Clocks here and at the database differ by {time}.", **fields)
        return Finding("clock", "ok", cause)
    if ahead > 0:
        cause = LocalizedMessage("This machine's clock is {time} ahead of the database's.", **fields)
    else:
        cause = LocalizedMessage("This machine's clock is {time} behind the database's.", **fields)
    cure = LocalizedMessage(
        "Let this machine and the database's set their clocks from the network (NTP). Until then jobs are "
        "still done once, but times of votes, of a day's limits and of the day's budget are wrong."
    )
    return Finding("clock", "warning", cause, cure)


def _clock_finding(seconds: float, cause: LocalizedMessage) -> Finding:
    state: State = "failed" if seconds > _LARGE_SKEW else "warning" if seconds > _SLIGHT_SKEW else "ok"
    return Finding("clock", state, cause, None if state == "ok" else _CLOCK_CURE)
