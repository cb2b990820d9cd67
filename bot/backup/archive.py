"""Make a backup while everything runs: at its path is all of it, verified, or nothing."""

import asyncio
import errno
import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from bot.backup import contents
from bot.backup.contents import KnownModels, ModelFolders
from bot.backup.files import BackupWriter, is_archive, open_writer, read_manifest, sync_folder, verify
from bot.backup.manifest import DATABASE, NAME, SECRET, SETTINGS, BackedUpFile, Manifest
from bot.errors import BackupError, BackupRunning, StoreError
from bot.registry.retention import needed_models
from bot.settings import Settings
from bot.store import models
from bot.store.database import Database, open_database
from bot.store.migrate import newest
from bot.store.snapshot import Snapshot, copy_database, read_schema, read_snapshot, sqlite_path
from bot.store.use_lock import check_restored, in_use

T = TypeVar("T")

_LOCK = "backup.lock"
_BUSY = "herosmith-backup.busy"  # in the folder of an unfinished backup, locked by the process that makes it
_DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OTHER_ARCHIVES = (".tgz", ".tar", ".gz", ".zip", ".bz2", ".xz", ".zst", ".7z")
_MARGIN = 50_000_000  # bytes that a backup leaves free


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made and verified: where, how many bytes it takes, and what it holds.

    new_folder: whether the folder around it had to be made, as where a disk is not mounted.
    """

    path: Path
    bytes: int
    manifest: Manifest
    new_folder: bool


async def make_backup(settings: Settings, path: Path, db: Database | None = None) -> Backup:
    """Back up an installation to a path that does not exist yet: a folder, or one file if it ends in .tar.gz.

    db: the open database, if there is one. If this is cancelled, nothing is left. Raises BackupError, whose
    text says what to do, or StoreError while a restore is under way.
    """
    database = sqlite_path(settings.database)
    if database is None:
        raise BackupError(
            "Only a SQLite database can be backed up by this command. Use pg_dump for the one that "
            "DATABASE_URL names, and copy voters.key and the engine's folder as docs/operating.md says."
        )
    stop = threading.Event()
    stack = ExitStack()
    # every look at the disks is in a thread: one over the network may hang, and the bot goes on answering
    try:
        work = await _run_in_thread(lambda: _begin(stack, settings, path, database, stop), stop)
        taken = await _run_in_thread(work.copy_database, stop)
        # asked after the copy: a model that went live in between is in as well
        known = await _known_models(settings, database, db)
        return await _run_in_thread(lambda: work.complete(taken, known), stop)
    finally:
        await _run_in_thread(stack.close, stop)


def _begin(
    stack: ExitStack, settings: Settings, path: Path, database: Path, stop: threading.Event
) -> "_BackupSteps":
    """Lock the data folder and make the backup's workspace; both end with the stack."""
    with _as_backup_error(path):
        check_restored(settings.data_dir)
        if not database.is_file():
            raise BackupError(f"There is nothing to back up yet: the database {database} does not exist.")
        contents.check_secret(settings)
    if os.path.lexists(path):
        raise BackupError(f"{path} exists already, so no backup was made: name a path that is new.")
    _check_name(path)
    path = path.absolute()
    stack.enter_context(in_use(settings.data_dir))
    stack.enter_context(_only_backup(settings.data_dir, path))
    new_folder = _make_folder(path)
    workspace = stack.enter_context(_workspace(path))
    return _BackupSteps(settings, path, workspace, database, stop, new_folder)


def _check_name(path: Path) -> None:
    """Raise BackupError for the name of another kind of archive: a folder of that name would mislead."""
    if path.suffix.lower() in _OTHER_ARCHIVES and not is_archive(path):
        raise BackupError(
            f"{path} was not made: a backup in one file has to end in .tar.gz, and one in a folder must not "
            f"end in {path.suffix}."
        )


