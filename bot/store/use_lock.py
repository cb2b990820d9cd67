"""Who works in a data folder: each process that has it open shares a lock, and a restore holds it alone.

The kernel drops the lock however a process dies. A process on another machine is not seen.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from pathlib import Path

from bot.errors import StoreError

_LOCK = "use.lock"
_PROC_LOCKS = Path("/proc/locks")
_UNFINISHED = "restore.unfinished"
_COMMAND_WORD = re.compile(r"[a-z]+(-[a-z]+)*")


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
        check_restored(data_dir)
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
            users = ", ".join(_holders(file.fileno())) or "the bot, a worker or another command"
            raise StoreError(
                f"{data_dir} is in use by {users}: stop it first (Ctrl-C where it was started, or its "
                "service), then start this again. Nothing was changed."
            ) from error
        except OSError:  # a file system without locks
            pass
        yield


def is_data_folder(folder: Path) -> bool:
    """Return whether anything of ours has ever had a folder open as its data folder."""
    return (folder / _LOCK).exists()


def _holders(number: int) -> list[str]:
    """Return the commands that hold a lock of an open file, as far as this system tells them."""
    try:
        lines = _PROC_LOCKS.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    inode = str(os.fstat(number).st_ino)
    words = (line.split() for line in lines)  # 1: FLOCK ADVISORY READ 4711 08:01:131 0 EOF
    found = {
        int(each[4])
        for each in words
        if len(each) == 8 and each[1] == "FLOCK" and each[5].rpartition(":")[2] == inode
    }
    return [f"{_command_of(process)} (process {process})" for process in sorted(found) if process > 0]


def _command_of(process: int) -> str:
    """Return what a process was started as: `herosmith db copy`.

    Options and arguments are left out: an argument may be an address with a password.
    """
    try:
        typed = Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    except OSError:  # it has ended, or its system shows it to nobody
        return "another command"
    names = [Path(each).name for each in typed]
    begin = next((at for at, name in enumerate(names) if name in ("herosmith", "bot")), None)
    if begin is None:
        return "another command"
    return " ".join(["herosmith", *takewhile(_COMMAND_WORD.fullmatch, typed[begin + 1 :])])


def check_restored(data_dir: Path) -> None:
    """Raise StoreError if a restore to a folder was interrupted: nothing may start in it."""
    if is_unfinished(data_dir):
        raise StoreError(
            f"A restore to {data_dir} was interrupted, so a part of the data is missing. Restore the "
            "backup once more: herosmith restore PATH. What was there before is kept, in "
            f"{data_dir / 'before-restore-...'}"
        )


def is_unfinished(data_dir: Path) -> bool:
    """Return whether a restore to a folder was interrupted."""
    return os.path.exists(data_dir / _UNFINISHED)  # noqa: PTH110 (it is False where nobody may look)


def mark_unfinished(data_dir: Path) -> None:
    """Keep everybody from starting in a folder until its marker is removed, also if this process dies."""
    (data_dir / _UNFINISHED).touch()


def unmark_unfinished(data_dir: Path) -> None:
    """Let everybody start in a folder again."""
    with suppress(FileNotFoundError):
        (data_dir / _UNFINISHED).unlink()
