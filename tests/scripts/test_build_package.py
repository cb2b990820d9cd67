"""Which files a wheel contains beside the modules: the project's, and none that people keep there."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bot.settings import ROOT
from scripts.build_package import files

_NO_PROJECT_FILES = (
    *("data/export.csv", "data/votes.jsonl", "data/backup.tar.gz", "data/dump.sql", "data/mine.toml"),
    *("examples/customers.csv", "NOTES.md", "docs/draft.docx", "bench/run.log"),
)


def test_files_that_people_keep_in_the_checkout_are_left_out(tmp_path: Path) -> None:
    for name in ("data/heroes.toml", "docs/hosting.md", *_NO_PROJECT_FILES):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert {file.as_posix() for file in files(tmp_path)} == {"data/heroes.toml", "docs/hosting.md"}


def test_every_file_is_one_of_the_project_and_none_is_forgotten() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    listed = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = set(listed.splitlines())
    packed = {file.as_posix() for file in files(ROOT)}
    assert packed - tracked == set()
    needed = {name for name in tracked if name.startswith(("data/", "examples/", "docs/"))}
    needed |= {name for name in tracked if name.endswith(".md") and "/" not in name}
    assert needed - packed == set()
