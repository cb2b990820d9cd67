"""Read and write the files of a backup, which is a folder or a .tar.gz; every byte read is hashed."""

import hashlib
import io
import os
import stat
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from bot.backup.manifest import MAX_BYTES, NAME, BackedUpFile, Manifest, parse_manifest
from bot.errors import BackupError
from bot.store.snapshot import CopyStopped

ARCHIVE = ".tar.gz"

_CHUNK = 1 << 20
_LEVEL = 1  # weights hardly get smaller, whatever the level
_ARCHIVE_ERRORS = (tarfile.TarError, EOFError, zlib.error)


class BackupWriter(Protocol):
    """Takes the files of a backup, one after the other."""

    def add(self, path: str, source: Path) -> BackedUpFile:
        """Copy a file into the backup. Raises OSError, or CopyStopped."""

    def add_bytes(self, path: str, content: bytes) -> BackedUpFile:
        """Write a file into the backup. Raises OSError."""


class _FolderWriter:
    def __init__(self, root: Path, stop: threading.Event) -> None:
        self._root = root
        self._stop = stop

    def add(self, path: str, source: Path) -> BackedUpFile:
        with source.open("rb") as content:
            return self._write(path, content)

    def add_bytes(self, path: str, content: bytes) -> BackedUpFile:
        return self._write(path, io.BytesIO(content))

    def _write(self, path: str, content: IO[bytes]) -> BackedUpFile:
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return write_hashed(content, target, path, self._stop)


class _TarWriter:
    def __init__(self, tar: tarfile.TarFile, stop: threading.Event) -> None:
        self._tar = tar
        self._stop = stop

    def add(self, path: str, source: Path) -> BackedUpFile:
        with source.open("rb") as content:
            return self._add(path, content, os.fstat(content.fileno()).st_size)

    def add_bytes(self, path: str, content: bytes) -> BackedUpFile:
        return self._add(path, io.BytesIO(content), len(content))

    def _add(self, path: str, content: IO[bytes], size: int) -> BackedUpFile:
        info = tarfile.TarInfo(path)
        info.size, info.mode = size, 0o600  # what is appended to a log meanwhile is left out
        hashing = HashingReader(content, self._stop)
        self._tar.addfile(info, hashing)
        return BackedUpFile(path=path, bytes=hashing.bytes, sha256=hashing.sha256)


class HashingReader:
    """Hashes and counts what is read through it, and raises CopyStopped once it is to stop."""

    def __init__(self, content: IO[bytes], stop: threading.Event | None = None) -> None:
        self._content = content
        self._stop = stop
        self._hash = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """Return the hash of what was read, in hexadecimal digits."""
        return self._hash.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        """Read at most so many bytes."""
        if self._stop and self._stop.is_set():
            raise CopyStopped
        chunk = self._content.read(size)
        self._hash.update(chunk)
        self.bytes += len(chunk)
        return chunk


def write_hashed(
    content: IO[bytes], target: Path, path: str, stop: threading.Event | None = None
) -> BackedUpFile:
    """Write a new file that only this user may read, durably. Raises OSError, or CopyStopped."""
    reader = HashingReader(content, stop)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while chunk := reader.read(_CHUNK):
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return BackedUpFile(path=path, bytes=reader.bytes, sha256=reader.sha256)


@contextmanager
def open_writer(path: Path, stop: threading.Event) -> Iterator[BackupWriter]:
    """Yield a writer to a new folder, or to a new file if its name ends in .tar.gz. Raises OSError."""
    if not is_archive(path):
        path.mkdir(mode=0o700)
        yield _FolderWriter(path, stop)
        return
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as out:
        with tarfile.open(fileobj=out, mode="w:gz", compresslevel=_LEVEL, format=tarfile.PAX_FORMAT) as tar:
            yield _TarWriter(tar, stop)
        out.flush()
        os.fsync(out.fileno())


