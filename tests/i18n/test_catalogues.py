"""Catalogues: every message, name and description is translated, with its fields and in Discord's limits."""

import logging
import re
import shutil
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord
from babel.messages.catalog import Catalog, Message
from discord import app_commands

from bot.client import HeroBot
from bot.i18n.catalogues import Catalogues
from bot.i18n.commands import ONLY_IN_TERMINAL, Command
from bot.i18n.message import ENGLISH
from bot.i18n.missing import NAME, Texts, missing, read_catalogue, translations, unused
from bot.settings import ROOT
from bot.tuning.providers import OTHER
from tests.conftest import Stage
from tests.i18n.catalogue import (
    bare_commands,
    bare_texts,
    commands,
    f_strings,
    fields,
    formats,
    most_colons,
    sentences,
    without_commands,
)

FOLDER = ROOT / "data" / "languages"
CODES = sorted(file.stem for file in FOLDER.glob("*.po"))


@pytest.fixture(params=CODES)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return read_catalogue(FOLDER / f"{request.param}.po")


@pytest.fixture
def texts(env: simcord.Env) -> Texts:
    assert isinstance(env.bot, HeroBot)
    return Texts(sentences(), *env.bot.command_texts())


@pytest.mark.parametrize("code", ["de", "fr"])
def test_a_language_is_supported(code: str) -> None:
    assert code in CODES


def test_translations_have_the_fields_of_their_messages(catalogue: Catalog) -> None:
    wrong = []
    for key, place in sentences().items():
        expected = [fields(each) for each in ([key] if isinstance(key, str) else key)]
        forms = translations(catalogue, key)
        if any(fields(form) not in expected for form in forms):
            wrong.append((place, key, forms))
    assert wrong == []


def test_translations_write_fields_as_their_messages_do(catalogue: Catalog) -> None:
    """A number of many digits has separators in every language."""
    wrong = []
    for key in sentences():
        expected = [formats(each) for each in ([key] if isinstance(key, str) else key)]
        wrong += [form for form in translations(catalogue, key) if formats(form) not in expected]
    assert wrong == []


_CODE = re.compile(r"`[^`]*`|\{[^{}]*\}|https?://\S+")
_UNTYPOGRAPHIC = {"fr": re.compile(r"\w'\w|(?:\w| )[:;!?](?=[\s*]|$)|[“”]|« | »")}


def test_translations_have_the_typography_of_their_language(catalogue: Catalog) -> None:
    """French has a narrow no-break space before : ; ! ? and within « »."""
    wrong = _UNTYPOGRAPHIC.get(str(catalogue.locale))
    found = [each for message in catalogue if message.id for each in every_form(message)]
    assert [each for each in found if wrong and wrong.search(_CODE.sub("-", each))] == []


