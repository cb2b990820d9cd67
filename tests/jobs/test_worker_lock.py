"""The lock of workers: a command knows at once whether one runs in the data folder."""

from pathlib import Path

from bot.jobs.worker_lock import may_have_worker, worker_lock
from bot.processes import run_worker
from bot.settings import Settings


def test_the_last_worker_takes_the_lock_with_it(tmp_path: Path) -> None:
    assert not may_have_worker(tmp_path)
    with worker_lock(tmp_path):
        with worker_lock(tmp_path):
            assert may_have_worker(tmp_path)
        assert may_have_worker(tmp_path)
    assert not may_have_worker(tmp_path)


def test_a_folder_that_cannot_be_asked_may_have_a_worker(tmp_path: Path) -> None:
    (tmp_path / "worker.lock").mkdir()
    assert may_have_worker(tmp_path)
    with worker_lock(tmp_path):  # the worker works all the same
        pass


async def test_the_worker_of_the_bot_holds_it(settings: Settings) -> None:
    async with run_worker(settings):
        assert may_have_worker(settings.data_dir)
    assert not may_have_worker(settings.data_dir)
