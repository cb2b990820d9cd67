"""Pseudonyms: one per person and installation."""

import stat
from pathlib import Path

from bot.community.accounts import load_pseudonyms


def test_a_pseudonym_is_stable_and_differs_by_installation(tmp_path: Path) -> None:
    here, there = tmp_path / "a" / "voters.key", tmp_path / "b" / "voters.key"
    voter = load_pseudonyms(here).of(1234)
    assert load_pseudonyms(here).of(1234) == voter
    assert load_pseudonyms(there).of(1234) != voter
    assert load_pseudonyms(here).of(1235) != voter
    assert "1234" not in voter


def test_the_secret_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    load_pseudonyms(tmp_path / "voters.key")
    assert stat.S_IMODE((tmp_path / "voters.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["voters.key"]
