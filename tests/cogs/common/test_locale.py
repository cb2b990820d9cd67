"""A server of another language: all messages there are in it, also those to operators."""

import re
from functools import cache

import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.i18n.catalogues import Catalogues
from bot.i18n.missing import Texts, missing, read_catalogue
from bot.settings import ROOT
from bot.store.schema import dataset
from tests.conftest import HOME, Stage
from tests.i18n.catalogue import sentences
from tests.support.workflows import build

FOLDER = ROOT / "data" / "languages"
LANGUAGES = Catalogues(FOLDER)
_ENGLISH = re.compile(r"\b(?:the|of|is|are|and|by|with|to|it|not|about|from|at|on)\b")
_OWN = {"fr": {"on"}}  # words of a language that are English ones, too


@cache
def _is_complete(code: str) -> bool:
    catalogue = read_catalogue(FOLDER / f"{code}.po")
    return not missing(catalogue, Texts(sentences(), frozenset(), frozenset()))


@pytest.fixture
async def german(stage: Stage) -> Stage:
    await stage.olga.slash(stage.channel, "settings language", language="Deutsch")
    return stage


async def answer(stage: Stage, command: str, **options: int | str) -> str:
    """Run a command as an operator, and return its answer after checking that it is German."""
    result = await stage.olga.slash(stage.channel, command, **options)
    assert result.response is not None
    return checked_german(result.response.content)


def checked_german(text: str) -> str:
    return checked("de", text)


def checked(code: str, text: str) -> str:
    """Return the text. Asserts that it has no English words outside of names, commands and quotes.

    If a catalogue lacks sentences, only those that a test spells out are compared: a release wants all.
    """
    if _is_complete(code):
        prose = re.sub(r"`[^`]*`|<[^>]*>|^> .*", "", text, flags=re.MULTILINE)
        assert set(_ENGLISH.findall(prose.lower())) <= _OWN.get(code, set()), prose
    return text


def labels(message: discord.Message) -> list[str | None]:
    return [
        button.label
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for button in row.children
        if isinstance(button, discord.Button)
    ]


@pytest.mark.usefixtures("running_worker")
async def test_build_and_finetune_from_plan_to_result(german: Stage, app: App) -> None:
    plan = await answer(german, "build-dataset", limit=16)
    assert plan.startswith("**Ein Datensatz aus 16 Beispielen, geschrieben von smollm2-135m-instruct**")
    assert "Noch zu schreiben: 16" in plan
    shown = german.channel.history()[-1]
    assert labels(shown) == ["Bestätigen", "Abbrechen"]
    await german.olga.click(shown, label="Bestätigen")
    await german.until_notified(app, 1)
    progress, end = german.channel.history()[-2:]
    assert checked_german(progress.content).startswith("**Ein Datensatz wird gebaut** (Auftrag 1)")
    assert progress.content.endswith("16 von 16\nFertig.")
    assert "Datensatz v1 ist fertig: 14 Texte zum Lernen" in checked_german(end.content)

    tuning = await answer(german, "finetune", epochs=2)
    assert "mit Datensatz v1; es trainiert die eingebaute Engine" in tuning
    assert "Durchgänge durch alle Texte: 2, wie gewählt." in tuning
    await german.olga.click(german.channel.history()[-1], label="Bestätigen")
    await german.until_notified(app, 2)
    progress, end = german.channel.history()[-2:]
    assert checked_german(progress.content).startswith("**Ein Modell wird trainiert** (Auftrag 2)")
    assert "ist trainiert und im Dienst: Es beantwortet" in checked_german(end.content)
    titles = [field.name for field in end.embeds[0].fields]
    assert titles == ["Grundmodell, mit vorgegebenem Anfang und Schluss", "neu und im Dienst: Modell 1"]
    written = (app.settings.data_dir / "reports" / "2" / "heroes.md").read_text(encoding="utf-8")
    assert "**neu und im Dienst: Modell 1**" in written
    assert [job.spec.language for job in await app.jobs.recent()] == ["de", "de"]  # for their charts


@pytest.mark.parametrize("code", sorted(file.stem for file in FOLDER.glob("*.po") if file.stem != "de"))
async def test_what_operators_and_members_read_is_in_each_language(stage: Stage, app: App, code: str) -> None:
    t = LANGUAGES.translator_for(code)
    await app.guild_settings.change(HOME, language=code)

    async def read(command: str, **options: int | str) -> str:
        result = await stage.olga.slash(stage.channel, command, **options)
        assert result.response is not None
        return checked(code, result.response.content)

    for number, command in enumerate(("build-dataset", "finetune"), 1):
        await read(command, **({"limit": 16} if number == 1 else {"epochs": 1}))
        plan = stage.channel.history()[-1]
        assert labels(plan) == [t("Confirm"), t("Cancel")]
        await stage.olga.click(plan, label=t("Confirm"))
        assert await app.worker.run_next()
        await stage.until_notified(app, number)
        for message in stage.channel.history()[-2:]:
            checked(code, message.content)
    assert t("**live**") in await read("models list")
    assert t("went live in place of the base model") in await read("models show")
    await read("powers add", power="juggling lighthouses")
    assert t("“{power}”", power="juggling lighthouses") in await read("powers list")
    assert t("**The newest dataset:**") in await read("dataset status")
    await read("dataset review")
    await read("settings show")
    result = await stage.ana.slash(stage.channel, "hero", hero="40 femme guérison")
    assert result.response is not None
    assert t("Written by model {number}", number=1) in checked(
        code, result.response.embeds[0].footer.text or ""
    )
    await stage.ben.click(stage.channel.history()[-1], label=t("Report"))
    for command in ("hero", "models retire"):
        options: dict[str, int | str] = {"hero": "dragon"} if command == "hero" else {"model": 1}
        refused = await stage.olga.slash(stage.channel, command, **options)
        checked(code, stage.ephemeral_reply(refused))
        stage.refusal()


