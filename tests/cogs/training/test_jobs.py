"""/build-dataset: ordered in Discord, done by the worker, shown in the channel."""

import time
from dataclasses import replace
from typing import Any

import discord
import pytest

from bot.app import App, JobMessageTiming, Timing
from bot.client import HeroBot
from bot.i18n.message import ENGLISH, LocalizedMessage
from bot.jobs.queue import WorkerTiming
from bot.presentation.jobs import progress_text
from bot.store import jobs
from bot.store.job_schema import FinetuneSpec
from bot.store.jobs import State
from bot.tuning.gate import CHECK_PHASES
from tests.conftest import HOME, Stage
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.streaming import labels
from tests.support.workflows import build, build_spec


@pytest.fixture
def timing() -> Timing:
    return Timing(worker=WorkerTiming(heartbeat=0.05))


async def job_id(app: App) -> int:
    """The newest job that still has something to tell."""
    return (await app.jobs.unnotified())[-1].id


async def bot_commands(stage: Stage) -> list[discord.app_commands.AppCommand]:
    assert isinstance(stage.env.bot, HeroBot)
    return await stage.env.bot.tree.fetch_commands()


@pytest.mark.usefixtures("running_worker")
async def test_a_build_shows_its_progress_and_tells_its_end(stage: Stage, app: App) -> None:
    result = await stage.olga.slash(stage.channel, "build-dataset", limit=16)
    assert result.response is not None
    assert not result.ephemeral
    assert "Written already: 0. Still to write: 16" in result.response.content
    assert "Cost: nothing" in result.response.content

    await stage.olga.click(stage.channel.history()[-1], label="Confirm")
    await stage.until_notified(app, await job_id(app))

    progress, end = stage.channel.history()[-2:]
    assert "100% · 16 of 16\nDone." in progress.content
    assert progress.components == []
    assert "Dataset v1 is ready" in end.content
    assert [each.filename for each in end.attachments] == ["lengths.png", "out_openai_completion.csv"]
    assert stage.olga.mention in end.content
    assert [user.id for user in end.mentions] == [stage.olga.id]


async def test_a_second_build_waits_for_the_first(stage: Stage, app: App) -> None:
    await app.builds.submit(build_spec(app))

    result = await stage.olga.slash(stage.channel, "build-dataset", limit=16)

    assert "running already" in stage.ephemeral_reply(result)
    assert "running already" in stage.refusal()


@pytest.mark.parametrize(
    ("state", "said"), [("running", "running already"), ("paused", "is paused"), ("cancelling", "cancelled")]
)
async def test_a_job_that_stands_in_the_way_is_linked(
    stage: Stage, app: App, state: State, said: str
) -> None:
    await stage.olga.slash(stage.channel, "build-dataset", limit=16)
    (plan,) = stage.channel.history()
    job = await app.jobs.confirm(1)
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, state=state)

    refused = stage.ephemeral_reply(await stage.olga.slash(stage.channel, "build-dataset", limit=16))

    assert said in refused
    link = f"https://discord.com/channels/{HOME}/{stage.channel.id}/{plan.id}"
    assert refused.endswith(f" [Look at its message]({link})")
    stage.refusal()

    await app.jobs.move(job.id, plan.id, plan.id)  # no channel of a server: others cannot follow a link
    refused = stage.ephemeral_reply(await stage.olga.slash(stage.channel, "build-dataset", limit=16))
    assert said in refused
    assert "Look at" not in refused
    stage.refusal()


@pytest.mark.parametrize("command", ["build-dataset", "finetune"])
async def test_a_cancelled_plan_costs_nothing_and_says_so(
    stage: Stage, app: App, script: Script, command: str
) -> None:
    if command == "finetune":
        await build(app)
        script.asked.clear()
    await stage.olga.slash(stage.channel, command)
    plan = stage.channel.history()[-1]

    await stage.olga.click(plan, label="Cancel")
    await stage.env.advance_time(4)

    (shown,) = stage.channel.history()
    title, text = shown.content.split("\n")  # without a bar
    assert "(job" in title
    assert text == "The plan was cancelled; nothing was started."
    assert shown.components == []
    assert not await app.worker.run_next()
    assert script.asked == []


