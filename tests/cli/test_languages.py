"""`herosmith languages`: what a translator still has to do."""

import json
import re
import shutil
from pathlib import Path

import pytest

from bot.settings import ROOT
from tests.cli.conftest import RunCommand

GERMAN = ROOT / "data" / "languages" / "de.po"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of catalogues: German, and French without a sentence, a name and a description."""
    languages = tmp_path / "languages"
    languages.mkdir()
    shutil.copy(GERMAN, languages)
    text = GERMAN.read_text(encoding="utf-8").replace("Language: de", "Language: fr")
    for entry in ('msgid "Done."', 'msgctxt "name"\nmsgid "about"', 'msgid "See what holds in this server"'):
        text, number = re.subn(rf"{re.escape(entry)}\nmsgstr .*", f'{entry}\nmsgstr ""', text)
        assert number == 1
    (languages / "fr.po").write_text(text, encoding="utf-8")
    monkeypatch.setenv("LANGUAGES_DIR", str(languages))
    return languages


@pytest.mark.usefixtures("folder")
def test_missing_texts_are_listed_with_their_places(terminal: RunCommand) -> None:
    missing = json.loads(terminal("languages", "missing", "fr", "--json").stdout)
    german = json.loads(terminal("languages", "missing", "de", "--json").stdout)
    added = {entry["text"]: entry["place"] for entry in missing if entry not in german}
    assert added.keys() == {"Done.", "about", "See what holds in this server"}
    assert re.fullmatch(r"(bot|cogs)/\S+\.py:\d+", added["Done."])
    printed = terminal("languages", "missing", "fr")
    assert f"{added['Done.']}: Done.\n" in printed.stdout
    assert f"{len(missing)} of " in printed.stderr


@pytest.mark.usefixtures("folder")
def test_languages_are_listed_with_their_gaps(terminal: RunCommand) -> None:
    german, french = json.loads(terminal("languages", "list", "--json").stdout)
    assert (german["language"], french["language"]) == ("de", "fr")
    assert french["missing"] == german["missing"] + 3
    assert german["texts"] == french["texts"] > 300
    printed = terminal("languages", "list").stdout.splitlines()
    assert printed[0].split() == ["language", "texts", "missing"]
    assert printed[2].split() == ["fr", str(french["texts"]), str(french["missing"])]


@pytest.mark.usefixtures("folder")
def test_an_unknown_language_is_a_sentence(terminal: RunCommand) -> None:
    refused = terminal("languages", "missing", "klingon")
    assert refused.exit_code == 1
    assert "There is no klingon.po" in refused.stderr
    assert "only: de, fr" in refused.stderr
