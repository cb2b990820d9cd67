"""Whether a worker runs: each holds a lock in its data folder, which the kernel drops however it dies."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bot.settings import Settings
from bot.store.jobs import Job
from bot.store.snapshot import sqlite_path

_NAME = "worker.lock"
_PATIENCE = 60.0  # seconds in which a worker on another host takes a job


@contextmanager
def worker_lock(data_dir: Path) -> Iterator[None]:
    """Hold the lock during the block, if there is a place for it; any number of workers share it."""
    with ExitStack() as stack:
        with suppress(OSError):  # as on a file system without locks: the lock only saves commands a wait
            file = stack.enter_context((data_dir / _NAME).open("ab"))
            fcntl.flock(file, fcntl.LOCK_SH)
        yield


def has_worker_here(data_dir: Path) -> bool:
    """Return whether a worker may run in a data folder. One on another machine is not seen."""
    try:
        with (data_dir / _NAME).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:  # a worker holds it, or this file system has no locks
        return True
    return False


def may_have_worker(settings: Settings) -> bool:
    """Return whether a worker may run for an installation: here, or on a host that shares its database."""
    return has_worker_here(settings.data_dir) or sqlite_path(settings.database) is None


def is_left_alone(job: Job, settings: Settings, *, stale_after: float, server: str) -> bool:
    """Return whether nobody works on a job that should go on, as far as that is seen from here.

    stale_after: seconds of silence after which its worker counts as dead. server: the model server that
    workers here use. Workers on other hosts are seen by what they do alone: where there may be some, a job is
    left alone if none has taken it for a minute.
    """
    if job.state not in ("queued", "running", "cancelling") or job.behind is not None:
        return False
    if job.silence is not None:
        return job.silence >= stale_after
    if has_worker_here(settings.data_dir) and job.can_be_done_by(server):
        return False  # it is taken in a second
    waited = job.read_at - max(job.created_at or 0.0, job.heartbeat or 0.0)
    return waited > _PATIENCE or sqlite_path(settings.database) is not None