def _make_folder(path: Path) -> bool:
    """Make the folder around a backup, and no folder above that. Return False if it is there."""
    folder = path.parent
    with _as_backup_error(path):
        try:
            folder.mkdir()
        except FileExistsError:
            if not folder.is_dir():
                raise
            return False
        except FileNotFoundError as error:
            raise BackupError(
                f"{folder} is not there, nor is the folder above it: make it, or mount its disk. No backup "
                "was made."
            ) from error
    return True


async def _known_models(settings: Settings, database: Path, db: Database | None) -> KnownModels | None:
    """Return what the database says of models, None if it has the schema of another version."""
    if db is not None:
        return await _query_models(db, hosted=settings.hosted)
    if await asyncio.to_thread(read_schema, database) != newest():  # opening it would migrate it
        return None
    try:
        async with open_database(settings.database) as opened:
            return await _query_models(opened, hosted=settings.hosted)
    except StoreError as error:
        raise BackupError(f"{error} No backup was made.") from error


async def _query_models(db: Database, *, hosted: bool) -> KnownModels:
    async with db.read() as tx:
        needed = {} if hosted else await needed_models(tx)  # those of a hosted API are nowhere here
        found = await models.list_all(tx)
    return KnownModels(
        names=frozenset(model.name for model in found),
        needed=frozenset(needed),
        pruned=frozenset(model.name for model in found if model.pruned_at is not None),
    )


async def _run_in_thread(work: Callable[[], T], stop: threading.Event) -> T:
    """Run work in a thread. If this task is cancelled, stop the work, and wait until it has ended."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        while not running.done():
            with suppress(asyncio.CancelledError):  # once more: the thread works on all the same
                await asyncio.wait({running})
        raise


@dataclass(frozen=True, slots=True)
class _BackupSteps:
    """The steps of one backup, in a folder beside the place where it will be."""

    settings: Settings
    path: Path
    workspace: Path
    database: Path
    stop: threading.Event
    new_folder: bool

    def copy_database(self) -> Snapshot:
        """Copy the database of one moment."""
        with _as_backup_error(self.path):
            self._check_space(self.database.stat().st_size)
            return copy_database(self.database, self.workspace / DATABASE, self.stop)

    def complete(self, taken: Snapshot, known: KnownModels | None) -> Backup:
        """Copy everything else, write the manifest, verify the backup, and move it to its path."""
        with _as_backup_error(self.path):
            folders = contents.model_folders(self.settings, known)
            unfinished = self.workspace / ("backup.tar.gz" if is_archive(self.path) else "backup")
            with open_writer(unfinished, self.stop) as writer:
                manifest = self._write(writer, taken, folders)
            self._verify(unfinished)
            size = _size(unfinished)
            _move(unfinished, self.path)
            return Backup(self.path, size, manifest, self.new_folder)

    def _write(self, writer: BackupWriter, taken: Snapshot, folders: ModelFolders) -> Manifest:
        sources = list(contents.list_files(self.settings, folders))
        sizes = [each.source.stat().st_size for each in sources if each.source.exists()]
        self._check_space(sum(sizes) + (self.workspace / DATABASE).stat().st_size)
        files = [writer.add(DATABASE, self.workspace / DATABASE)]
        for each in sources:
            try:
                files.append(writer.add(each.path, each.source))
            except FileNotFoundError:
                if not each.may_vanish:
                    raise
        files.append(
            writer.add_bytes(f"{SETTINGS}/settings.env", contents.settings_text(self.settings).encode())
        )
        manifest = self._manifest(taken, folders, files)
        writer.add_bytes(NAME, manifest.model_dump_json(indent=1).encode())
        return manifest

    def _manifest(self, taken: Snapshot, folders: ModelFolders, files: list[BackedUpFile]) -> Manifest:
        return Manifest(
            made_by=version("herosmith"),
            made_at=datetime.now(UTC).replace(microsecond=0),
            db_schema=taken.schema or "",
            rows=taken.rows,
            models=sorted(folders.found),
            missing_models=folders.missing,
            files=files,
        )

    def _verify(self, unfinished: Path) -> None:
        """Read the backup as a restore would, and open its database."""
        manifest = read_manifest(unfinished, newest())
        opened = self.workspace / "verified.db"
        (self.workspace / DATABASE).unlink()
        verify(unfinished, manifest, lambda name: opened if name == DATABASE else None, self.stop)
        check_content(opened, manifest)
        opened.unlink()

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.workspace).free
        if free < needed + _MARGIN:
            raise BackupError(
                f"{self.path.parent} has {free / 1e6:,.0f} MB free, and the backup may take "
                f"{(needed + _MARGIN) / 1e6:,.0f} MB: free some, or name a path on another disk. No backup "
                "was made."
            )


def check_content(database: Path, manifest: Manifest) -> None:
    """Raise BackupError unless a backup whose files are those of its manifest can be restored.

    Its database has to be sound, with the manifest's schema and rows, and its secret not empty.
    """
    try:
        found = read_snapshot(database)
    except StoreError as error:
        raise BackupError(f"The backup's database is damaged. {error} Take another backup.") from error
    wrong = [
        name for name in {*found.rows, *manifest.rows} if found.rows.get(name) != manifest.rows.get(name)
    ]
    if wrong or found.schema != manifest.db_schema:
        differing = f"the number of rows of {min(wrong)}" if wrong else "the schema"
        raise BackupError(
            f"The backup's database is not the one of its manifest: {differing} differs. Take another backup."
        )
    if any(file.path == SECRET and not file.bytes for file in manifest.files):
        raise BackupError(f"The backup's {SECRET} is empty. Nothing was changed; take another backup.")


@contextmanager
def _only_backup(data_dir: Path, path: Path) -> Iterator[None]:
    """Let only one backup of a data folder be made at a time. Raises BackupRunning."""
    with ExitStack() as stack:
        with _as_backup_error(path):
            lock = stack.enter_context((data_dir / _LOCK).open("ab"))
        if not _lock(lock.fileno()):
            raise BackupRunning("Another backup is being made at this moment: wait until it is done.")
        yield


@contextmanager
def _workspace(path: Path) -> Iterator[Path]:
    """Yield a hidden folder beside a backup's path."""
    with ExitStack() as stack:
        with _as_backup_error(path):
            remove_unfinished(path.parent)
            workspace = Path(tempfile.mkdtemp(prefix=f".{path.name[:100]}.unfinished-", dir=path.parent))
            stack.callback(shutil.rmtree, workspace, ignore_errors=True)
            _lock(stack.enter_context((workspace / _BUSY).open("ab")).fileno())
        yield workspace


