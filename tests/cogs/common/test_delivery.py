"""Messages that Discord does not take: the next way, a bounded number of tries, a line in the log."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest
import simcord

from bot.app import App
from bot.i18n.message import LocalizedMessage
from bot.settings import Settings
from bot.store import jobs, notifications
from bot.store.notifications import NotificationAction
from cogs.common.delivery import Backoff, is_temporary
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel, admin_channel
from tests.support.scripted_server import Script

# status and code of what Discord refuses for good
CLOSED_CODES = {
    "archived thread": (400, 50083),
    "no text channel": (400, 50008),
    "missing access": (403, 50001),
    "missing permissions": (403, 50013),
    "unknown channel": (404, 10003),
    "locked thread": (400, 160005),
    "thread is full": (400, 30033),
    "tag required": (400, 40067),
    "blocked by AutoMod": (403, 200000),
}
CLOSED = [pytest.param(*codes, id=name) for name, codes in CLOSED_CODES.items()]


def failure(status: int, code: int = 0, text: str = "x") -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="x")
    return discord.HTTPException(response, {"code": code, "message": text})


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (failure(500), True),
        (failure(503), True),
        (failure(520, 0, "error code: 520"), True),
        (failure(429), True),
        (failure(408), True),
        (failure(403, 0, "<!doctype html>"), True),
        (aiohttp.ServerDisconnectedError(), True),
        (TimeoutError(), True),
        (ConnectionResetError(), True),
        (failure(429, 30046), False),
        (failure(403, 0), False),
        *((failure(*codes), False) for codes in CLOSED_CODES.values()),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(error: Exception, temporary: bool) -> None:
    assert is_temporary(error) is temporary


def test_waits_double_up_to_a_limit_and_end() -> None:
    backoff = Backoff(longest=8, tries=6)
    due, again = [], True
    for number in range(40):
        backoff.next_round()
        if again and backoff.is_due("a"):
            due.append(number)
            again = backoff.fail("a")
    assert due == [0, 2, 6, 14, 22, 30]
    backoff.forget("a")
    assert backoff.is_due("a")


@pytest.fixture
async def admins(stage: Stage, settings: Settings) -> AsyncIterator[AdminChannel]:
    async with admin_channel(stage, settings) as opened:
        yield opened


def tries(stage: Stage, method: str, channel_id: int) -> int:
    """Return how many messages the bot tried to send into a channel, or edit there."""
    path = f"/channels/{channel_id}/messages"
    return sum(
        each.method == method and each.path.startswith(path) and "reactions" not in each.path
        for each in stage.env.http_requests
    )


def close(
    stage: Stage, channel: simcord.ChannelHandle, status: int, code: int, *, methods: str = "POST PATCH"
) -> None:
    for method in methods.split():
        stage.env.inject_error(
            method, f"/channels/{channel.id}/messages*", status=status, code=code, times=None
        )


async def planned(stage: Stage, app: App) -> int:
    await stage.build(limit=16)
    return (await app.jobs.unnotified())[-1].id


@pytest.mark.parametrize(("status", "code"), CLOSED)
async def test_the_end_of_a_job_in_a_closed_channel_reaches_the_admin_channel(
    stage: Stage, app: App, admins: AdminChannel, status: int, code: int
) -> None:
    ordered = await planned(stage, app)
    close(stage, stage.channel, status, code)
    assert await app.worker.run_next()

    await stage.env.advance_time(30)

    (end,) = admins.channel.history()
    assert "Dataset v1 is ready" in end.content
    assert stage.olga.mention in end.content
    assert (await app.jobs.get(ordered)).announced
    assert tries(stage, "POST", stage.channel.id) <= 2
    assert tries(stage, "PATCH", stage.channel.id) == 1


async def test_without_an_admin_channel_it_reaches_who_ordered_it(stage: Stage, app: App) -> None:
    await planned(stage, app)
    close(stage, stage.channel, 400, 50083)
    assert await app.worker.run_next()

    await stage.env.advance_time(30)

    assert "Dataset v1 is ready" in stage.olga.user.dm_channel.history()[-1].content


async def test_the_end_that_reaches_nobody_is_logged(
    stage: Stage, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    ordered = await planned(stage, app)
    stage.env.inject_error("*", "/channels/*", status=403, code=50001, times=None)
    assert await app.worker.run_next()

    await stage.env.advance_time(60)

    assert (await app.jobs.get(ordered)).announced
    assert "its end reached nobody: " in caplog.text
    assert caplog.text.count("its end reached nobody") == 1
    assert tries(stage, "POST", stage.channel.id) <= 2


@pytest.mark.parametrize(("status", "code"), CLOSED[:4])
async def test_progress_moves_to_the_admin_channel_and_stays_there(
    stage: Stage, app: App, admins: AdminChannel, status: int, code: int
) -> None:
    ordered = await planned(stage, app)
    close(stage, stage.channel, status, code)
    for done in (3, 4, 5):
        async with app.db.write() as tx:
            await jobs.change(tx, ordered, state="running" if done < 5 else "paused", done=done, total=16)
        await stage.env.advance_time(8)

    (progress,) = admins.channel.history()
    assert "5 of 16" in progress.content
    assert tries(stage, "PATCH", stage.channel.id) == 1
    assert tries(stage, "POST", stage.channel.id) == 1
    assert (await app.jobs.get(ordered)).channel_id == admins.channel.id


async def test_progress_that_somebody_deleted_is_shown_once_more(stage: Stage, app: App) -> None:
    ordered = await planned(stage, app)
    for done in (3, 4, 5):
        if shown := stage.channel.history():
            await stage.olga.delete(shown[-1])
        async with app.db.write() as tx:
            await jobs.change(tx, ordered, state="running" if done < 5 else "paused", done=done, total=16)
        await stage.env.advance_time(8)
        assert len(stage.channel.history()) == (1 if done == 3 else 0)

    assert tries(stage, "PATCH", stage.channel.id) == 2


async def test_an_outage_is_waited_out_with_growing_pauses(stage: Stage, app: App) -> None:
    await planned(stage, app)
    assert await app.worker.run_next()
    before = tries(stage, "POST", stage.channel.id)
    stage.env.inject_error("POST", "/channels/*/messages", status=503, times=4)

    await stage.env.advance_time(62)  # failures after 2, 6, 14, 30 s
    assert tries(stage, "POST", stage.channel.id) - before <= 5
    await stage.env.advance_time(10)

    assert "Dataset v1 is ready" in stage.channel.history()[-1].content


async def notify(app: App, channel_id: int | None, action: NotificationAction | None = None) -> None:
    async with app.db.write() as tx:
        await notifications.add(
            tx, "k", LocalizedMessage("Look at this."), at=1.0, channel_id=channel_id, action=action
        )


@pytest.mark.parametrize(("status", "code"), CLOSED)
async def test_a_notification_of_a_closed_channel_reaches_the_admin_channel(
    stage: Stage, app: App, admins: AdminChannel, status: int, code: int
) -> None:
    close(stage, stage.channel, status, code)
    await notify(app, stage.channel.id)
    await stage.env.advance_time(31)
    assert [each.content for each in admins.channel.history()] == ["Look at this."]
    assert tries(stage, "POST", stage.channel.id) == 1


async def test_a_decision_that_reaches_nobody_is_not_asked_for_every_few_seconds(
    stage: Stage, app: App, admins: AdminChannel, caplog: pytest.LogCaptureFixture
) -> None:
    stage.env.inject_error("POST", "/channels/*", status=403, code=50001, times=None)
    await notify(app, None, NotificationAction("removal", 1))

    await stage.env.advance_time(120)

    assert tries(stage, "POST", admins.channel.id) == 1
    assert caplog.text.count("notification 1 (k) reached nobody") == 1
    assert "Look at this." not in caplog.text  # it may be about a person
    assert len(await admins.app.notifications.pending()) == 1


@pytest.mark.parametrize(("status", "code"), CLOSED)
async def test_a_mention_in_a_closed_channel_costs_nothing_and_tells_the_person(
    stage: Stage, script: Script, status: int, code: int
) -> None:
    bot = stage.env.bot.user
    assert bot is not None
    stage.env.inject_error("POST", f"/channels/{stage.channel.id}/*", status=status, code=code, times=None)

    await stage.ana.send(stage.channel, f"{bot.mention} 40 woman healing")

    assert script.asked == []
    assert f"I cannot answer in <#{stage.channel.id}>" in stage.ana.user.dm_channel.history()[-1].content


@pytest.mark.parametrize(
    ("status", "code"), [(400, 160002), (400, 50035), (404, 10008), (403, 50013), (400, 50083)]
)
async def test_a_reply_that_is_refused_becomes_a_message(stage: Stage, status: int, code: int) -> None:
    bot = stage.env.bot.user
    assert bot is not None
    stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=status, code=code)

    await stage.ana.send(stage.channel, f"{bot.mention} 40 woman healing")

    shown = stage.channel.history()[-1]
    assert shown.embeds[0].title == "40-year-old woman, healing"
    assert shown.reference is None


async def test_a_text_that_its_channel_refuses_reaches_the_person(stage: Stage, app: App) -> None:
    """Typing was allowed, sending is not: the text is there already."""
    bot = stage.env.bot.user
    assert bot is not None
    close(stage, stage.channel, 403, 50013)

    await stage.ana.send(stage.channel, f"{bot.mention} 40 woman healing")

    shown = stage.ana.user.dm_channel.history()[-1]
    assert shown.embeds[0].title == "40-year-old woman, healing"
    assert tries(stage, "POST", stage.channel.id) == 2
    description = await app.describer.get(1)
    assert description is not None
    assert description.message_id == shown.id


def answer_of(result: simcord.InteractionResult) -> Any:
    """Return what the person sees: a follow-up takes the place of "is thinking" if that is there still."""
    return result.followups[-1] if result.followups else result.response


@pytest.mark.parametrize(("status", "code"), [*CLOSED[:6], (404, 10008)])
async def test_a_command_whose_message_is_refused_is_answered_all_the_same(
    stage: Stage, status: int, code: int
) -> None:
    stage.env.inject_error("PATCH", "/webhooks/*/messages/@original", status=status, code=code, times=None)
    result = await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = answer_of(result)
    assert shown.embeds[0].title == "40-year-old woman, healing"


@pytest.mark.parametrize("command", ["about", "privacy show", "top"])
async def test_other_commands_are_answered_all_the_same(stage: Stage, command: str) -> None:
    stage.env.inject_error("PATCH", "/webhooks/*/messages/@original", status=404, code=10008, times=None)
    shown = answer_of(await stage.ana.slash(stage.channel, command))
    assert shown.content or shown.embeds


async def test_what_reaches_nobody_is_logged_and_not_tried_for_ever(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    bot = stage.env.bot.user
    assert bot is not None
    for method in ("POST", "PATCH"):
        stage.env.inject_error(method, "/channels/*/messages*", status=403, code=50001, times=None)

    await stage.ana.send(stage.channel, f"{bot.mention} 40 woman healing")

    assert tries(stage, "POST", stage.channel.id) == 2
    assert "nobody could be told" in caplog.text
    assert stage.env.errors == []
