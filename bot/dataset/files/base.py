"""Exchange file: a file from outside that may be read, and a new one that appears only when it is whole."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bot.errors import UserError

MAX_BYTES = 512 * 1024 * 1024

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def guarded_read(path: Path) -> Iterator[None]:
    """Look at a file before it is read. Raises UserError where it cannot be read, now or on the way."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            most = f"{MAX_BYTES // 1024**2} MB"
            raise UserError(f"{path.name} is larger than {most}: split it into several files.")
        if size == 0:
            raise UserError(f"{path.name} is empty: choose a file with rows in it.")
        yield
    except FileNotFoundError as error:
        raise UserError(f"There is no {path.name}: check the name and the folder.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not written in UTF-8: save it as UTF-8 and try again.") from error
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {_reason(error)}.") from error


def read_lines(path: Path) -> Iterator[str]:
    r"""Read a file's lines, each with its end; only \n ends a line. UTF-8, with or without BOM."""
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
    """Give a name beside the path to write a file or folder under; in the end it moves into place.

    Where anything is raised nothing is left behind and what stood there stays. Raises UserError where the
    path is taken, the disk is full or the folder cannot be written.
    """
    try:
        place = path.resolve()
        _refuse_taken(place, overwrite=overwrite)
        fresh = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
        try:
            yield fresh
            _settle(fresh)
            _move(fresh, place)
        finally:
            _remove(fresh)
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise UserError(
                f"The disk is too full for {path.name}: free some space and try again."
            ) from error
        raise UserError(f"{path.name} cannot be written: {_reason(error)}. Choose another place.") from error


def _refuse_taken(place: Path, *, overwrite: bool) -> None:
    if place.exists() and not overwrite:
        raise UserError(f"{place.name} exists already: choose another name, or replace it with --overwrite.")
    if place.is_dir() and not _is_export(place):
        raise UserError(f"{place.name} is a folder with other things in it: choose another name.")


def _is_export(folder: Path) -> bool:
    """Whether a folder holds what an export makes and nothing else, so that replacing it loses nothing."""
    return all(
        name in {"README.md", "data"} or (name.startswith("data/") and name.endswith(".parquet"))
        for name in (found.relative_to(folder).as_posix() for found in folder.rglob("*"))
    )


def _settle(fresh: Path) -> None:
    """Bring everything to the disk first: after a power cut the name must not stand before the content."""
    for path in fresh.rglob("*") if fresh.is_dir() else [fresh]:
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())


def _move(fresh: Path, place: Path) -> None:
    if not (fresh.is_dir() and place.is_dir()):
        fresh.replace(place)
        return
    old = fresh.with_suffix(".old")  # a folder cannot take the place of another in one step
    place.rename(old)
    try:
        fresh.rename(place)
    except OSError:
        old.rename(place)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