def remove_unfinished(folder: Path) -> None:
    """Remove what killed backups have left in a folder."""
    for left in folder.glob(f".*.unfinished-*/{_BUSY}"):
        with suppress(OSError), left.open("ab") as busy:
            fcntl.flock(busy, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left.parent)


def _lock(number: int) -> bool:
    """Lock an open file. Return False if somebody else has; a file system without locks takes part, too."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


@contextmanager
def _as_backup_error(path: Path) -> Iterator[None]:
    """Raise faults of disks and folders as BackupError, in a sentence."""
    try:
        yield
    except StoreError as error:
        raise BackupError(f"{error} No backup was made.") from error
    except OSError as error:
        if error.errno in _DISK_FULL_ERRORS:
            raise BackupError(
                f"The disk of {path.parent} became full, so no backup was made: free some space, or name a "
                "path on another disk."
            ) from error
        where = error.filename or path
        raise BackupError(f"{where}: {error.strerror or error}. No backup was made.") from error


def _move(unfinished: Path, path: Path) -> None:
    """Move a finished backup to its path. Raises OSError, or BackupError if something is there by now."""
    if os.path.lexists(path):
        raise BackupError(f"{path} exists by now, so no backup was made: name a path that is new.")
    if unfinished.is_dir():
        unfinished.rename(path)  # fails if a folder with files is there by now
    else:
        try:
            os.link(unfinished, path)  # fails if anything is there by now
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            unfinished.rename(path)
    sync_folder(path.parent)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
