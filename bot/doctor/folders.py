"""Checks of the folders that a running bot writes: its data, and its scheduled backups."""

import os
from pathlib import Path

from bot.backup.schedule import newest_backup
from bot.doctor.finding import Finding
from bot.doctor.installation import CHOWN_CURE, Installation
from bot.errors import StoreError
from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage
from bot.store.use_lock import check_restored

_EFFECTIVE = os.access in os.supports_effective_ids
_ENGINE_FOLDERS = ("models", "files", "jobs", "batches")
_HOUR = 3600.0
_LATE = 2  # times BACKUP_EVERY: a bot that was off for a night is no fault


def check_data_folder(installation: Installation) -> list[Finding]:
    """Look whether the folder is there or can be made, and may be read and written."""
    folder = installation.settings.data_dir
    if not os.path.lexists(folder):
        return [_absent_data_folder(folder)]
    if not os.path.isdir(folder):  # noqa: PTH112 (it is False where nobody may look)
        cause = LocalizedMessage("The data folder is no folder.")
        cure = LocalizedMessage("Name another one in DATA_DIR, or move this file away.")
        return [Finding("data_folder", "failed", cause, cure, str(folder))]
    closed = next((each for each in _needed_paths(folder) if not may_use(each)), None)
    if closed is not None:
        cause = LocalizedMessage("This program may not read and write what is in the data folder.")
        return [Finding("data_folder", "failed", cause, CHOWN_CURE, str(closed))]
    cause = LocalizedMessage("The data folder may be read and written.")
    return [Finding("data_folder", "ok", cause, file=str(folder))]


def _absent_data_folder(folder: Path) -> Finding:
    """Return that a start makes the folder, or that it cannot: what is above it is a file, or closed."""
    above = next(each for each in folder.absolute().parents if os.path.lexists(each))
    if not os.path.isdir(above):  # noqa: PTH112 (it is False where nobody may look)
        cause = LocalizedMessage("The data folder cannot be made: what should hold it is no folder.")
        cure = LocalizedMessage("Name another one in DATA_DIR, or move this file away.")
        return Finding("data_folder", "failed", cause, cure, str(above))
    if not may_use(above):
        cause = LocalizedMessage("The data folder is not there, and this program may not make it here.")
        return Finding("data_folder", "failed", cause, CHOWN_CURE, str(above))
    cause = LocalizedMessage("The data folder is not there: a start makes a new one, with nothing in it.")
    cure = LocalizedMessage("If this installation has run before, correct DATA_DIR, or mount its disk.")
    return Finding("data_folder", "warning", cause, cure, str(folder))


def _needed_paths(folder: Path) -> list[Path]:
    """Return the folder, and what the bot itself needs in it as far as it is there."""
    names = ("hero.db", "hero.db-wal", "hero.db-shm", "voters.key", "engine", "logs")
    return [folder, *(each for each in map(folder.joinpath, names) if os.path.lexists(each))]


def check_parts(installation: Installation) -> list[Finding]:
    """Look for an interrupted restore, and for files in the place of the engine's folders."""
    folder = installation.settings.data_dir
    found = []
    try:
        check_restored(folder)
    except StoreError as error:
        cure = LocalizedMessage("Do as the sentence says; until then nothing starts.")
        found.append(Finding("data_folder", "failed", LocalizedMessage(str(error)), cure, str(folder)))
    engine = folder / "engine"
    for path in (engine, *(engine / name for name in _ENGINE_FOLDERS)):
        if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112 (False where nobody may look)
            cause = LocalizedMessage("This is no folder, so the engine cannot keep its models and files.")
            cure = LocalizedMessage("Move this file away, or put the folder back from a backup.")
            found.append(Finding("data_folder", "failed", cause, cure, str(path)))
    return found


def may_use(path: Path) -> bool:
    """Return whether this program may read and write a file, or a folder and what is in it."""
    mode = os.R_OK | os.W_OK
    return os.access(path, mode | (os.X_OK if path.is_dir() else 0), effective_ids=_EFFECTIVE)


def check_backups(installation: Installation) -> list[Finding]:
    """Look whether scheduled backups can be written, and how old the newest is."""
    folder = installation.settings.backup_dir
    if folder is None:
        cause = LocalizedMessage("BACKUP_DIR is empty: the bot makes no backups by itself.")
        return [Finding("backups", "skipped", cause)]
    if not os.path.lexists(folder):
        return [_absent_backup_folder(folder)]
    if not os.path.isdir(folder):  # noqa: PTH112 (it is False where nobody may look)
        cause = LocalizedMessage("BACKUP_DIR names no folder.")
        cure = LocalizedMessage("Name another one in BACKUP_DIR, or move this file away.")
        return [Finding("backups", "failed", cause, cure, str(folder))]
    if not may_use(folder):
        cause = LocalizedMessage("This program may not read and write the folder of BACKUP_DIR.")
        return [Finding("backups", "failed", cause, CHOWN_CURE, str(folder))]
    return [_newest_backup_finding(installation, folder)]


def _absent_backup_folder(folder: Path) -> Finding:
    above = folder.absolute().parent
    if not os.path.isdir(above) or not may_use(above):  # noqa: PTH112 (it is False where nobody may look)
        cause = LocalizedMessage("The folder of BACKUP_DIR is not there, and the bot cannot make it.")
        cure = LocalizedMessage("Mount its disk, or make the folder and give it to the bot's user.")
        return Finding("backups", "failed", cause, cure, str(folder))
    cause = LocalizedMessage("The folder of BACKUP_DIR is not there: the next backup makes it.")
    cure = LocalizedMessage("Mount its disk if it has one; else backups fill the disk of the folder above.")
    return Finding("backups", "warning", cause, cure, str(folder))


def _newest_backup_finding(installation: Installation, folder: Path) -> Finding:
    made_at = newest_backup(folder, installation.now)
    cure = LocalizedMessage("A running bot makes one. If it does not, its log says why.")
    if made_at is None:
        cause = LocalizedMessage("There is no scheduled backup yet.")
        return Finding("backups", "warning", cause, cure, str(folder))
    age = max(0.0, installation.now - made_at)
    cause = LocalizedMessage("The newest scheduled backup is {time} old.", time=format_duration(age))
    if age <= _LATE * installation.settings.backup_every * _HOUR:
        return Finding("backups", "ok", cause, file=str(folder))
    return Finding("backups", "warning", cause, cure, str(folder))