def every_form(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


def test_no_message_is_an_f_string() -> None:
    assert f_strings() == []


def test_no_text_for_people_is_untranslatable() -> None:
    assert bare_texts() == []


async def test_translated_names_and_descriptions_are_within_discords_limits(
    texts: Texts, catalogue: Catalog
) -> None:
    names = [name for each in texts.names for name in translations(catalogue, each, NAME)]
    assert [name for name in names if not re.fullmatch(r"[-_'\w]{1,32}", name) or name != name.lower()] == []
    descriptions = [form for each in texts.descriptions for form in translations(catalogue, each)]
    assert [form for form in descriptions if len(form) > 100] == []


async def test_messages_use_the_translated_names_of_commands(env: simcord.Env, catalogue: Catalog) -> None:
    """If the English message says /powers list, a translation says what Discord shows for it."""
    assert isinstance(env.bot, HeroBot)
    wrong = []
    for command in env.bot.tree.walk_commands():
        path = command.qualified_name
        local = " ".join((translations(catalogue, part, NAME) or [part])[0] for part in path.split())
        for key in sentences():
            one, forms = key if isinstance(key, str) else key[0], translations(catalogue, key)
            one = without_commands(one)
            is_named = re.search(rf"(?<!v0)(?<!data)/{path}\b", one)
            if is_named and not all(f"/{local}" in form for form in forms):
                wrong.append((path, local, forms))
    assert wrong == []


def forms(catalogue: Catalog) -> list[tuple[str, str]]:
    """Return every message in all its forms, in English and translated, with its place."""
    both = [
        (place, form)
        for key, place in sentences().items()
        for form in (*((key,) if isinstance(key, str) else key), *translations(catalogue, key))
    ]
    assert len(both) > 2 * len(sentences())
    return both


# Shown as plain text, where backticks would stay: the pages' own words, and the footers of embeds
_PLAIN_TEXT = (
    *("bot/dashboard/page/", "bot/playground/"),
    *("cogs/contests/posts.py", "cogs/hero/embeds.py", "cogs/hero/scene_embeds.py"),
)


def test_commands_stand_in_backticks_where_markdown_is_rendered(catalogue: Catalog) -> None:
    shown = [(place, form) for place, form in forms(catalogue) if not place.startswith(_PLAIN_TEXT)]
    assert [each for each in shown if bare_commands(each[1])] == []


def test_no_sentence_has_two_colons(catalogue: Catalog) -> None:
    assert [each for each in forms(catalogue) if most_colons(each[1]) > 1] == []


# Sentences without one on the engine, by their beginnings: only another server has credit and rate limits,
# shuts models down and cannot hold a training; and where a refused call is put into words, nothing says whose
# server it was.
_OF_OTHER_SERVERS = (
    "the model server asks to wait",
    "Start a worker (`herosmith worker`) that uses the model server {server}",
    "the training goes on at the model server",
    "as is usual (the model server decides)",
    *("The model server did not take the batch", "The model server has no Batch API"),
    *("The model server answers in a form", "The model server does not know what was asked for"),
    *("The account at the model server", "The model server refuses this installation's key"),
    *(
        "The model server shuts ",
        "The model server calls the new model",
    ),
    *(
        "What the model server sent for",
        "The model server that trained",
        "The model server says that it trained",
    ),
    "Time: about {time}, as fast as the model server allows.",
)


def test_the_engine_is_not_called_the_model_server() -> None:
    """Each sentence on the model server has one on the engine, unless the engine never does what it says."""
    said = {key if isinstance(key, str) else key[0] for key in sentences()}
    of_servers = [each for each in said if "model server" in each and each != OTHER.name]
    alone = [each for each in of_servers if each.replace("model server", "engine") not in said]
    assert [each for each in alone if not each.startswith(_OF_OTHER_SERVERS)] == []
    assert len(of_servers) > len(alone) > 0


@pytest.mark.release
async def test_every_text_is_translated(texts: Texts, catalogue: Catalog) -> None:
    """A missing sentence is said in English, so only a release waits for it."""
    assert missing(catalogue, texts) == []


async def test_the_commands_that_messages_have_as_fields_exist(env: simcord.Env) -> None:
    assert isinstance(env.bot, HeroBot)
    known = {
        each.qualified_name: {parameter.display_name for parameter in each.parameters}
        for each in env.bot.tree.walk_commands()
        if isinstance(each, app_commands.Command)
    }
    assert len(commands()) > 10
    for command in map(Command, commands()):
        if command.path in ONLY_IN_TERMINAL:
            continue
        assert {name for name, _ in command.options} <= known[command.path], command


@pytest.mark.release
async def test_no_translation_is_unused(texts: Texts, catalogue: Catalog) -> None:
    assert unused(catalogue, texts) == []


@pytest.fixture
def german_only(tmp_path: Path) -> Catalogues:
    """Return catalogues of which a test knows all languages, whatever data/languages holds."""
    shutil.copy(FOLDER / "de.po", tmp_path)
    return Catalogues(tmp_path)


def test_an_unsupported_language_falls_back_to_english(german_only: Catalogues, tmp_path: Path) -> None:
    assert german_only.translator_for("de-AT").code == "de"
    assert german_only.translator_for(None, "en-GB") is ENGLISH
    assert german_only.translator_for("fr", "de").code == "de"
    assert german_only.code("fr") is None
    assert german_only.code(" deutsch") == german_only.code("DE") == "de"
    assert Catalogues(tmp_path / "none").translator_for("de") is ENGLISH


def test_a_copied_catalogue_adds_a_language(tmp_path: Path) -> None:
    """Also with the code of a country, as Discord has it."""
    german = (FOLDER / "de.po").read_text(encoding="utf-8")
    (tmp_path / "pt-BR.po").write_text(german.replace("Language: de", "Language: pt-BR"), encoding="utf-8")
    languages = Catalogues(tmp_path)
    assert languages.translator_for("pt-BR")("Done.") == "Fertig."
    assert languages.names["pt-BR"] == "Português (Brasil)"
    for typed in ("pt-br", "português (brasil)", "Portuguese (Brazil)"):
        assert languages.code(typed) == "pt-BR"


@pytest.mark.parametrize(
    ("entry", "english"),
    [
        ('msgid "Not yet translated."\nmsgstr ""', "Not yet translated."),
        ('#, fuzzy\nmsgid "Not yet translated."\nmsgstr "Vielleicht."', "Not yet translated."),
        ("", "Not yet translated."),
    ],
    ids=["empty", "fuzzy", "absent"],
)
def test_a_missing_sentence_is_english_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, entry: str, english: str
) -> None:
    header = 'msgid ""\nmsgstr ""\n"Language: de\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    (tmp_path / "de.po").write_text(f"{header}{entry}\n", encoding="utf-8")
    t = Catalogues(tmp_path).translator_for("de")
    with caplog.at_level(logging.WARNING, logger="bot.i18n.catalogues"):
        assert [t("Not yet translated."), t("Not yet translated.")] == [english] * 2
        assert t.count("{number} cat", "{number} cats", 2) == "2 cats"
        assert t.command_name("hero") == "hero"
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert said[0].startswith("de.po does not translate 'Not yet translated.'")
    assert all("herosmith languages missing de" in line for line in said)


