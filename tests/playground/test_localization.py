"""The page's language: the server's, else the browser's, else English."""

import json
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.dashboard.server import PAGE_FOLDER as DASHBOARD_FOLDER
from bot.gallery.site import PAGE_FOLDER as GALLERY_FOLDER
from bot.local_page.localization import SHARED_FOLDER
from bot.local_page.server import Page
from bot.playground.server import PAGE_FOLDER
from bot.playground.simulated_discord import HOME
from tests.playground.conftest import Visitor, visiting, visitor_session

GERMAN = "de-AT,de;q=0.9,en;q=0.8"


async def text_of(page: Page, path: str, accepted: str) -> str:
    async with (
        visitor_session(page, **{"Accept-Language": accepted}) as session,
        session.get(path) as answer,
    ):
        return await answer.text()


def html_language(text: str) -> str | None:
    found = re.search(r'<html lang="([\w-]+)"', text)
    return found and found[1]


@pytest.mark.parametrize(
    ("accepted", "chosen", "language"),
    [
        ("", None, "en"),
        ("en-GB,en;q=0.9,de;q=0.8", None, "en"),
        (GERMAN, None, "de"),
        ("zz-ZZ,zz;q=0.9", None, "en"),  # a code that no language has: a new catalogue breaks no test
        ("zz,de;q=0.5", None, "de"),
        ("zz", "de", "de"),
        (GERMAN, "en", "en"),
        ("fr-CA,fr;q=0.9,de;q=0.8", None, "fr"),
        ('"><script>', None, "en"),
    ],
)
async def test_the_page_is_in_the_servers_language_or_the_browsers(
    page: Page, app: App, accepted: str, chosen: str | None, language: str
) -> None:
    if chosen:
        await app.guild_settings.change(HOME, language=chosen)
    text = await text_of(page, "/", accepted)
    assert html_language(text) == language
    said = {
        "en": "Who are you in this tab?",
        "de": "Wer bist du in diesem Tab?",
        "fr": "Qui es-tu dans cet onglet\N{NARROW NO-BREAK SPACE}?",
    }
    assert [each for each in said if said[each] in text.partition("</script>")[2]] == [language]
    assert "{{" not in text
    assert "<script>" not in text
    role = {"en": '"operator"', "de": '"Betreiberin"', "fr": json.dumps("opératrice")}[language]
    assert role in await text_of(page, "/people", accepted)


async def test_a_catalogue_that_lacks_sentences_leaves_them_english(
    page: Page, app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "fr.po").write_text(
        'msgid ""\nmsgstr ""\n"Language: fr\\n"\n\nmsgid "Send"\nmsgstr "Envoyer"\n', encoding="utf-8"
    )
    monkeypatch.setattr(app.guild_settings, "languages", type(app.guild_settings.languages)(tmp_path))
    text = await text_of(page, "/", "fr")
    assert html_language(text) == "fr"
    assert ">Envoyer<" in text
    assert ">Who are you in this tab?<" in text


async def german(page: Page, stack: AsyncExitStack, name: str) -> Visitor:
    return await stack.enter_async_context(visiting(page, name, locale="de"))


async def test_guide_refusals_commands_and_answers_are_german(page: Page) -> None:
    async with AsyncExitStack() as stack:
        olga = await german(page, stack, "olga")
        await olga.wait_for(lambda: olga.steps)
        assert [olga.steps[index]["title"] for index in (0, 4)] == ["Nach einem Helden fragen", "Abstimmen"]
        assert [olga.steps[index]["line"] for index in (0, 1, 9)] == [
            "/hero 40 Frau Heilung",
            "/build-dataset quelle:shipped",
            "/bestenliste",
        ]
        refused = (await olga.type_line("/finetune durchgänge:11"))["refused"]
        assert refused == "durchgänge ist eine ganze Zahl von 1 bis 10, nicht 11."
        assert (await olga.type_line("/nosuch"))["refused"].startswith("Einen Befehl /nosuch gibt es nicht")
        assert await olga.type_line("/hero dragon") == {}
        await olga.wait_for_message(lambda message: message["content"].startswith("Das Alter fehlt"))


async def test_guide_refusals_commands_and_answers_are_french(page: Page) -> None:
    async with AsyncExitStack() as stack:
        olga = await stack.enter_async_context(visiting(page, "olga", locale="fr"))
        await olga.wait_for(lambda: olga.steps)
        assert [olga.steps[index]["line"] for index in (0, 1, 9)] == [
            "/hero 40 femme guérison",
            "/build-dataset source:shipped",
            "/palmarès",
        ]
        assert "/jeu-de-données état " in await olga.suggestions("/jeu")
        assert "/hero 40 femme guérison" in await olga.suggestions("/hero 40 femme gueri")
        refused = (await olga.type_line("/finetune passages:11"))["refused"]
        assert refused == "passages est un nombre entier de 1 à 10, et non 11."
        assert await olga.type_line("/hero dragon") == {}
        await olga.wait_for_message(lambda message: message["content"].startswith("Il manque l"))


