"""Scheduled backups: made by the bot while it serves, the old ones removed once a new one is verified."""

import asyncio
import logging
import re
import time
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
_OURS = re.compile(r"herosmith-\d{8}-\d{6}\.tar\.gz")
_HOUR = 3600.0
_CLOCK_ERROR = 600.0  # seconds: a backup of a later time is of a clock that was wrong


class BackupSchedule:
    """Makes a backup in BACKUP_DIR whenever the last one there is BACKUP_EVERY hours old."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._not_before = 0.0

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
        if self.folder is None or now < self._not_before:
            return None
        every = self._settings.backup_every * _HOUR
        try:
            last = await asyncio.to_thread(_newest, self.folder)
            if last is not None and -_CLOCK_ERROR < now - last < every:
                return None
            path = self.folder / datetime.fromtimestamp(now, UTC).strftime(_NAME)
            made = await make_backup(self._settings, path, self._db)
            await asyncio.to_thread(_remove_old, self.folder, self._settings.backup_keep)
        except BackupRunning:
            return None  # somebody makes one by hand: the next look decides
        except (OperatorError, OSError, DatabaseBusy) as error:
            self._not_before = now + min(_HOUR, every)
            log.error("the scheduled backup failed: %s", error)  # noqa: TRY400 (a sentence, no defect)
            await self._notify(now)
            return None
        if made.manifest.missing_models:
            log.warning("not in the backup, as their files are not here: %s", made.manifest.missing_models)
        log.info("made the backup %s (%.1f MB)", made.path, made.bytes / 1e6)
        return made

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


def _backups(folder: Path) -> list[Path]:
    """Return the scheduled backups, the newest first. Raises OSError."""
    if not folder.exists():
        return []
    return sorted((path for path in folder.iterdir() if _OURS.fullmatch(path.name)), reverse=True)


def _newest(folder: Path) -> float | None:
    """Return when the newest backup was made, in seconds since 1970."""
    for path in _backups(folder):
        try:
            return datetime.strptime(path.name, _NAME).replace(tzinfo=UTC).timestamp()
        except ValueError:  # no time, such as that of the 31st of February
            continue
    return None


def _remove_old(folder: Path, kept: int) -> None:
    for path in _backups(folder)[kept:]:
        try:
            path.unlink()
        except OSError as error:
            log.warning("the old backup %s cannot be removed: %s", path, error)