async def test_members_cannot_press_an_operators_buttons(stage: Stage, app: App) -> None:
    await stage.olga.slash(stage.channel, "build-dataset", limit=16)

    result = await stage.ana.click(stage.channel.history()[-1], label="Confirm")

    assert result.ephemeral
    assert result.response is not None
    assert "Only the operators" in result.response.content
    assert await app.jobs.unnotified() == []


@pytest.mark.usefixtures("running_worker")
async def test_a_build_is_paused_and_resumed_by_buttons_that_outlive_a_restart(
    stage: Stage, app: App, script: Script
) -> None:
    script.delay = 0.2
    await stage.build(limit=40)
    ordered = await job_id(app)
    await eventually(lambda: len(script.asked) >= 10, what="ten examples are asked for")

    await stage.olga.click(stage.channel.history()[-1], label="Pause")
    assert "Paused" in stage.channel.history()[-1].content

    async def is_released() -> bool:
        return (await app.jobs.get(ordered)).owner is None

    await eventually(is_released, what="the worker has awaited its calls and released the job")
    assert len(script.asked) < 40
    await stage.env.restart_bot(HeroBot(app))

    await stage.olga.click(stage.channel.history()[-1], label="Resume")
    await stage.until_notified(app, ordered)

    assert len(script.asked) == 40
    assert "Dataset v1 is ready" in stage.channel.history()[-1].content


