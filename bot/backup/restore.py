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

from bot.backup.archive import check_content
from bot.backup.files import read_manifest, sync_folder, verify
from bot.backup.manifest import ADAPTERS, DATABASE, ENGINE, REPORTS, SECRET, SETTINGS, Manifest
from bot.errors import BackupError, StoreError
from bot.settings import Settings
from bot.store.migrate import newest
from bot.store.snapshot import newest_heartbeat, sqlite_path
from bot.store.use_lock import alone_in, is_unfinished, mark_unfinished, unmark_unfinished

_MARGIN = 50_000_000  # bytes that a restore leaves free
_RECENT = 60.0  # seconds since a worker's last sign, within which it may be at work on another machine
_SIDE_FILES = ("-wal", "-shm", "-journal")
_STAGING = ".restore-"
_NOT_PUT_IN_PLACE = "The backup cannot be put in place"
RESTORED_SETTINGS = "restored-settings"

Move = tuple[Path, Path]  # from where, to where


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

        Raises BackupError if that fails: with everything where it was before, or with the places of what
        could not be put back.
        """
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        with _as_backup_error(_NOT_PUT_IN_PLACE, self._places.data):
            folder = self._places.free_name(f"before-restore-{stamp}")
            aside = list(self._places.moves_aside(self._staging, folder))
            into_place = list(self._places.moves_in(self._staging))
        _move_all(aside, into_place, self._places.data)
        return Restored(self.manifest, folder if aside else None)


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
            "use the tools of that database. Or unpack the backup, and copy its hero.db to an empty "
            "database there with `herosmith db copy`."
        )
    places = _Places(settings.data_dir.absolute(), database.absolute(), settings.adapters)
    with ExitStack() as stack:
        with _as_backup_error("The backup cannot be restored", places.data):
            manifest = read_manifest(path, newest())
            stack.enter_context(alone_in(places.data))
            stack.enter_context(_no_engine(places.data))
            _check_no_worker(places.database)
            _remove_unfinished(places.data)
            _check_space(places.data, manifest)
            staging = Path(
                stack.enter_context(
                    # what cannot be removed, the next restore removes
                    tempfile.TemporaryDirectory(prefix=_STAGING, dir=places.data, ignore_cleanup_errors=True)
                )
            )
            verify(path, manifest, staging.joinpath)
            check_content(staging / DATABASE, manifest)
            replaces = places.are_taken(staging)
        yield ReadyRestore(manifest, replaces, staging, places)


@contextmanager
def _as_backup_error(fault: str, data_dir: Path) -> Iterator[None]:
    """Raise faults of disks and folders as BackupError, while nothing is changed yet."""
    try:
        yield
    except OSError as error:
        raise BackupError(f"{fault}: {_reason(error, data_dir)}. Nothing was changed.") from error


def _reason(error: OSError, data_dir: Path) -> str:
    return f"{error.strerror or error} ({error.filename or data_dir})"


def _remove_unfinished(data_dir: Path) -> None:
    """Remove what killed restores have unpacked; nobody else restores while this one is alone."""
    for left in data_dir.glob(f"{_STAGING}*"):
        shutil.rmtree(left, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the parts of an installation lie."""

    data: Path
    database: Path
    adapters: Path

    def are_taken(self, staging: Path) -> bool:
        """Return whether there is data that the backup would replace."""
        parts = [self.database, *(self.data / name for name in (SECRET, *ENGINE, REPORTS))]
        parts += [self.adapters / file for file in _adapter_files(staging)]
        return any(part.exists() and not _is_empty_folder(part) for part in parts)

    def free_name(self, name: str) -> Path:
        """Return a path in the data folder that is not taken."""
        names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
        return next(self.data / each for each in names if not (self.data / each).exists())

    def moves_aside(self, staging: Path, aside: Path) -> Iterator[Move]:
        """Yield what the backup replaces, with where it goes."""
        for suffix in ("", *_SIDE_FILES):
            if (old := self.database.with_name(self.database.name + suffix)).exists():
                yield old, self._aside_of(old, aside)
        parts = [SECRET, RESTORED_SETTINGS, *(ENGINE if (staging / "engine").exists() else ())]
        parts += [REPORTS] if (staging / REPORTS).exists() else []
        for name in parts:
            if (old := self.data / name).exists():
                yield old, aside / name
        for file in _adapter_files(staging):
            if (old := self.adapters / file).exists():
                yield old, aside / ADAPTERS / file

    def _aside_of(self, old: Path, aside: Path) -> Path:
        """Return where a file of the database goes: one outside the data folder stays on its disk."""
        return (
            aside / old.name if old.is_relative_to(self.data) else old.with_name(f"{old.name}.{aside.name}")
        )

    def moves_in(self, staging: Path) -> Iterator[Move]:
        """Yield what is in the backup, with where it belongs."""
        yield staging / DATABASE, self.database
        yield staging / SECRET, self.data / SECRET
        for name in (*ENGINE, REPORTS):
            if (staging / name).exists():
                yield staging / name, self.data / name
        for file in _adapter_files(staging):
            yield staging / ADAPTERS / file, self.adapters / file
        if (staging / SETTINGS).exists():
            yield staging / SETTINGS, self.data / RESTORED_SETTINGS


