"""Scheduled backups: when they are due, which stay, and what the admins hear of a failure."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app import App
from bot.backup.files import read_manifest
from bot.backup.schedule import BackupSchedule
from bot.settings import Settings
from bot.store.migrate import newest
from tests.conftest import Stage
from tests.support.eventually import eventually

pytestmark = pytest.mark.sqlite("backups copy its file")

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def schedule(app: App, settings: Settings, folder: Path) -> BackupSchedule:
    update = {"backup_dir": folder, "backup_every": 6.0, "backup_keep": 2}
    return BackupSchedule(app.db, settings.model_copy(update=update))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def add_files(folder: Path, *files: str) -> None:
    folder.mkdir()
    for name in files:
        (folder / name).touch()


def break_folder(folder: Path) -> None:
    """Put a file where the folder should be."""
    folder.rename(folder.with_name("kept"))
    folder.touch()


def mend_folder(folder: Path) -> None:
    folder.unlink()
    folder.with_name("kept").rename(folder)


async def test_one_is_made_whenever_the_last_is_old_enough(schedule: BackupSchedule, folder: Path) -> None:
    made = [await schedule.run_if_due(NOON + hours * HOUR) for hours in (0, 1, 5.9, 6, 7, 12)]
    assert [each is not None for each in made] == [True, False, False, True, False, True]
    # the oldest is gone
    assert names(folder) == ["herosmith-20261130-180000.tar.gz", "herosmith-20261201-000000.tar.gz"]
    for name in names(folder):
        assert read_manifest(folder / name, newest()).rows["model"] == 2


async def test_a_folder_that_was_missing_is_told(
    schedule: BackupSchedule, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await schedule.run_if_due(NOON)
    assert f"{folder} was not there and has been made: is its disk mounted?" in caplog.text
    caplog.clear()
    assert await schedule.run_if_due(NOON + 6 * HOUR)
    assert "is its disk mounted?" not in caplog.text


async def test_after_a_restart_the_last_one_counts(
    schedule: BackupSchedule, app: App, settings: Settings, folder: Path
) -> None:
    assert await schedule.run_if_due(NOON)
    again = BackupSchedule(app.db, settings.model_copy(update={"backup_dir": folder, "backup_every": 6.0}))
    assert await again.run_if_due(NOON + HOUR) is None
    assert await again.run_if_due(NOON + 6 * HOUR)


async def test_a_clock_that_was_ahead_changes_neither_rhythm_nor_history(
    schedule: BackupSchedule, folder: Path
) -> None:
    """Its backup is dated ahead: it is neither the newest, nor counted among those that stay."""
    assert await schedule.run_if_due(NOON + 1000 * HOUR)
    made = [await schedule.run_if_due(NOON + hours * HOUR) for hours in (0, 1 / 60, 2 / 60, 6, 12)]
    assert [each is not None for each in made] == [True, False, False, True, True]
    assert names(folder) == [
        "herosmith-20261130-180000.tar.gz",
        "herosmith-20261201-000000.tar.gz",
        "herosmith-20270111-040000.tar.gz",
    ]


async def test_the_only_backup_that_stays_is_the_one_just_made(
    app: App, settings: Settings, folder: Path
) -> None:
    add_files(folder, "herosmith-20270111-040000.tar.gz", "herosmith-20261129-120000.tar.gz")
    update = {"backup_dir": folder, "backup_every": 6.0, "backup_keep": 1}
    assert await BackupSchedule(app.db, settings.model_copy(update=update)).run_if_due(NOON)
    assert names(folder) == ["herosmith-20261130-120000.tar.gz", "herosmith-20270111-040000.tar.gz"]


async def test_the_pause_after_a_failure_ends_if_the_clock_is_set_back(
    schedule: BackupSchedule, folder: Path
) -> None:
    assert await schedule.run_if_due(NOON)
    break_folder(folder)
    assert await schedule.run_if_due(NOON + 1000 * HOUR) is None
    mend_folder(folder)
    assert await schedule.run_if_due(NOON + 6 * HOUR)


async def test_names_without_a_time_are_left_alone(schedule: BackupSchedule, folder: Path) -> None:
    add_files(folder, "herosmith-20260231-120000.tar.gz", "herosmith-20261099-120000.tar.gz")
    for number in range(3):
        assert await schedule.run_if_due(NOON + number * 6 * HOUR)
    assert len(names(folder)) == 4


async def test_other_files_are_left_alone(schedule: BackupSchedule, folder: Path) -> None:
    add_files(folder, "herosmith-before-the-move.tar.gz", "notes.txt")
    for number in range(4):
        assert await schedule.run_if_due(NOON + number * 6 * HOUR)
    assert len(names(folder)) == 4
    assert {"herosmith-before-the-move.tar.gz", "notes.txt"} < set(names(folder))


async def test_a_failure_is_told_once_a_day_and_removes_nothing(
    schedule: BackupSchedule, app: App, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await schedule.run_if_due(NOON)
    assert await schedule.run_if_due(NOON + 6 * HOUR)
    before = names(folder)
    break_folder(folder)
    for hours in (12, 12.5, 13.1, 37):
        assert await schedule.run_if_due(NOON + hours * HOUR) is None
    pending = [notification for notification, _ in await app.notifications.pending()]
    told = [each for each in pending if each.key.startswith("backup:")]
    assert [each.key for each in told] == ["backup:2026-12-01", "backup:2026-12-02"]
    assert str(folder) not in str(told[0].text)
    assert "The scheduled backup failed" in str(told[0].text)
    assert str(folder) in caplog.text  # the log has the reason
    mend_folder(folder)
    assert names(folder) == before
    assert await schedule.run_if_due(NOON + 40 * HOUR)


async def test_none_is_made_without_a_folder(app: App) -> None:
    assert app.settings.backup_dir is None
    assert await app.backups.run_if_due(NOON) is None


@pytest.fixture
def settings(settings: Settings, folder: Path, request: pytest.FixtureRequest) -> Settings:
    """Return settings with a schedule for the test of the running bot."""
    if "stage" not in request.fixturenames:
        return settings
    return settings.model_copy(update={"backup_dir": folder, "backup_every": 24.0})


async def test_the_bot_makes_them_while_it_serves(stage: Stage, folder: Path) -> None:
    await stage.env.advance_time(61)

    async def made() -> bool:
        return any(name.startswith("herosmith-") for name in names(folder))

    await eventually(made, what="a backup is made", timeout=60)
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    assert stage.channel.history()[-1].embeds