@pytest.mark.usefixtures("running_worker")
async def test_progress_tells_rate_time_left_and_cost(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    job = await app.jobs.get(await job_id(app))
    text = progress_text(
        ENGLISH,
        replace(
            job,
            state="running",
            done=4,
            total=16,
            rate=2.0,
            cost=0.25,
            phase=LocalizedMessage("writing examples"),
        ),
    )
    assert "25% · 4 of 16" in text
    assert text.endswith("writing examples · 2.0 texts a second · about 6 s left · $0.2500 so far")
    await stage.until_notified(app, job.id)


@pytest.mark.usefixtures("running_worker")
async def test_progress_of_a_training_tells_of_the_check_that_follows(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    await stage.until_notified(app, await job_id(app))
    job, _ = await app.finetunes.plan()
    spec = job.spec_as(FinetuneSpec).model_copy(update={"check_seconds": 150.0})
    running = replace(job, state="running", spec=spec, done=40, total=100, rate=0.1)
    trains = replace(running, phase=LocalizedMessage("training; loss {loss:.2f}", loss=2.0))
    assert progress_text(ENGLISH, trains).endswith(
        "training; loss 2.00 · about 10 min left, then about 2 min of checking"
    )
    checks = replace(running, phase=LocalizedMessage(CHECK_PHASES[0], total=100))
    assert progress_text(ENGLISH, checks).endswith("before it may go live · about 10 min left")
    unknown = replace(trains, spec=spec.model_copy(update={"check_seconds": None}))
    assert progress_text(ENGLISH, unknown).endswith("training; loss 2.00 · about 10 min left")


async def test_a_plan_that_became_old_is_refused_while_another_build_runs(stage: Stage, app: App) -> None:
    await stage.olga.slash(stage.channel, "build-dataset", limit=16)
    await app.builds.submit(build_spec(app, 20))

    result = await stage.olga.click(stage.channel.history()[-1], label="Confirm")

    assert "running already" in result.followups[-1].content


async def test_members_neither_see_nor_run_operator_commands(stage: Stage) -> None:
    open_to_all = set(stage.ana.available_commands(stage.channel))
    assert "hero" in open_to_all
    assert set(stage.olga.available_commands(stage.channel)) - open_to_all == {
        "build-dataset",
        "dataset review",
        "dataset status",
        "doctor",
        "finetune",
        *(f"powers {each}" for each in ("add", "remove", "list")),
        *(f"people {each}" for each in ("block", "unblock", "reset-quota", "heaviest")),
        *(f"season {each}" for each in ("start", "end", "show")),
        *(f"settings {each}" for each in ("show", "channels", "limits", "language", "reset")),
        *(f"settings {each}" for each in ("role", "weekly", "gallery")),
        *(
            f"models {each}"
            for each in ("list", "show", "compare", "promote", "rollback", "retire", "deployed", "check")
        ),
    }


async def test_the_admin_of_a_foreign_server_is_refused(stage: Stage, script: Script) -> None:
    chief = stage.env.create_user("chief")
    foreign = stage.env.create_guild(name="Elsewhere", owner=chief)
    channel = foreign.create_text_channel("general")
    admin = foreign.add_member(chief)

    for command in ("build-dataset", "finetune"):
        result = await admin.slash(channel, command)
        assert result.ephemeral
        assert "operators of this bot" in stage.refusal()
    assert foreign.id != HOME
    assert script.asked == []


async def test_a_member_let_in_by_server_settings_is_refused_all_the_same(stage: Stage) -> None:
    helper = stage.env.guild.create_role("helper")
    (command,) = [each for each in await bot_commands(stage) if each.name == "build-dataset"]
    stage.env.guild.set_command_permissions(command.id, {helper: True})
    hana = stage.env.guild.add_member(stage.env.create_user("hana"), roles=[helper])

    result = await hana.slash(stage.channel, "build-dataset")

    assert result.ephemeral
    assert "Only the operators" in stage.refusal()


@pytest.mark.usefixtures("running_worker")
async def test_a_job_ordered_before_a_restart_is_told_after_it(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    ordered = await job_id(app)

    await stage.env.restart_bot(HeroBot(app))
    await stage.until_notified(app, ordered)

    assert "Dataset v1 is ready" in stage.channel.history()[-1].content


async def test_the_end_is_told_though_the_progress_message_is_gone(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    ordered = await job_id(app)
    await stage.olga.delete(stage.channel.history()[-1])

    assert await app.worker.run_next()
    await stage.until_notified(app, ordered)

    assert "Dataset v1 is ready" in stage.channel.history()[-1].content


async def test_a_progress_message_that_was_deleted_is_sent_anew_once(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    ordered = await job_id(app)
    await stage.olga.delete(stage.channel.history()[-1])
    assert "3 of 16" in await changed(stage, app, ordered, state="running", done=3)
    (again,) = stage.channel.history()
    assert labels(again) == ["Pause", "Cancel"]
    assert (await app.jobs.get(ordered)).message_id == again.id

    await stage.olga.delete(again)
    async with app.db.write() as tx:
        await jobs.change(tx, ordered, done=4)
    await stage.env.advance_time(60)
    assert stage.channel.history() == []


async def test_a_hiccup_of_discord_does_not_lose_the_end(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    ordered = await job_id(app)
    assert await app.worker.run_next()
    stage.env.inject_error("POST", "/channels/*/messages", status=503)

    await stage.until_notified(app, ordered)

    assert "Dataset v1 is ready" in stage.channel.history()[-1].content


async def test_too_many_edits_of_an_old_message_begin_a_new_one(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    ordered = await app.jobs.get(await job_id(app))
    stage.env.inject_error("PATCH", "/channels/*/messages/*", status=429, code=30046)

    async with app.db.write() as tx:
        await jobs.change(tx, ordered.id, state="running", done=3, total=16)
    await stage.env.advance_time(4)

    assert "3 of 16" in stage.channel.history()[-1].content
    assert (await app.jobs.get(ordered.id)).message_id == stage.channel.history()[-1].id


async def changed(stage: Stage, app: App, ordered: int, **columns: Any) -> str:
    """Change a job's row, let the bot look at it, and return the message."""
    async with app.db.write() as tx:
        await jobs.change(tx, ordered, total=16, **columns)
    await stage.env.advance_time(4)
    return stage.channel.history()[-1].content


@pytest.mark.parametrize(
    "timing", [Timing(job_messages=JobMessageTiming(edit_interval=3600.0))], ids=["long"]
)
async def test_progress_is_edited_sparsely_and_a_state_at_once(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    ordered = await job_id(app)
    assert "3 of 16" in await changed(stage, app, ordered, state="running", done=3)
    assert "3 of 16" in await changed(stage, app, ordered, done=4)
    assert "Paused" in await changed(stage, app, ordered, state="paused")


@pytest.mark.parametrize("timing", [Timing(job_messages=JobMessageTiming(edit_interval=0.0))], ids=["0 s"])
async def test_progress_of_an_old_message_is_edited_more_sparsely(stage: Stage, app: App) -> None:
    await stage.build(limit=16)
    ordered = await job_id(app)
    assert "3 of 16" in await changed(stage, app, ordered, state="running", done=3)
    assert "4 of 16" in await changed(stage, app, ordered, done=4)
    assert "4 of 16" in await changed(stage, app, ordered, done=5, created_at=time.time() - 3600)
