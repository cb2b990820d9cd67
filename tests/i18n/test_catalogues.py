"""Catalogues: every message, name and description is translated, with its fields and in Discord's limits."""

import re
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from discord import app_commands

from bot.client import HeroBot
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import ENGLISH
from bot.settings import ROOT
from tests.conftest import Stage
from tests.i18n.catalogue import bare_texts, f_strings, fields, names_and_descriptions, sentences

FOLDER = ROOT / "data" / "languages"
CODES = sorted(file.stem for file in FOLDER.glob("*.po"))


@pytest.fixture(params=CODES)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    with (FOLDER / f"{request.param}.po").open("rb") as file:
        return read_po(file)


def translations(catalogue: Catalog, key: str | tuple[str, str], context: str | None = None) -> list[str]:
    """Return the forms of a message in the catalogue, or an empty list."""
    message = catalogue.get(key if isinstance(key, str) else key[0], context)
    if message is None or message.fuzzy:
        return []
    forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return [] if "" in forms else forms


def test_german_is_supported() -> None:
    assert "de" in CODES


def test_every_message_is_translated_with_its_fields(catalogue: Catalog) -> None:
    wrong = []
    for key, place in sentences().items():
        forms, expected = (
            translations(catalogue, key),
            [fields(each) for each in ([key] if isinstance(key, str) else key)],
        )
        if not forms or any(fields(form) not in expected for form in forms):
            wrong.append((place, key, forms))
    assert wrong == []


def test_no_message_is_an_f_string() -> None:
    assert f_strings() == []


def test_no_text_for_people_is_untranslatable() -> None:
    assert bare_texts() == []


async def test_every_name_and_description_is_translated_within_discords_limits(
    env: simcord.Env, catalogue: Catalog
) -> None:
    names, descriptions = names_and_descriptions(_tree(env))
    called = {name: translations(catalogue, name, "name") for name in names}
    assert [name for name, forms in called.items() if not forms] == []
    for (name,) in called.values():
        assert re.fullmatch(r"[-_'\w]{1,32}", name)
        assert name == name.lower()
    described = {each: translations(catalogue, each) for each in descriptions}
    assert [each for each, forms in described.items() if not forms] == []
    assert [form for (form,) in described.values() if len(form) > 100] == []


async def test_messages_use_the_translated_names_of_commands(env: simcord.Env, catalogue: Catalog) -> None:
    """If the English message says /powers list, a translation says what Discord shows for it."""
    wrong = []
    for command in _tree(env).walk_commands():
        path = command.qualified_name
        local = " ".join(translations(catalogue, part, "name")[0] for part in path.split())
        for key in sentences():
            one, forms = key if isinstance(key, str) else key[0], translations(catalogue, key)
            if re.search(rf"(?<!v0)/{path}\b", one) and not all(f"/{local}" in form for form in forms):
                wrong.append((path, local, forms))
    assert wrong == []


async def test_no_translation_is_unused(env: simcord.Env, catalogue: Catalog) -> None:
    spoken = {key if isinstance(key, str) else key[0] for key in sentences()}
    spoken |= set.union(*names_and_descriptions(_tree(env)))
    assert [message.id for message in catalogue if message.id and _first(message.id) not in spoken] == []


def _tree(env: simcord.Env) -> app_commands.CommandTree[Any]:
    assert isinstance(env.bot, HeroBot)
    return env.bot.tree


def _first(message_id: str | list[str] | tuple[str, ...]) -> str:
    return message_id if isinstance(message_id, str) else message_id[0]


def test_an_unsupported_language_falls_back_to_english(tmp_path: Path) -> None:
    languages = Catalogues(FOLDER)
    assert languages.translator_for("de-AT").code == "de"
    assert languages.translator_for(None, "en-GB") is ENGLISH
    assert languages.translator_for("fr", "de").code == "de"
    assert Catalogues(tmp_path).translator_for("de") is ENGLISH
    assert languages.code("fr") is None
    assert languages.code(" deutsch") == languages.code("DE") == "de"


def test_a_copied_catalogue_adds_a_language(tmp_path: Path) -> None:
    """Also with the code of a country, as Discord has it."""
    german = (FOLDER / "de.po").read_text(encoding="utf-8")
    (tmp_path / "pt-BR.po").write_text(german.replace("Language: de", "Language: pt-BR"), encoding="utf-8")
    languages = Catalogues(tmp_path)
    assert languages.translator_for("pt-BR")("Done.") == "Fertig."
    assert languages.names["pt-BR"] == "Português (Brasil)"


def test_plural_forms() -> None:
    german = Catalogues(FOLDER).translator_for("de")
    one = german.count("{number} person voted", "{number} people voted", 1)
    many = german.count("{number} person voted", "{number} people voted", 2)
    assert (one, many) == ("1 Mensch hat abgestimmt", "2 Menschen haben abgestimmt")


async def test_a_servers_language_comes_before_the_persons(stage: Stage) -> None:
    await stage.olga.slash(stage.channel, "settings language", language="Deutsch")

    result = await stage.ana.slash(stage.channel, "hero", hero="woman healing")

    assert stage.ephemeral_reply(result).startswith("Das Alter fehlt")
    assert "The age is missing" in stage.refusal()  # the log stays English


async def test_a_person_is_answered_in_their_discords_language(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = discord.Interaction._from_data

    def from_germany(interaction: discord.Interaction, data: Any) -> None:
        received(interaction, data | {"locale": "de"})

    monkeypatch.setattr(discord.Interaction, "_from_data", from_germany)

    result = await stage.ana.slash(stage.channel, "privacy show")

    assert result.response is not None
    assert "Über dich ist nichts gespeichert." in result.response.content


async def test_discord_gets_the_names_in_all_languages(stage: Stage) -> None:
    command = stage.env.backend.find_command("privacy", None)
    assert command is not None
    assert command["name_localizations"]["de"] == "datenschutz"
    assert command["options"][0]["description_localizations"]["de"]
