"""Guard the reading of files from outside, and write files and folders atomically."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bot.errors import UserError

MAX_BYTES = 512 * 1024 * 1024

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def guarded_read(path: Path) -> Iterator[None]:
    """Check a file before it is read. Raises UserError if it cannot be read, now or within the block."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            limit = f"{MAX_BYTES // 1024**2} MB"
            raise UserError(f"{path.name} is larger than {limit}: split it into several files.")
        if size == 0:
            raise UserError(f"{path.name} is empty: choose a file with rows in it.")
        yield
    except FileNotFoundError as error:
        raise UserError(f"There is no {path.name}: check the name and the folder.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not written in UTF-8: save it as UTF-8 and try again.") from error
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {_error_text(error)}.") from error


def read_lines(path: Path) -> Iterator[str]:
    r"""Yield a file's lines with their line ends; only \n ends a line. UTF-8, with or without BOM."""
    with guarded_read(path), path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if "\0" in line:
                raise UserError(
                    f"Line {number} of {path.name} holds a NUL byte: it is no text, or not in UTF-8. "
                    "Save it as UTF-8 and try again."
                )
            yield line


@contextmanager
def atomic_write(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary path to write a file or folder to; move it to the target at the end of the block.

    After an exception no partial file remains and an existing one is unchanged. Raises UserError if the
    target exists, the disk is full or the folder cannot be written.
    """
    try:
        target = path.resolve()
        _check_target(target, overwrite=overwrite)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            yield temporary
            _sync(temporary)
            _replace(temporary, target)
        finally:
            _remove(temporary)
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise UserError(
                f"The disk is too full for {path.name}: free some space and try again."
            ) from error
        raise UserError(
            f"{path.name} cannot be written: {_error_text(error)}. Choose another place."
        ) from error


def _check_target(target: Path, *, overwrite: bool) -> None:
    if target.exists() and not overwrite:
        raise UserError(f"{target.name} exists already: choose another name, or replace it with --overwrite.")
    if target.is_dir() and not _is_export(target):
        raise UserError(f"{target.name} is a folder with other things in it: choose another name.")


def _is_export(folder: Path) -> bool:
    """Return whether a folder holds only files of an export, so that replacing it loses nothing else."""
    return all(
        name in {"README.md", "data"} or (name.startswith("data/") and name.endswith(".parquet"))
        for name in (found.relative_to(folder).as_posix() for found in folder.rglob("*"))
    )


def _sync(written: Path) -> None:
    """Flush to disk before the rename: after a power cut the final name must not have partial content."""
    for path in written.rglob("*") if written.is_dir() else [written]:
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def _replace(temporary: Path, target: Path) -> None:
    if not (temporary.is_dir() and target.is_dir()):
        temporary.replace(target)
        return
    old = temporary.with_suffix(".old")  # a folder cannot replace another in one step
    target.rename(old)
    try:
        temporary.rename(target)
    except OSError:
        old.rename(target)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _error_text(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
