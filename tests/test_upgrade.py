"""An installation of version 0.1 works on under this version: its rows, its buttons, its engine's folder."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import discord
import pytest
import simcord
from sqlalchemy import select

from bot.app import App
from bot.client import HeroBot
from bot.i18n.message import ENGLISH
from bot.presentation.jobs import result_text
from bot.settings import Settings
from bot.store.schema import example
from tests.conftest import HOME, Stage
from tests.support.engine_process import EngineProcess
from tests.support.scripted_server import Script

T = TypeVar("T")

OLD = Path(__file__).parent / "data" / "installation_0_1"
CUSTOM_IDS = (OLD / "custom_ids.txt").read_text().split()

# ids in Discord that the rows name
CHANNEL = 1456074443980800015
OLGA, ANA, BEN = 1456074443980800017, 1456074443980800018, 1456074443980800019
OFFICE = 1456074443980800020
DESCRIPTION_1 = 1456074620141568001  # the message of description 1
DUEL_1 = 1456074666278912001


pytestmark = pytest.mark.sqlite("what version 0.1 left is a file of SQLite's")


@pytest.fixture
def settings(tmp_path: Path, script: Script, penalising: Path) -> Settings:
    """Settings of a data folder as version 0.1 left it; the model server still has its trainings.

    Its author asks as 0.1's did, so that the answers that 0.1 kept are those to its questions.
    """
    data_dir = tmp_path / "var"
    data_dir.mkdir()
    database = sqlite3.connect(data_dir / "hero.db")
    database.executescript((OLD / "hero.sql").read_text())
    database.close()
    (data_dir / "voters.key").write_bytes(bytes.fromhex((OLD / "voters.key.hex").read_text()))
    script.trainings.created = [{"model": "smollm2-135m-instruct", "training_file": "file-1"}] * 3
    return Settings(
        data_dir=data_dir,
        engine_url=script.url,
        home_guilds=frozenset({HOME}),
        admin_channel=OFFICE,
        heroes_file=penalising,
        cooldown=0,
        duel_share=0,
        reconcile_days=0,  # the messages that it would look up are not in this Discord
    )


@pytest.fixture
def reserved_ids() -> tuple[int, ...]:
    """Return the old ids: they are as small as those that the bot's commands get at its start."""
    return CHANNEL, OLGA, ANA, BEN, OFFICE


def with_id(env: simcord.Env, number: int, create: Callable[[], T]) -> T:
    """Create something in the simulated Discord under a given id."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(env.backend, "snowflake", lambda: number)
        return create()


@pytest.fixture
def stage(env: simcord.Env) -> Stage:
    """The server that the installation was in, its people and channels under their old ids."""
    env.backend.advance_clock(600)  # past the times that the old ids carry
    guild = env.create_guild(name="Home", id=HOME)
    channel = with_id(env, CHANNEL, lambda: guild.create_text_channel("heroes"))
    with_id(env, OFFICE, lambda: guild.create_text_channel("office"))
    manager = guild.create_role(
        "operator", permissions=discord.Permissions(manage_guild=True, manage_messages=True)
    )
    olga, ana, ben = (
        with_id(env, number, lambda name=name: env.create_user(name))  # type: ignore[misc]
        for number, name in ((OLGA, "olga"), (ANA, "ana"), (BEN, "ben"))
    )
    return Stage(
        env,
        channel,
        guild.add_member(olga, roles=[manager]),
        guild.add_member(ana),
        guild.add_member(ben),
    )


async def old_message(
    stage: Stage, *custom_ids: str, message_id: int | None = None
) -> simcord.ResponseMessage:
    """A message of the bot's with buttons that version 0.1 gave these ids."""
    items = [discord.ui.Button[discord.ui.View](custom_id=each, label=each) for each in custom_ids]
    return await old_message_with(stage, *items, message_id=message_id)


async def old_message_with(
    stage: Stage, *items: discord.ui.Item[discord.ui.View], message_id: int | None = None
) -> simcord.ResponseMessage:
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()  # or this view would answer in place of the registered buttons
    channel = stage.env.bot.get_channel(stage.channel.id)
    assert isinstance(channel, discord.TextChannel)
    with pytest.MonkeyPatch.context() as patch:
        if message_id is not None:
            patch.setattr(stage.env.backend, "snowflake", lambda: message_id)
        sent = await channel.send("written by version 0.1", view=view)
    return simcord.ResponseMessage(stage.env, stage.env.backend.get_message(stage.channel.id, sent.id))


