"""Scheduled backups: made by the bot while it serves, the old ones removed once a new one is verified."""

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.backup.archive import Backup, make_backup
from bot.errors import BackupRunning, DatabaseBusy, OperatorError
from bot.i18n.message import LocalizedMessage
from bot.settings import Settings
from bot.store import notifications
from bot.store.database import Database

log = logging.getLogger(__name__)

_NAME = "herosmith-%Y%m%d-%H%M%S.tar.gz"
_NAME_PATTERN = re.compile(r"herosmith-\d{8}-\d{6}\.tar\.gz")
_HOUR = 3600.0
_CLOCK_ERROR = 600.0  # seconds: a backup that is dated later than this from now was made by a wrong clock


class BackupSchedule:
    """Makes a backup in BACKUP_DIR whenever the last one there is BACKUP_EVERY hours old."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._failed_at: float | None = None

    @property
    def folder(self) -> Path | None:
        """Return where the backups are kept, None if none are scheduled."""
        return self._settings.backup_dir

    async def run_if_due(self, now: float | None = None) -> Backup | None:
        """Make a backup if one is due, and return it.

        now: in seconds since 1970. A failure is logged, told to the admins once a day, and tried again after
        an hour, or after BACKUP_EVERY if that is less.
        """
        now = time.time() if now is None else now
        every = self._settings.backup_every * _HOUR
        if self.folder is None or self._is_pausing(now, min(_HOUR, every)):
            return None
        try:
            backups = await asyncio.to_thread(_backups, self.folder, now)
            if backups and now - backups[0].made_at < every:
                return None
            path = self.folder / datetime.fromtimestamp(now, UTC).strftime(_NAME)
            made = await make_backup(self._settings, path, self._db)
            self._failed_at = None
            await asyncio.to_thread(_remove_old, self.folder, self._settings.backup_keep, now)
        except BackupRunning:
            return None  # somebody makes one by hand: the next look decides
        except (OperatorError, OSError, DatabaseBusy) as error:
            self._failed_at = now
            log.error("the scheduled backup failed: %s", error)  # noqa: TRY400 (a sentence, no defect)
            await self._notify(now)
            return None
        if made.new_folder:
            log.warning("%s was not there and has been made: is its disk mounted?", self.folder)
        if made.manifest.missing_models:
            log.warning("not in the backup, as their files are not here: %s", made.manifest.missing_models)
        log.info("made the backup %s (%.1f MB)", made.path, made.bytes / 1e6)
        return made

    def _is_pausing(self, now: float, pause: float) -> bool:
        """Return whether the last attempt failed too recently. A clock that was set back ends the pause."""
        return self._failed_at is not None and 0 <= now - self._failed_at < pause

    async def _notify(self, now: float) -> None:
        """Tell the admins, without the reason: that is for the log, as it names paths."""
        text = LocalizedMessage(
            "⚠️ The scheduled backup failed; the bot's log says why. The bot tries again, and keeps the "
            "backups that it has. An operator may have to free disk space or mend BACKUP_DIR."
        )
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        try:
            async with self._db.write() as tx:
                await notifications.add(tx, f"backup:{day}", text, at=now)
        except DatabaseBusy as error:
            log.warning("the admins are not told of it: %s", error)


def newest_backup(folder: Path, now: float) -> float | None:
    """Return when the newest scheduled backup was made, in seconds since 1970. Raises OSError."""
    backups = _backups(folder, now)
    return backups[0].made_at if backups else None


@dataclass(frozen=True, slots=True)
class _ScheduledBackup:
    path: Path
    made_at: float  # seconds since 1970


def _backups(folder: Path, now: float) -> list[_ScheduledBackup]:
    """Return the scheduled backups, the newest first. Raises OSError.

    Those of a clock that was ahead are left out: they would be the newest until that time comes, whatever is
    made meanwhile.
    """
    if not folder.exists():
        return []
    found = [_parse(path) for path in folder.iterdir() if _NAME_PATTERN.fullmatch(path.name)]
    known = [each for each in found if each is not None and each.made_at <= now + _CLOCK_ERROR]
    return sorted(known, key=lambda each: each.made_at, reverse=True)


def _parse(path: Path) -> _ScheduledBackup | None:
    """Return the backup of a file's name, None if it has no time, such as that of the 31st of February."""
    try:
        made_at = datetime.strptime(path.name, _NAME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return _ScheduledBackup(path, made_at)


def _remove_old(folder: Path, kept: int, now: float) -> None:
    for old in _backups(folder, now)[kept:]:
        try:
            old.path.unlink()
        except OSError as error:
            log.warning("the old backup %s cannot be removed: %s", old.path, error)
