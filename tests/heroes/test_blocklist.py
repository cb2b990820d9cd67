"""The blocklist: which spellings it blocks, and what it allows."""

from pathlib import Path

import pytest

from bot.app import App
from bot.errors import SettingsError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import read_heroes
from bot.settings import ROOT


@pytest.fixture(scope="module")
def blocklist() -> Blocklist:
    return Blocklist(ROOT / "data" / "blocked.txt", ())


@pytest.mark.parametrize(
    "power",
    [
        "fuck",
        "fück",
        "sh1t storm",
        "f u c k",
        "hurensohn",
        "Scheiße",
        "scheisse werfen",
        "n1gger",
        "nаzi magic",  # noqa: RUF001 (a Cyrillic letter)
        "h1tler",
        "kinderporno",
        "kill yourself",
        "terrorists",
        "n1ggers",
        "self-harm",
        "na-zi",
        "ku-klux-klan",
    ],
)
def test_blocks_other_spellings(blocklist: Blocklist, power: str) -> None:
    assert blocklist.blocks(power)


@pytest.mark.parametrize(
    "power",
    [
        "assassin reflexes",
        "class",
        "cockroach control",
        "scunthorpe",
        "rapid fire",
        "shooting lightning",
        "mind domination",
        "crisis management",  # isis within a word
        "spice control",
        "blitzschnelles Rechnen",
        "élan vital",
        "mit Vögeln sprechen",
        "suicide prevention",
        "glass-blowing",
        "seven-league boots",
    ],
)
def test_allows_words_that_contain_blocked_ones(blocklist: Blocklist, power: str) -> None:
    assert not blocklist.blocks(power)


def test_the_vocabulary_passes_without_its_exemption(blocklist: Blocklist) -> None:
    powers = read_heroes(ROOT / "data" / "heroes.toml").vocabulary.powers
    assert [power for power in powers if blocklist.blocks(power)] == []


def test_the_file_blocks_and_allows_words(tmp_path: Path) -> None:
    file = tmp_path / "blocked.txt"
    file.write_text("# ours\nbroccoli  # no vegetables\n- sex appeal\n")
    mine = Blocklist(file, ("eating broccoli",))
    assert mine.blocks("growing broccoli")
    assert not mine.blocks("eating broccoli")  # an operator put it into the vocabulary
    assert not mine.blocks("sex appeal")
    assert mine.blocks("sex")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"BLOCKLIST: .*nowhere\.txt cannot be read"):
        Blocklist(tmp_path / "nowhere.txt", ())


def test_the_packaged_file_is_the_default(app: App) -> None:
    assert app.blocklist.blocks("hitler")
