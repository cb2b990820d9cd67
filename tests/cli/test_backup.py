"""`herosmith backup` and `herosmith restore` in the terminal."""

import asyncio
import os
from pathlib import Path

import pytest

from bot.app import open_app
from bot.settings import Settings
from tests.cli.conftest import RunCommand
from tests.support.backups import start_backup

pytestmark = pytest.mark.sqlite("backups copy its file")


def test_a_backup_is_made_and_restored(terminal: RunCommand, built: Settings, tmp_path: Path) -> None:
    path = tmp_path / "backups" / "first.tar.gz"
    made = terminal("backup", str(path))
    assert made.exit_code == 0, made.output
    assert "backups/first.tar.gz is made and verified" in made.output
    assert "1 dataset, 0 descriptions" in made.output
    assert "backups was not there and has been made: is its disk mounted?" in made.output
    assert "keep it where nobody else can read it" in made.output

    assert "exists already" in terminal("backup", str(path)).output
    refused = terminal("restore", str(path))
    assert refused.exit_code == 1
    assert "--yes" in refused.output
    assert not list(built.data_dir.glob("before-restore-*"))

    restored = terminal("restore", str(path), "--yes")
    assert restored.exit_code == 0, restored.output
    assert "What was there before is in var/playground/before-restore-" in restored.output
    assert asyncio.run(_count_datasets(built)) == 1


async def _count_datasets(settings: Settings) -> int:
    async with open_app(settings) as app:
        return len(await app.dataset_contents.all())


def test_an_empty_installation_is_restored_without_a_question(
    terminal: RunCommand, built: Settings, tmp_path: Path
) -> None:
    assert terminal("backup", str(tmp_path / "backup")).exit_code == 0
    built.data_dir.rename(tmp_path / "gone")
    assert terminal("restore", str(tmp_path / "backup")).exit_code == 0
    assert asyncio.run(_count_datasets(built)) == 1


def test_a_path_that_is_no_text_is_printed_in_some_way(built: Settings, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.tar.gz"))
    making = start_backup(built, path)
    printed, mistakes = making.communicate(timeout=60)
    assert making.returncode == 0, mistakes
    assert "bad\\udcff.tar.gz is made and verified" in printed


def test_nothing_to_back_up_is_said(terminal: RunCommand, tmp_path: Path) -> None:
    refused = terminal("backup", str(tmp_path / "backup"))
    assert refused.exit_code == 1
    assert "nothing to back up yet" in refused.output


def test_what_is_no_backup_is_refused(terminal: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    refused = terminal("restore", str(tmp_path / "folder"))
    assert refused.exit_code == 1
    assert "no complete backup" in refused.output