def sync_folder(folder: Path) -> None:
    """Write a folder's list of files to the disk, if its file system can do that."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def is_archive(path: Path) -> bool:
    """Return whether a backup of this name is one file."""
    return path.name.endswith(ARCHIVE)


def read_manifest(path: Path, newest_schema: str) -> Manifest:
    """Read a backup's manifest. Raise BackupError if there is none, or this version cannot restore it."""
    if not path.exists():
        raise BackupError(f"There is no backup {path}: check the path.")
    found = [content.read(MAX_BYTES) for name, content in _files(path) if name == NAME]
    if len(found) != 1:
        raise BackupError(f"{path} is no complete backup of Herosmith: it has no {NAME}.")
    return parse_manifest(found[0], newest_schema)


def verify(
    path: Path,
    manifest: Manifest,
    target_of: Callable[[str], Path | None],
    stop: threading.Event | None = None,
) -> None:
    """Compare all files of a backup with its manifest, and copy those for which there is a target.

    Files that the manifest does not name are left alone. Raises BackupError if one differs or is missing,
    OSError if a copy cannot be written, and CopyStopped.
    """
    expected = {file.path: file for file in manifest.files}
    for name, content in _files(path):
        if (file := expected.pop(name, None)) is None:
            if any(file.path == name for file in manifest.files):
                raise BackupError(_damage_text(path, f"it has {name} twice"))
            continue
        if _copy_or_hash(path, content, file, target_of(name), stop) != file:
            raise BackupError(_damage_text(path, f"{name} differs from what the manifest says"))
    if expected:
        raise BackupError(_damage_text(path, f"{next(iter(expected))} is missing"))


def _copy_or_hash(
    backup: Path, content: IO[bytes], file: BackedUpFile, target: Path | None, stop: threading.Event | None
) -> BackedUpFile:
    try:
        if target:
            target.parent.mkdir(parents=True, exist_ok=True)
            return write_hashed(content, target, file.path, stop)
        reader = HashingReader(content, stop)
        while reader.read(_CHUNK):
            pass
    except _ARCHIVE_ERRORS as error:
        raise BackupError(_damage_text(backup, str(error))) from error
    return BackedUpFile(path=file.path, bytes=reader.bytes, sha256=reader.sha256)


def _damage_text(path: Path, fault: str) -> str:
    return f"The backup {path} is damaged: {fault}. Nothing was changed; take another backup."


def _files(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield the files of a backup by their paths in it. Raise BackupError for a link or a device."""
    return _files_of_folder(path) if path.is_dir() else _files_of_archive(path)


def _files_of_folder(root: Path) -> Iterator[tuple[str, IO[bytes]]]:
    def fail(error: OSError) -> None:
        raise BackupError(f"The backup {root} cannot be read: {error}") from error

    for at, folders, names in os.walk(root, onerror=fail):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = Path(at) / name
            kind = path.lstat().st_mode
            relative = path.relative_to(root).as_posix()
            if stat.S_ISDIR(kind):
                continue
            if not stat.S_ISREG(kind):
                raise BackupError(
                    _damage_text(root, f"{relative} is a link or no file, which backups do not have")
                )
            try:
                with path.open("rb") as content:
                    yield relative, content
            except PermissionError as error:
                raise BackupError(f"The backup {root} cannot be read: {error}") from error


def _files_of_archive(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    try:
        with tarfile.open(path, "r|gz") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield PurePosixPath(member.name).as_posix(), content
                elif not member.isdir():
                    raise BackupError(
                        _damage_text(path, f"{member.name} is a link or no file, which backups do not have")
                    )
    except _ARCHIVE_ERRORS as error:
        raise BackupError(_damage_text(path, str(error) or "it is cut off")) from error
    except PermissionError as error:
        raise BackupError(f"The backup {path} cannot be read: {error}") from error
    except OSError as error:
        if error.filename is None and error.errno is None:  # gzip's own: no gzip file, or a wrong checksum
            raise BackupError(_damage_text(path, str(error))) from error
        raise