async def test_failure_stored_by_the_worker(german: Stage, app: App) -> None:
    await build(app)
    await german.olga.slash(german.channel, "finetune")
    await german.olga.click(german.channel.history()[-1], label="Bestätigen")
    async with app.db.write() as tx:
        await tx.execute(dataset.update().values(rebuild=True))

    assert await app.worker.run_next()
    await german.until_notified(app, 2)

    assert "Das Training ist gescheitert. Aus Datensatz v1 wurde ein Text" in (
        checked_german(german.channel.history()[-1].content)
    )


async def test_models_powers_datasets_and_refusals(german: Stage, app: App) -> None:
    assert (
        await answer(german, "models list")
        == "Es ist noch kein Modell trainiert: Erst `/build-dataset quelle:shipped`, das dauert Sekunden, "
        "dann `/finetune`."
    )
    await build(app)
    await german.olga.slash(german.channel, "finetune")
    await german.olga.click(german.channel.history()[-1], label="Bestätigen")
    assert await app.worker.run_next()
    await german.until_notified(app, 2)
    assert "**im Dienst** · Datensatz v1" in await answer(german, "models list")
    assert "kam anstelle des Grundmodells in Dienst" in await answer(german, "models show")
    assert "ist jetzt im Vokabular" in await answer(german, "powers add", power="juggling lighthouses")
    assert "Ins Vokabular aufgenommen: „juggling lighthouses“." in await answer(german, "powers list")
    status = await answer(german, "dataset status")
    assert "**Der neueste Datensatz:** v1, 14 Texte zum Lernen, 2 beiseitegelegt" in status
    assert (
        "mindestens 2 Stimmen und, mit 80\N{NO-BREAK SPACE}% Sicherheit, mehr als 50\N{NO-BREAK SPACE}% dafür"
        in status
    )
    assert "**Datensatz v1, noch durchzusehen: 16**" in await answer(german, "dataset review")
    refused = await german.olga.slash(german.channel, "models retire", model=1)
    assert "Modell 1 ist im Dienst, lässt" in german.ephemeral_reply(refused)
    german.refusal()


async def test_report_and_verdict(german: Stage, app: App) -> None:
    await answer(
        german, "build-dataset", limit=16
    )  # without an admin channel, notifications go to the newest job's
    await german.ana.slash(german.channel, "hero", hero="40 woman healing")
    hero = german.channel.history()[-1]
    form = await german.ben.click(hero, label="Melden")
    await german.ben.submit_modal(form, {"reason": ["other"]})
    await german.env.advance_time(11)

    notification = german.channel.history()[-1]
    assert notification.content.startswith("🚩 Jemand hat gemeldet, was ")
    assert labels(notification) == ["Text zeigen", "Entfernen", "Behalten"]
    await german.env.restart_bot(HeroBot(app))
    await german.olga.click(notification, label="Entfernen")

    assert german.channel.history()[-1].content.endswith(f"🗑️ Entfernt von {german.olga.mention}.")
    (hidden,) = [message for message in german.channel.history() if message.id == hero.id]
    assert hidden.content == "Betreiber haben diese Beschreibung entfernt."


@pytest.mark.parametrize(
    ("verdict", "said"), [("Entfernen", "🗑️ Entfernt von"), ("Behalten", "✅ Behalten von")]
)
async def test_a_verdict_is_in_the_language_of_its_notice(german: Stage, verdict: str, said: str) -> None:
    await answer(german, "build-dataset", limit=16)
    await german.ana.slash(german.channel, "hero", hero="40 woman healing")
    form = await german.ben.click(german.channel.history()[-1], label="Melden")
    await german.ben.submit_modal(form, {"reason": ["other"]})
    await german.env.advance_time(11)
    notice = german.channel.history()[-1]

    await german.olga.slash(german.channel, "settings language", language="English")
    await german.olga.click(notice, label=verdict)

    (decided,) = [message for message in german.channel.history() if message.id == notice.id]
    assert said in decided.content


async def test_servers_preferred_locale_is_used_without_a_setting(stage: Stage) -> None:
    guild = stage.env.bot.get_guild(HOME)
    assert guild is not None
    guild.preferred_locale = discord.Locale.german
    await stage.build(limit=16)
    await stage.env.advance_time(4)

    assert stage.channel.history()[-1].content.startswith("**Ein Datensatz wird gebaut**")
