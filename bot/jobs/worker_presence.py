"""Whether somebody works on a job: a worker of this data folder, or one on another host."""

from bot.jobs.worker_lock import has_worker_here
from bot.settings import Settings
from bot.store.jobs import Job
from bot.store.snapshot import sqlite_path

_PATIENCE = 60.0  # seconds in which a worker on another host takes a job


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
