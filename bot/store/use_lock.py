"""Who works in a data folder: each process that has it open shares a lock, and a restore holds it alone.

The kernel drops the lock however a process dies. A process on another machine is not seen.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bot.errors import StoreError

_LOCK = "use.lock"
_UNFINISHED = "restore.unfinished"


@contextmanager
def in_use(data_dir: Path) -> Iterator[None]:
    """Share the lock during the block. Raise StoreError while a restore replaces what is in the folder."""
    with ExitStack() as stack:
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((data_dir / _LOCK).open("ab"))
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"A backup is being restored to {data_dir} at this moment. Wait until that is done, then "
                "start again."
            ) from error
        except OSError:  # a file system without locks; or nobody may write here, which the database tells
            pass
        if is_unfinished(data_dir):
            raise StoreError(
                f"A restore to {data_dir} was interrupted, so a part of the data is missing. Restore the "
                "backup once more: herosmith restore PATH. What was there before is kept, in "
                f"{data_dir / 'before-restore-...'}"
            )
        yield


@contextmanager
def alone_in(data_dir: Path) -> Iterator[None]:
    """Hold the lock alone during the block: nobody opens the folder meanwhile.

    Raises StoreError if somebody has it open, and OSError if the folder cannot be written.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / _LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                f"The bot, a worker or another command works in {data_dir}: stop it first (Ctrl-C where it "
                "was started, or its service), then start this again. Nothing was changed."
            ) from error
        except OSError:  # a file system without locks
            pass
        yield


def is_unfinished(data_dir: Path) -> bool:
    """Return whether a restore to a folder was interrupted."""
    return (data_dir / _UNFINISHED).exists()


def mark_unfinished(data_dir: Path) -> None:
    """Keep everybody from starting in a folder until its marker is removed, also if this process dies."""
    (data_dir / _UNFINISHED).touch()


def unmark_unfinished(data_dir: Path) -> None:
    """Let everybody start in a folder again."""
    with suppress(FileNotFoundError):
        (data_dir / _UNFINISHED).unlink()
