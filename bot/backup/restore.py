"""Restore a backup: verified beside the data, then swapped in; what was there is moved aside and kept."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from bot.backup.archive import check_database
from bot.backup.files import read_manifest, sync_folder, verify
from bot.backup.manifest import DATABASE, ENGINE, REPORTS, SECRET, SETTINGS, Manifest
from bot.errors import BackupError, StoreError
from bot.settings import Settings
from bot.store.migrate import newest
from bot.store.snapshot import newest_heartbeat, sqlite_path
from bot.store.use_lock import alone_in, mark_unfinished, unmark_unfinished

_MARGIN = 50_000_000  # bytes that a restore leaves free
_RECENT = 60.0  # seconds since a worker's last sign, within which it may be at work on another machine
_SIDE_FILES = ("-wal", "-shm", "-journal")
RESTORED_SETTINGS = "restored-settings"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. aside: where what was there before lies now, None if nothing was there."""

    manifest: Manifest
    aside: Path | None


@dataclass(frozen=True, slots=True)
class ReadyRestore:
    """A backup that was verified and unpacked beside the data; `swap` puts it in place.

    replaces: whether there is data that it would replace.
    """

    manifest: Manifest
    replaces: bool
    _staging: Path
    _places: "_Places"

    def swap(self) -> Restored:
        """Put the backup in place of what is there, which is moved aside.

        Raises BackupError if that fails, with everything where it was before.
        """
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        aside = self._places.free_name(f"before-restore-{stamp}")
        moves = [*self._places.moves_aside(self._staging, aside), *self._places.moves_in(self._staging)]
        _move_all(moves, self._places.data)
        return Restored(self.manifest, aside if self.replaces else None)


@contextmanager
def open_restore(settings: Settings, path: Path) -> Iterator[ReadyRestore]:
    """Verify and unpack a backup, while nobody else may open the data folder.

    Nothing that is there is changed before `swap`. Raises BackupError or StoreError, whose texts say what to
    do.
    """
    database = sqlite_path(settings.database)
    if database is None:
        raise BackupError(
            "Only a SQLite database can be restored by this command, and DATABASE_URL names another one: "
            "use the tools of that database."
        )
    places = _Places(settings.data_dir.absolute(), database.absolute())
    manifest = read_manifest(path, newest())
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_in(places.data))
            stack.enter_context(_no_engine(places.data))
            _check_no_worker(places.database)
            _check_space(places.data, manifest)
            staging = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix=".restore-", dir=places.data))
            )
            verify(path, manifest, staging.joinpath)
            check_database(staging / DATABASE, manifest)
            if not (staging / SECRET).stat().st_size:
                raise BackupError(
                    f"The backup's {SECRET} is empty. Nothing was changed; take another backup."
                )
        except OSError as error:
            raise BackupError(
                f"The backup cannot be restored: {error.strerror or error} "
                f"({error.filename or places.data}). Nothing was changed."
            ) from error
        yield ReadyRestore(manifest, places.are_taken(), staging, places)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the parts of an installation lie."""

    data: Path
    database: Path

    def are_taken(self) -> bool:
        """Return whether there is data that a restore would replace."""
        parts = (self.database, *(self.data / name for name in (SECRET, *ENGINE, REPORTS)))
        return any(part.exists() and not _is_empty_folder(part) for part in parts)

    def free_name(self, name: str) -> Path:
        """Return a path in the data folder that is not taken."""
        names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
        return next(self.data / each for each in names if not (self.data / each).exists())

    def moves_aside(self, staging: Path, aside: Path) -> Iterator[tuple[Path, Path]]:
        """Yield what the backup replaces, with where it goes."""
        for suffix in ("", *_SIDE_FILES):
            if (old := self.database.with_name(self.database.name + suffix)).exists():
                yield old, self._aside_of(old, aside)
        parts = [SECRET, RESTORED_SETTINGS, *(ENGINE if (staging / "engine").exists() else ())]
        parts += [REPORTS] if (staging / REPORTS).exists() else []
        for name in parts:
            if (old := self.data / name).exists():
                yield old, aside / name

    def _aside_of(self, old: Path, aside: Path) -> Path:
        """Return where a file of the database goes: one outside the data folder stays on its disk."""
        return (
            aside / old.name if old.is_relative_to(self.data) else old.with_name(f"{old.name}.{aside.name}")
        )

    def moves_in(self, staging: Path) -> Iterator[tuple[Path, Path]]:
        yield staging / DATABASE, self.database
        yield staging / SECRET, self.data / SECRET
        for name in (*ENGINE, REPORTS):
            if (staging / name).exists():
                yield staging / name, self.data / name
        if (staging / SETTINGS).exists():
            yield staging / SETTINGS, self.data / RESTORED_SETTINGS


def _move_all(moves: list[tuple[Path, Path]], data_dir: Path) -> None:
    """Move everything, or nothing if one move fails. Raises BackupError.

    Until that is done, nobody may start in the data folder, also if this process dies.
    """
    mark_unfinished(data_dir)
    done: list[tuple[Path, Path]] = []
    try:
        for old, new in moves:
            new.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(old, new)
            done.append((old, new))
    except BaseException as error:
        for old, new in reversed(done):
            shutil.move(new, old)
        unmark_unfinished(data_dir)
        if isinstance(error, OSError):
            raise BackupError(
                f"The backup cannot be put in place: {error.strerror or error} ({error.filename}). "
                "Everything is as it was before."
            ) from error
        raise
    for folder in {new.parent for _, new in moves}:
        sync_folder(folder)
    unmark_unfinished(data_dir)


@contextmanager
def _no_engine(data_dir: Path) -> Iterator[None]:
    """Keep engines from starting in the data folder. Raise StoreError if one works there."""
    if not (data_dir / "engine").is_dir():
        yield
        return
    lock = FileLock(data_dir / "engine" / "engine.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreError(
            f"A model engine works in {data_dir / 'engine'}: stop it first, then start this again. Nothing "
            "was changed."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _check_no_worker(database: Path) -> None:
    """Raise StoreError if a job of the database has a worker, which may run on another machine."""
    heartbeat = newest_heartbeat(database) if database.is_file() else None
    if heartbeat is not None and time.time() - heartbeat < _RECENT:
        raise StoreError(
            f"A worker had this database open {max(0.0, time.time() - heartbeat):.0f} seconds ago, perhaps "
            f"on another machine. Stop it, wait for {_RECENT:.0f} seconds, then start this again. Nothing "
            "was changed."
        )


def _check_space(data_dir: Path, manifest: Manifest) -> None:
    free = shutil.disk_usage(data_dir).free
    if free < manifest.total_bytes + _MARGIN:
        raise BackupError(
            f"{data_dir} has {free / 1e6:,.0f} MB free, and the backup takes "
            f"{(manifest.total_bytes + _MARGIN) / 1e6:,.0f} MB: free some, then start this again. Nothing "
            "was changed."
        )


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())