@pytest.mark.parametrize("typed", ["/modelle liste", "/models list"])
async def test_commands_are_understood_by_both_names(page: Page, typed: str) -> None:
    async with AsyncExitStack() as stack:
        olga = await german(page, stack, "olga")
        assert await olga.type_line(typed) == {}
        answer = await olga.wait_for_message(lambda message: message.get("interaction_metadata"))
        assert answer["interaction_metadata"]["name"] == "modelle liste"


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("/mod", "/modelle liste "),
        ("/models l", "/modelle liste "),
        ("/build-dataset que", "/build-dataset quelle:"),
        ("/build-dataset source:sh", "/build-dataset source:shipped"),
        ("/build-dataset quelle:sh", "/build-dataset quelle:shipped"),
        ("/hero 40 woman heal", "/hero 40 woman healing"),
    ],
)
async def test_german_names_are_suggested(page: Page, typed: str, suggested: str) -> None:
    async with AsyncExitStack() as stack:
        olga = await german(page, stack, "olga")
        assert suggested in await olga.suggestions(typed)


async def test_pages_in_two_languages_do_not_disturb_each_other(page: Page, olga: Visitor) -> None:
    async with AsyncExitStack() as stack:
        ana = await german(page, stack, "ana")
        await ana.type_line("/hero dragon")
        await ana.wait_for_message(lambda message: message["content"].startswith("Das Alter fehlt"))
        await olga.type_line("/hero dragon")
        await olga.wait_for_message(lambda message: message["content"].startswith("The age is missing"))
        await olga.type_line("/settings language language:Deutsch")
        await olga.wait_for(lambda: olga.language == ana.language == "de")


async def test_two_pages_of_one_person_are_answered_each_in_its_language(page: Page, olga: Visitor) -> None:
    async with AsyncExitStack() as stack:
        other = await german(page, stack, "olga")
        await olga.type_line("/hero dragon")
        await olga.wait_for_message(lambda message: message["content"].startswith("The age is missing"))
        await other.type_line("/hero dragon")
        await olga.wait_for_message(lambda message: message["content"].startswith("Das Alter fehlt"))


async def test_a_page_that_comes_later_does_not_change_the_language_of_the_channel(
    page: Page, olga: Visitor
) -> None:
    async with AsyncExitStack() as stack:
        ana = await german(page, stack, "ana")
        await ana.type_line("@Herosmith dragon")
        answer = await olga.wait_for_message(lambda message: message["author"]["username"] == "Herosmith")
        assert "age" in answer["content"]
        assert "Alter" not in answer["content"]


async def test_the_first_page_gives_the_channel_its_language(page: Page) -> None:
    async with AsyncExitStack() as stack:
        ana = await german(page, stack, "ana")
        await stack.enter_async_context(visiting(page, "olga"))
        await ana.type_line("@Herosmith 40 dragon")
        await ana.wait_for_message(lambda message: "Geschlecht" in message["content"])


@pytest.mark.parametrize(
    "folder", [PAGE_FOLDER, SHARED_FOLDER, DASHBOARD_FOLDER], ids=lambda each: each.parent.name
)
def test_every_sentence_of_a_script_is_translatable(folder: Path) -> None:
    """Several words in a string are a sentence, unless t() takes them; names of classes are in lower case."""
    sentence = re.compile(r'(?<!\bt\()"((?=[^"]*[A-Z])[\w…]+ [^"]*)"')
    found = {
        (file.name, match[1])
        for file in folder.glob("*.js")
        for line in file.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("//")
        for match in sentence.finditer(line)
    }
    assert found == set()


@pytest.mark.parametrize(
    ("folder", "untranslated"),
    [
        (PAGE_FOLDER, {"Herosmith playground", "Herosmith ", "playground", "README"}),
        (DASHBOARD_FOLDER, {"Herosmith dashboard", "Herosmith ", "dashboard"}),
        (GALLERY_FOLDER, {" · Herosmith"}),
    ],
    ids=["playground", "dashboard", "gallery"],
)
def test_every_sentence_of_a_page_is_translatable(folder: Path, untranslated: set[str]) -> None:
    template = (folder / "index.html").read_text(encoding="utf-8")
    bare = re.sub(r"\{\{.+?\}\}(?!\})", "", template)
    texts = re.findall(r'>([^<>]*[A-Za-z]{2}[^<>]*)<|(?:aria-label|placeholder|title)="([^"{]+)"', bare)
    assert {text or label for text, label in texts} == untranslated


async def test_the_socket_of_an_old_page_is_english(page: Page) -> None:
    async with (
        visitor_session(page) as session,
        session.ws_connect("/socket?as=olga&locale=x") as tab,
    ):
        assert (await tab.receive_json())["surroundings"]["people"][0]["role"] == "operator"
