"""The lock of workers: a command knows at once whether one runs in the data folder."""

from pathlib import Path

from bot.jobs.worker_lock import has_worker_here, worker_lock
from bot.processes import run_worker
from bot.settings import Settings


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
