"""Write files and folders atomically."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bot.errors import UserError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
