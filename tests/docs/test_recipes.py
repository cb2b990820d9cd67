"""docs/recipes.md: its code runs as it stands, and another subject than heroes takes no change in Python."""

import json
import re
import subprocess
import types
from typing import Any

import discord
import pytest
from discord.ext import commands

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.command_line import cli
from bot.connection.command_sync import CommandSync
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.heroes.unseen_heroes import unseen_heroes
from bot.i18n.missing import read_catalogue
from bot.jobs.queue import WorkerTiming
from bot.settings import ROOT, Settings
from bot.tuning import providers
from bot.tuning.follow import TrainingTiming
from bot.tuning.providers import Provider
from cogs.common.persistent import persistent_view
from tests.cli.conftest import RunCommand, installation, server, server_url, terminal
from tests.conftest import Stage
from tests.docs.test_pages import Block, blocks
from tests.support.scripted_server import Script
from tests.support.scripted_trainings import ProviderQuirks
from tests.support.workflows import build, finetune

__all__ = ["installation", "server", "server_url", "terminal"]

RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
DISHES = ROOT / "examples" / "dishes.toml"


@pytest.fixture(scope="module")
def timing() -> Timing:
    return Timing(
        worker=WorkerTiming(heartbeat=0.05),
        training=TrainingTiming(poll=0.01, listed_within=0.0, start_pauses=(0,)),
    )


def recipe(title: str) -> list[Block]:
    """Return the code blocks below a heading."""
    (section,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", RECIPES, re.MULTILINE | re.DOTALL)
    return blocks(section)


def run_code(code: str) -> dict[str, Any]:
    """Return the names that a block of code defines."""
    module = types.ModuleType("recipe")
    exec(code, module.__dict__)  # noqa: S102 (our own page)
    return module.__dict__


async def test_the_slash_command_answers(app: App, stage: Stage) -> None:
    module = run_code(recipe("A slash command")[0].code)
    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    await bot.remove_cog("PingCog")  # of somebody who follows the recipe to the letter
    cog = module["PingCog"](bot, app)
    assert isinstance(cog, commands.Cog)
    await bot.add_cog(cog)
    await CommandSync(bot.tree, app.leases).run()

    await run_code(recipe("A slash command")[1].code)["test_it_answers"](stage)


async def test_the_button_answers_after_a_restart(app: App, stage: Stage) -> None:
    button = run_code(recipe("A button")[0].code)["WaveButton"]
    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    channel = bot.get_channel(stage.channel.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("Hello", view=persistent_view([button(7)]))
    restarted = HeroBot(app)
    restarted.add_dynamic_items(button)
    await stage.env.restart_bot(restarted)

    result = await stage.ben.click(stage.channel.history()[-1], label="Wave")

    assert result.followups[-1].content == "Greeting 7 waves back."


def test_the_terminals_command_greets(terminal: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    command, test = recipe("A command of the terminal")
    registered = [*cli.registered_commands]
    monkeypatch.setattr(cli, "registered_commands", registered)
    cli.command()(run_code(command.code)["greet"])

    run_code(test.code)["test_it_greets"](terminal)

    assert json.loads(terminal("greet", "Ana", "--json").stdout) == {"name": "Ana", "models": 0}


async def test_the_provider_trains_at_a_server_of_its_shape(
    hosted: Settings, timing: Timing, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.author_prompt = DISH_PROMPT
    entry, quirks = (each.code for each in recipe("A provider"))
    provider = eval(entry, {"Provider": Provider})  # noqa: S307 (our own page)
    script.trainings.quirks = eval(quirks, {"ProviderQuirks": ProviderQuirks})  # noqa: S307
    monkeypatch.setattr(providers, "PROVIDERS", (provider, *providers.PROVIDERS))
    assert providers.provider_of(f"https://{provider.hosts[0]}/v1", hosted=True) is provider

    async with open_app(hosted.model_copy(update={"provider": provider.key}), timing) as app:
        await build(app)
        assert (await finetune(app)).state == "succeeded"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Return the settings that the recipe for another subject names."""
    own_texts = settings.data_dir / "dishes.jsonl"
    own_texts.touch()
    return settings.model_copy(update={"heroes_file": DISHES, "first_dataset": own_texts})


DISH_PROMPT = re.compile(r"the (?P<gender>\w+) dish (?P<power>.+?), cooked for a table of (?P<age>\d+)")


async def test_another_subject_is_asked_for_built_tuned_and_checked(
    app: App, stage: Stage, script: Script
) -> None:
    script.author_prompt = DISH_PROMPT
    job = await build(app, limit=21)
    assert job.state == "succeeded", job.error
    assert all("dish" in asked["messages"][-2]["content"] for asked in script.asked)

    await finetune(app)
    assert [model.state for model in await app.registry.all()] == ["live"]

    await stage.ana.slash(stage.channel, "hero", hero="4 veggie lentil soup")
    (embed,) = stage.channel.history()[-1].embeds
    assert embed.title == "Lentil soup, vegetarian, for 4"


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("4 carnivore soup", 'the gender "carnivore": after the age say vegan, vegetarian or hearty'),
        ("soup", "for example `/hero 4 vegan lentil soup`"),
    ],
)
async def test_what_is_no_dish_is_told_by_the_example_of_the_file(
    stage: Stage, typed: str, refusal: str
) -> None:
    result = await stage.ana.slash(stage.channel, "hero", hero=typed)
    assert refusal in stage.ephemeral_reply(result)
    stage.refusal()


SOUP = (
    "At the Green Anchor above the harbour, lentil soup is a vegan dish for a table of 4. The cook was 80 "
    "when the Old Ferry bought the pot. It steams for a long time, and the windows turn white. It smells of "
    "thyme and a little of smoke. When guests come in out of the cold, the cook adds lemon, and all stay."
)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (SOUP, []),  # ages and several names are no faults here
        (SOUP.replace("vegan", "hearty"), ["another gender"]),
        (SOUP.replace("lentil soup", "a pie"), ["power never named"]),
    ],
)
def test_the_rules_that_a_file_leaves_out_are_not_applied(text: str, faults: list[str]) -> None:
    assert read_heroes(DISHES).curation.faults(Hero(4, "vegan", "lentil soup"), text) == faults


def test_the_messages_about_heroes_are_found_though_the_catalogue_folds_them() -> None:
    (command,) = re.findall(r"^ {4}(awk .*\n {6}grep .*)$", RECIPES, re.MULTILINE)
    shown = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    found = shown.stdout.splitlines()
    assert 200 < len(found) < 240  # "about 220"
    catalogue = read_catalogue(ROOT / "data" / "languages" / "de.po")
    wanted = re.compile(r"(?<!/)hero(es)?\b|superhero|gender|\bages?\b|power|40 woman", re.IGNORECASE)
    keys = [each.id if isinstance(each.id, str) else each.id[0] for each in catalogue if not each.context]
    missed = [key for key in keys if wanted.search(key) and not any(shown_as(key) in line for line in found)]
    assert missed == []


def shown_as(key: str) -> str:
    return key.replace('"', '\\"').replace("\n", "\\n")


def test_a_new_model_is_asked_for_unseen_dishes() -> None:
    vocabulary = read_heroes(DISHES).vocabulary
    asked = unseen_heroes(vocabulary, 40)
    assert {hero.power for hero in asked} == {*vocabulary.unseen.powers}
    assert {hero.gender for hero in asked} == {*vocabulary.genders}
    without = vocabulary.model_copy(update={"unseen": type(vocabulary.unseen)()})
    assert {hero.power for hero in unseen_heroes(without, 999)} == {*vocabulary.vocabulary.powers}
