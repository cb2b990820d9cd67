"""The blocklist: which spellings it blocks, and what it allows."""

from pathlib import Path

import pytest

from bot.app import App
from bot.errors import NotUnderstood, SettingsError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import read_heroes
from bot.settings import ROOT

REFUSED = """
murdering children; murder; mass murder; a murderer's mind; killing people; kill everyone; serial killer;
k1lling; k i l l; mur-der; assassinating presidents; slaughtering cattle; beheading enemies;
strangling people; cannibalism; eating babies; school shootings; torture; torturing animals; animal cruelty;
child abuse; abusing women; raping; rapists; molesting; kidnapping kids; harming children; hurting puppies;
hitting children; kicking dogs; genocide; slavery; enslaving people; lynching; suicide; killing myself;
terror; making bombs; cooking meth; selling heroin; dealing drugs; töten; Kinder töten; ermorden;
Massenmord; Mörder; Folter; foltern; Tiere quälen; Tierquälerei; Kindesmissbrauch; misshandeln;
vergewaltigt; entführen; Völkermord; Sklaverei; Selbsttötung; Terroranschlag; Bombenbau; Drogen herstellen
"""

INNOCENT = """
killing time; killing germs; killing weeds; killer whale riding; painkillers; slaying dragons;
fighting fire; fighting crime; fighting villains; healing children; protecting animals;
solving murder mysteries; catching murderers; freeing slaves; ending slavery; stopping torture;
calming night terrors; suicide prevention; defusing bombs; bath bombs; shooting stars; shooting arrows;
stopping bullets; punching through walls; beating eggs; beating drums; kicking footballs; death touch;
talking to the dead; speaking with ghosts; growing poppies; weed pulling; skill; great skills;
grooming dogs; brewing beer; mixing medicines; moving mountains; rapeseed farming; drowning out noise;
burning calories; heroine's courage; executing plans; stabilising bridges; nordic walking; Morgenstimmung;
Kinder heilen; Tiere retten; Drachen besiegen; Feuer löschen; Mörder fangen; Zeit totschlagen; Raps ernten;
Brot backen; therapeutic hugs
"""


def phrases(table: str) -> list[str]:
    return [phrase.strip() for phrase in table.split(";")]


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


@pytest.mark.parametrize("power", phrases(REFUSED))
def test_blocks_cruelty(blocklist: Blocklist, power: str) -> None:
    assert blocklist.blocks(power.lower())


@pytest.mark.parametrize("power", phrases(INNOCENT))
def test_allows_what_only_sounds_cruel(blocklist: Blocklist, power: str) -> None:
    assert not blocklist.blocks(power.lower())


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
    with pytest.raises(
        SettingsError, match=r"BLOCKLIST: .*nowhere\.txt cannot be read: No such file or directory$"
    ):
        Blocklist(tmp_path / "nowhere.txt", ())


def test_the_packaged_file_is_the_default(app: App) -> None:
    with pytest.raises(NotUnderstood) as refused:
        app.hero_parser.parse("40 woman hitler")
    assert "hitler" not in str(refused.value)
