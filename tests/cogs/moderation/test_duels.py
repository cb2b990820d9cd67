"""Reports of the texts of a duel."""

import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.errors import UserError
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel
from tests.support.duels import two_models
from tests.support.reports import notifications, report, shown
from tests.support.streaming import labels

HIDDEN = "*This text is hidden: people have reported it.*"


def texts(message: discord.Message) -> list[str]:
    return [(embed.description or "").partition("\n")[2] for embed in message.embeds]


async def duel(stage: Stage, app: App) -> discord.Message:
    await two_models(app)
    await stage.ana.slash(stage.channel, "duel", hero="40 woman healing")
    return shown(stage)


async def test_reported_text_of_a_duel_is_hidden_until_it_is_kept(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    message = await duel(stage, app)
    a, b = texts(message)

    await report(stage.ben, message, "Report B")
    assert texts(shown(stage)) == [a, b]
    (notification,) = await notifications(stage, admins)
    assert b in notification.content
    assert "ft:tiny" not in notification.content
    await report(stage.olga, message, "Report B")

    hidden = shown(stage)
    assert texts(hidden) == [a, HIDDEN]
    assert labels(hidden) == ["Report A"]
    assert "you cannot vote on it now" in (hidden.embeds[1].footer.text or "")
    with pytest.raises(UserError, match="is hidden now"):  # a click on the buttons that were shown before
        await app.duels.vote(1, stage.ben.id, "a")

    await stage.env.restart_bot(HeroBot(admins.app))
    await stage.olga.click(notification, label="Keep")
    assert texts(shown(stage)) == [a, b]
    assert labels(shown(stage)) == ["A", "B", "Tie", "Report A", "Report B"]
    vote = await stage.ben.click(shown(stage), label="A")
    assert vote.response is not None
    assert "You chose A" in vote.response.content


async def test_removed_text_stays_hidden_in_its_duel(stage: Stage, app: App, admins: AdminChannel) -> None:
    message = await duel(stage, app)
    _, b = texts(message)
    await report(stage.ben, message, "Report A")
    (notification,) = await notifications(stage, admins)

    await stage.olga.click(notification, label="Remove")

    assert texts(shown(stage)) == ["*Operators have removed this text.*", b]
    assert labels(shown(stage)) == ["Report B"]


async def test_deleted_duel_cannot_be_voted_on_or_reported(stage: Stage, app: App) -> None:
    message = await duel(stage, app)
    await app.privacy.delete(stage.ana.id)

    reported = await stage.ben.click(message, label="Report A")
    assert reported.response is not None
    assert "hidden already" in reported.response.content
    voted = await stage.ben.click(message, label="A")
    assert "is hidden now" in stage.ephemeral_reply(voted)
    assert (await app.duels.get(1)).channel_id is None


async def test_a_removed_text_of_a_duel_stays_told_as_removed(stage: Stage, app: App) -> None:
    message = await duel(stage, app)
    for member in (stage.ben, stage.olga):
        await report(member, message, "Report A")
    await app.content_reports.remove(1)
    for member in (stage.ben, stage.olga):
        await report(member, message, "Report B")
    assert texts(shown(stage)) == ["*Operators have removed this text.*", HIDDEN]