def answer(result: simcord.InteractionResult) -> str:
    """The text with which a click was answered."""
    if result.followups:
        return result.followups[-1].content
    assert result.response is not None
    return result.response.content


async def test_jobs_and_their_results_are_read(app: App) -> None:
    jobs = {job.id: job for job in await app.jobs.recent()}
    assert {number: (job.kind, job.state) for number, job in jobs.items()} == {
        1: ("build", "succeeded"),
        2: ("finetune", "succeeded"),
        3: ("finetune", "succeeded"),
        4: ("build", "succeeded"),
        5: ("finetune", "paused"),
        6: ("build", "paused"),
    }
    assert "Dataset v1" in result_text(ENGLISH, jobs[1])
    assert "Dataset v2" in result_text(ENGLISH, jobs[4])
    assert "Model 1" in result_text(ENGLISH, jobs[2])
    assert "Model 2" in result_text(ENGLISH, jobs[3])
    assert "Was a training started" in str(jobs[5].question)


async def test_models_votes_and_trials_are_read(app: App) -> None:
    live, candidate = await app.registry.all()
    assert [(live.name, live.state), (candidate.name, candidate.state)] == [
        ("ft:tiny:1", "live"),
        ("ft:tiny:2", "candidate"),
    ]
    record = await app.registry.record(live.id)
    assert [event.what for event in record.events] == ["registered", "first"]
    assert live.metrics == {"loss_before": 2.5, "loss_after": 1.25}
    votes = (await app.votes.by_model())["ft:tiny:1"]
    assert (votes.ups, votes.downs) == (6, 2)
    (trial,) = await app.trials.of_model(candidate.id)
    assert "won" in str(trial.title)


async def test_a_server_keeps_its_settings_and_the_vocabulary_its_power(app: App) -> None:
    setting = await app.guild_settings.get(HOME)
    assert (setting.channels, setting.daily_per_user, setting.daily_of_guild, setting.language) == (
        [CHANNEL],
        50,
        90,
        "en",
    )
    assert await app.powers.added() == ["juggling"]


async def test_a_person_gets_out_what_is_held_about_them(app: App) -> None:
    exported = json.loads(await app.privacy.export(ANA))
    assert [row["power"] for row in exported["description"]][:4] == [
        "healing",
        "flight",
        "juggling",
        "telepathy",
    ]
    counts = await app.privacy.counts(BEN)
    assert {name: counts[name] for name in ("reaction", "vote", "duel_vote", "report")} == {
        "reaction": 4,
        "vote": 4,
        "duel_vote": 1,
        "report": 2,
    }


async def test_a_paused_build_goes_on(app: App, script: Script) -> None:
    async with app.db.read() as tx:
        written = set((await tx.execute(select(example.c.id))).scalars())
    await app.jobs.resume(6)
    assert await app.worker.run_next()
    job = await app.jobs.get(6)
    assert (job.state, job.done) == ("succeeded", 24)
    # a small author is asked otherwise by now: its 16 texts stay, but the build does without them
    assert len(script.asked) == 24
    async with app.db.read() as tx:
        assert set((await tx.execute(select(example.c.id))).scalars()) > written


async def test_a_training_that_asked_is_answered_and_followed_to_its_end(app: App) -> None:
    await app.jobs.answer(5, "ftjob-3")
    assert await app.worker.run_next()
    assert (await app.jobs.get(5)).state == "succeeded"
    assert [model.name for model in await app.registry.all()] == ["ft:tiny:1", "ft:tiny:2", "ft:tiny:3"]


@pytest.mark.usefixtures("stage")
async def test_every_button_is_known(env: simcord.Env) -> None:
    templates = env.bot._connection._view_store._dynamic_items
    unknown = [each for each in CUSTOM_IDS if not any(re.fullmatch(one, each) for one in templates)]
    assert unknown == []


async def test_buttons_of_a_description(stage: Stage, app: App) -> None:
    message = await old_message(
        stage, "hero:again:1", "hero:report:1", "vote:up:1", "vote:down:1", message_id=DESCRIPTION_1
    )

    await stage.ana.click(message, custom_id="hero:again:1")
    title = stage.channel.history()[-1].embeds[0].title
    assert title == "40-year-old woman, healing"

    noted = answer(await stage.ben.click(message, custom_id="vote:down:1"))
    assert "👎" in noted
    votes = (await app.votes.by_model())["ft:tiny:1"]
    assert (votes.ups, votes.downs) == (5, 3)

    form = await stage.olga.click(message, custom_id="hero:report:1")
    assert "Thank you" in answer(await stage.olga.submit_modal(form, {"reason": ["other"]}))


