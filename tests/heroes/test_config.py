"""Mistakes in heroes.toml that would show once somebody asks or builds: the first reading names each."""

import re
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.heroes.config import read_heroes
from bot.settings import ROOT

HEROES_TOML = (ROOT / "data" / "heroes.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('    "telekinesis",', '    "",', "power '' is not written in plain words"),
        ('team_prompt = "', 'team_prompt = "{hero} ', "other words in braces than heroes"),
        ("work as a team: {heroes}.", "work as a team.", re.escape("does not have {heroes}")),
        ('team_member = "a {age}', 'team_member = "a {aeg}', re.escape("{aeg} is no field of a hero")),
        ('tuning = "{age}', 'tuning = "{age!x}', "more than the word age in braces"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, before: str, after: str, reason: str) -> None:
    path = tmp_path / "heroes.toml"
    assert before in HEROES_TOML
    path.write_text(HEROES_TOML.replace(before, after), encoding="utf-8")
    with pytest.raises(SettingsError, match=f"heroes.toml needs mending: .*{reason}"):
        read_heroes(path)


def test_plots_of_unknown_powers_are_known(tmp_path: Path) -> None:
    """They are no mistake: somebody may have added the power in Discord."""
    path = tmp_path / "heroes.toml"
    path.write_text(HEROES_TOML.replace('    "flight",', '    "soaring",'), encoding="utf-8")
    assert read_heroes(ROOT / "data" / "heroes.toml").unknown_plot_powers == []
    assert read_heroes(path).unknown_plot_powers == ["flight"]
