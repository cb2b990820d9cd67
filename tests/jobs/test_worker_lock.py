"""The lock of workers: a command knows at once whether one runs in the data folder."""

from dataclasses import replace
from pathlib import Path

from bot.app import App
from bot.jobs.worker_lock import has_worker_here, worker_lock
from bot.jobs.worker_presence import is_left_alone, may_have_worker
from bot.processes import run_worker
from bot.settings import Settings
from bot.store.job_schema import BuildSpec


def test_the_last_worker_takes_the_lock_with_it(tmp_path: Path) -> None:
    assert not has_worker_here(tmp_path)
    with worker_lock(tmp_path):
        with worker_lock(tmp_path):
            assert has_worker_here(tmp_path)
        assert has_worker_here(tmp_path)
    assert not has_worker_here(tmp_path)


def test_a_folder_that_cannot_be_asked_may_have_a_worker(tmp_path: Path) -> None:
    (tmp_path / "worker.lock").mkdir()
    assert has_worker_here(tmp_path)
    with worker_lock(tmp_path):  # the worker works all the same
        pass


async def test_the_worker_of_the_bot_holds_it(settings: Settings) -> None:
    async with run_worker(settings):
        assert has_worker_here(settings.data_dir)
    assert not has_worker_here(settings.data_dir)


async def test_a_job_that_a_worker_elsewhere_may_take_is_left_alone_only_after_a_minute(
    app: App, settings: Settings
) -> None:
    job = await app.jobs.submit(BuildSpec())
    here = settings.model_copy(update={"database_url": None})
    elsewhere = settings.model_copy(update={"database_url": "postgresql+asyncpg://there/heroes"})
    assert is_left_alone(job, here, stale_after=15, server="engine")
    assert not is_left_alone(job, elsewhere, stale_after=15, server="engine")
    assert may_have_worker(elsewhere)
    assert job.created_at
    later = replace(job, read_at=job.created_at + 61)
    assert is_left_alone(later, elsewhere, stale_after=15, server="engine")
    assert not is_left_alone(replace(later, behind=7), elsewhere, stale_after=15, server="engine")
    claimed = replace(later, owner="there:1:abc", heartbeat=later.read_at - 3)
    assert not is_left_alone(claimed, here, stale_after=15, server="engine")
    assert is_left_alone(claimed, elsewhere, stale_after=2, server="engine")
    with worker_lock(settings.data_dir):
        assert not is_left_alone(later, elsewhere, stale_after=15, server="engine")
        assert is_left_alone(later, here, stale_after=15, server="openai")  # it can not do the job