async def test_buttons_of_a_duel(stage: Stage, app: App) -> None:
    message = await old_message(stage, "duel:a:1", "duel_report:b:1", message_id=DUEL_1)
    assert "You chose A" in answer(await stage.olga.click(message, custom_id="duel:a:1"))
    form = await stage.ana.click(message, custom_id="duel_report:b:1")
    assert "Thank you" in answer(await stage.ana.submit_modal(form, {"reason": ["other"]}))
    assert (await app.privacy.counts(ANA))["report"] == 1


async def test_buttons_of_operators(stage: Stage, app: App) -> None:
    message = await old_message(stage, "job:resume:6")
    await stage.olga.click(message, custom_id="job:resume:6")
    assert (await app.jobs.get(6)).state == "queued"

    message = await old_message(stage, "review:keep:1:7")
    await stage.olga.click(message, custom_id="review:keep:1:7")
    assert stage.channel.history()[-1].content.startswith("**Dataset v1, ")

    message = await old_message(stage, "removal:keep:4")
    await stage.olga.click(message, custom_id="removal:keep:4")
    assert "Kept, by" in stage.channel.history()[-1].content


async def test_buttons_of_lists_and_questions(stage: Stage) -> None:
    message = await old_message(stage, "top:all:1")
    await stage.ben.click(message, custom_id="top:all:1")
    assert stage.channel.history()[-1].embeds

    message = await old_message(stage, "privacy:delete")
    await stage.ben.click(message, custom_id="privacy:delete")
    assert "written by version 0.1" not in stage.channel.history()[-1].content


async def test_the_menu_of_channels(stage: Stage, app: App) -> None:
    menu = discord.ui.ChannelSelect[discord.ui.View](custom_id="settings:channels", min_values=0)
    await stage.olga.select(await old_message_with(stage, menu), [])
    assert (await app.guild_settings.get(HOME)).channels is None


async def test_commands_show_what_is_there(stage: Stage) -> None:
    for command, shown in (("models list", "Model 2"), ("dataset status", "v2")):
        result = await stage.olga.slash(stage.channel, command)
        assert result.response is not None
        assert shown in result.response.content
        assert answer(result).startswith("📥 1 report waits for a decision")  # its channel is not there yet
    assert "6 descriptions that you asked for" in answer(await stage.ana.slash(stage.channel, "privacy show"))
    await stage.ana.slash(stage.channel, "hero", hero="40 woman juggling")
    assert stage.channel.history()[-1].embeds[0].title == "40-year-old woman, juggling"


async def test_notices_that_wait_are_sent_with_buttons_that_work(stage: Stage, app: App) -> None:
    await stage.env.restart_bot(HeroBot(app))  # its first start found none of the channels, which came later
    await stage.env.advance_time(11)
    office = stage.env.backend.messages[OFFICE].values()
    won, reported = sorted(office, key=lambda message: message.id)
    assert "has won against the live model 1" in won.content
    assert "Somebody reported what" in reported.content

    await stage.olga.click(simcord.ResponseMessage(stage.env, won), custom_id="promote:1")
    live = await app.registry.live()
    assert live is not None
    assert live.id == 2
    await stage.olga.click(simcord.ResponseMessage(stage.env, reported), custom_id="removal:remove:2")
    assert [each for each, _ in await app.notifications.pending() if each.action] == []


def test_the_engine_opens_its_folder(tmp_path: Path, tiny_base: Path) -> None:
    data = tmp_path / "data"  # not "engine": the process starts here, and would take that for its package
    shutil.copytree(OLD / "engine", data)
    with EngineProcess(data, tiny_base) as engine, engine.blocking_client() as client:
        assert [model.id for model in client.models.list()] == ["tiny", "ft:tiny:heroes:7a85fac0"]
        (job,) = client.fine_tuning.jobs.list()
        assert (job.status, job.fine_tuned_model) == ("succeeded", "ft:tiny:heroes:7a85fac0")
        assert job.hyperparameters.n_epochs == 6
        newest, *_ = client.fine_tuning.jobs.list_events(job.id)
        assert newest.message == "The job has successfully completed"
        checkpoints = client.fine_tuning.jobs.checkpoints.list(job.id)
        assert [checkpoint.step_number for checkpoint in checkpoints] == [18, 15, 12]
        assert {file.purpose for file in client.files.list()} == {"fine-tune", "fine-tune-results"}
        (result,) = job.result_files
        assert client.files.content(result).text.startswith("step")