def _adapter_files(staging: Path) -> list[Path]:
    """Return the adapters' files: one by one, as the folder has other adapters, which a server may use."""
    root = staging / ADAPTERS
    return [path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file()]


def _move_all(aside: list[Move], into_place: list[Move], data_dir: Path) -> None:
    """Move everything, or nothing if one move fails. Raises BackupError.

    Until that is done, nobody may start in the data folder, also if this process dies.
    """
    with _as_backup_error(_NOT_PUT_IN_PLACE, data_dir):
        was_unfinished = is_unfinished(data_dir)  # then a failure leaves it so
        mark_unfinished(data_dir)
    done: list[Move] = []
    try:
        for old, new in (*aside, *into_place):
            _move(old, new)
            done.append((old, new))
    except BaseException as error:
        _take_back(done, aside, data_dir, error)
        if not was_unfinished:
            _unmark(data_dir, "Everything is as it was before")
        if isinstance(error, OSError):
            raise BackupError(
                f"{_NOT_PUT_IN_PLACE}: {_reason(error, data_dir)}. Everything is as it was before."
            ) from error
        raise
    for folder in {new.parent for _, new in done}:
        sync_folder(folder)
    _unmark(data_dir, "The backup is in place")


def _move(old: Path, new: Path) -> None:
    """Move a file or folder. A file that does not fit onto another disk leaves nothing there."""
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.move(old, new)
    except OSError:
        if old.is_file():
            new.unlink(missing_ok=True)
        raise


def _take_back(done: list[Move], aside: list[Move], data_dir: Path, cause: BaseException) -> None:
    """Undo moves, the last one first. Raise BackupError with where everything lies if that fails."""
    left = list(done)
    try:
        while left:
            old, new = left[-1]
            shutil.move(new, old)
            left.pop()
    except OSError as error:
        first = _reason(cause, data_dir) if isinstance(cause, OSError) else "it was interrupted"
        folders = {str(data_dir)} | {str(move[1].parent) for move in left if move in aside}
        raise BackupError(
            f"{_NOT_PUT_IN_PLACE}: {first}. And what was there before cannot be put back: "
            f"{_reason(error, data_dir)}. It lies in {' and '.join(sorted(folders))}: delete nothing there. "
            f"Mend the disk, then start this restore again; nothing starts in {data_dir} before it succeeds."
        ) from cause


def _unmark(data_dir: Path, done: str) -> None:
    try:
        unmark_unfinished(data_dir)
    except OSError as error:
        raise BackupError(
            f"{done}, but nothing can start before you remove a file: {_reason(error, data_dir)}."
        ) from error


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
