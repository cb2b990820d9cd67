"""`herosmith languages`: what a translator still has to do."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.i18n.catalogues import Catalogues
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
    for entry in (
        'msgid "Done."',
        'msgctxt "name"\nmsgid "about"',
        'msgid "Show the settings of this server"',
    ):
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
    assert added.keys() == {"Done.", "about", "Show the settings of this server"}
    assert re.fullmatch(r"(bot|cogs)/\S+\.(py|js|html):\d+", added["Done."])
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
    assert printed[2].split() == ["fr", f"{french['texts']:,}", str(french["missing"])]


@pytest.mark.usefixtures("folder")
def test_an_unknown_language_is_a_sentence(terminal: RunCommand) -> None:
    refused = terminal("languages", "missing", "klingon")
    assert refused.exit_code == 1
    assert "There is no klingon.po" in refused.stderr
    assert "only: de, fr" in refused.stderr


@pytest.mark.parametrize(("code", "plural_forms"), [("pt-BR", 2), ("pl", 3)])
def test_a_new_language_has_all_texts_and_none_translated(
    terminal: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, plural_forms: int
) -> None:
    monkeypatch.setenv("LANGUAGES_DIR", str(tmp_path))
    printed = terminal("languages", "new", code).stdout
    assert f"{code}.po with " in printed
    file = tmp_path / f"{code}.po"
    content = file.read_text(encoding="utf-8")
    assert not re.search(r"EMAIL|VERSION|FULL NAME|YEAR", content)
    missing = json.loads(terminal("languages", "missing", code, "--json").stdout)
    assert f" with {len(missing)} texts" in printed
    assert f"nplurals={plural_forms};" in content
    assert len(re.findall(r'^msgid "', content, re.MULTILINE)) > 300
    file.write_text(
        content.replace('msgid "Done."\nmsgstr ""', 'msgid "Done."\nmsgstr "***"'), encoding="utf-8"
    )
    t = Catalogues(tmp_path).translator_for(code)
    assert (t("Done."), t("stopped")) == ("***", "stopped")

    refused = terminal("languages", "new", code)
    assert refused.exit_code == 1
    assert "is there already" in refused.stderr
    assert '"***"' in file.read_text(encoding="utf-8")


# ends the process when a new catalogue is about to get its name
_KILLED = """
import os, sys
from bot.command_line import cli

def kill(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("fr.po"):
        os._exit(9)

sys.addaudithook(kill)
cli(["languages", "new", "fr"])
"""


def test_a_crash_leaves_no_part_of_a_catalogue(
    terminal: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGES_DIR", str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", _KILLED], env=environment, timeout=120, check=False)
    assert killed.returncode == 9
    assert list(tmp_path.glob("*.po")) == []
    assert terminal("languages", "new", "fr").exit_code == 0
    assert (tmp_path / "fr.po").is_file()


def test_an_empty_language_is_refused_by_name(terminal: RunCommand) -> None:
    refused = terminal("languages", "new", "")
    assert refused.exit_code == 2
    assert "It is empty" in refused.stderr


@pytest.mark.parametrize("code", ["klingon", "../fr", "pt-br", "DE", "de.utf8", "en"])
def test_no_catalogue_is_made_for_what_is_no_language(
    terminal: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    folder = tmp_path / "languages"
    folder.mkdir()
    monkeypatch.setenv("LANGUAGES_DIR", str(folder))
    refused = terminal("languages", "new", code)
    assert refused.exit_code == 1
    assert "No catalogue can be made" in refused.stderr
    assert list(tmp_path.rglob("*.po")) == []