def test_plural_forms() -> None:
    german = Catalogues(FOLDER).translator_for("de")
    one = german.count("{number} person voted", "{number} people voted", 1)
    many = german.count("{number} person voted", "{number} people voted", 2)
    assert (one, many) == ("1 Person hat abgestimmt", "2 Personen haben abgestimmt")
    french = Catalogues(FOLDER).translator_for("fr-CA")
    said = [french.count("{number} person voted", "{number} people voted", number) for number in (0, 1, 2)]
    assert said == ["0 personne a voté", "1 personne a voté", "2 personnes ont voté"]


async def test_a_servers_language_comes_before_the_persons(stage: Stage) -> None:
    await stage.olga.slash(stage.channel, "settings language", language="Deutsch")

    result = await stage.ana.slash(stage.channel, "hero", hero="woman healing")

    assert stage.ephemeral_reply(result).startswith("Das Alter fehlt")
    assert "The age is missing" in stage.refusal()  # the log stays English


@pytest.mark.parametrize(
    ("locale", "said"),
    [("de", "Über dich ist nichts gespeichert."), ("fr", "Rien n’est enregistré sur toi.")],  # noqa: RUF001
)
async def test_a_person_is_answered_in_their_discords_language(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, locale: str, said: str
) -> None:
    received = discord.Interaction._from_data

    def from_abroad(interaction: discord.Interaction, data: Any) -> None:
        received(interaction, data | {"locale": locale})

    monkeypatch.setattr(discord.Interaction, "_from_data", from_abroad)

    result = await stage.ana.slash(stage.channel, "privacy show")

    assert result.response is not None
    assert said in result.response.content


async def test_discord_gets_the_names_in_all_languages(stage: Stage) -> None:
    command = stage.env.backend.find_command("privacy", None)
    assert command is not None
    names = command["name_localizations"]
    assert (names["de"], names["fr"]) == ("datenschutz", "confidentialité")
    assert command["options"][0]["description_localizations"].keys() >= set(CODES)
