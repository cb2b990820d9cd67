"""Thumbs to click on: reactions where the bot may leave them, buttons everywhere else."""

import discord
import pytest
import simcord

from bot.app import App
from bot.client import HeroBot
from bot.rating.votes import VoteCounts
from cogs.moderation.reports import refresh_message
from cogs.votes.buttons import ThumbButton
from tests.conftest import Stage


@pytest.fixture
def closed(stage: Stage) -> simcord.ChannelHandle:
    """A channel in which nobody may leave a first reaction."""
    guild = stage.env.guild
    return guild.create_text_channel(
        "closed", overwrites={guild.default_role: discord.PermissionOverwrite(add_reactions=False)}
    )


async def described(stage: Stage, channel: simcord.ChannelHandle) -> discord.Message:
    await stage.ana.slash(channel, "hero", hero="40 woman healing")
    shown = channel.last_message
    assert shown is not None
    return shown


def buttons(message: discord.Message) -> list[str]:
    rows = [row.children for row in message.components if isinstance(row, discord.ActionRow)]
    found = [each for row in rows for each in row if isinstance(each, discord.Button)]
    return [each.emoji.name for each in found if each.emoji]


async def tally(app: App) -> VoteCounts:
    return next(iter((await app.votes.by_model()).values()), VoteCounts())


async def test_where_the_bot_may_react_it_seeds_both_thumbs(stage: Stage) -> None:
    shown = await described(stage, stage.channel)
    assert [str(each.emoji) for each in shown.reactions] == ["👍", "👎"]
    assert buttons(shown) == []


async def test_where_it_may_not_buttons_take_the_votes(
    stage: Stage, app: App, closed: simcord.ChannelHandle
) -> None:
    shown = await described(stage, closed)
    assert shown.reactions == []
    assert buttons(shown) == ["👍", "👎"]
    refused = [each for each in stage.env.http_requests if "/reactions/" in each.path]
    assert refused == []  # it knew beforehand

    said = await stage.ben.click(shown, custom_id="vote:up:1")
    assert said.followups[-1].content.startswith("Your 👍 is noted")
    assert await tally(app) == VoteCounts(ups=1)

    await stage.ben.click(shown, custom_id="vote:down:1")
    assert await tally(app) == VoteCounts(downs=1)

    await stage.env.restart_bot(HeroBot(app))
    said = await stage.ben.click(shown, custom_id="vote:down:1")
    assert said.followups[-1].content == "Your 👎 is taken back."
    await stage.olga.slash(stage.channel, "settings language", language="de")
    said = await stage.ben.click(shown, custom_id="vote:down:1")
    assert said.followups[-1].content.startswith("Dein 👎 ist notiert")
    await stage.ben.click(shown, custom_id="vote:down:1")
    assert await tally(app) == VoteCounts()


async def test_a_refusal_that_nobody_could_foresee_leads_to_buttons(stage: Stage) -> None:
    stage.env.inject_error("PUT", "/channels/*/reactions/*", status=403, code=50013)
    assert buttons(await described(stage, stage.channel)) == ["👍", "👎"]


async def test_a_direct_message_has_buttons(stage: Stage, app: App) -> None:
    await stage.ana.user.slash("hero", hero="40 woman healing")
    shown = stage.ana.user.dm_channel.last_message
    assert shown is not None
    assert (shown.reactions, buttons(shown)) == ([], ["👍", "👎"])

    await stage.ana.user.click(shown, custom_id="vote:up:1")
    assert await tally(app) == VoteCounts()  # the asker's own


async def test_a_button_of_a_description_that_is_gone_says_so(
    stage: Stage, closed: simcord.ChannelHandle
) -> None:
    channel = stage.env.bot.get_channel(closed.id)
    assert isinstance(channel, discord.TextChannel)
    view = discord.ui.View(timeout=None)
    view.add_item(ThumbButton("up", 999))
    await channel.send("a description", view=view)

    said = await stage.ben.click(closed.history()[-1], custom_id="vote:up:999")
    assert said.followups[-1].content == "This description is gone; there is nothing to vote on."


async def test_what_is_hidden_is_not_voted_on(stage: Stage, app: App, closed: simcord.ChannelHandle) -> None:
    app.content_reports._reports_to_hide = 1
    pressed, clicked = await described(stage, closed), await described(stage, stage.channel)
    await stage.ben.click(pressed, custom_id="vote:up:1")
    for number in (1, 2):
        await app.content_reports.report(number, stage.olga.id)

    said = await stage.ben.click(pressed, custom_id="vote:down:1")
    assert said.followups[-1].content == "This description is gone; there is nothing to vote on."
    await stage.ben.react(clicked, "👍")
    assert await tally(app) == VoteCounts(ups=1)  # from before

    await app.content_reports.keep(2)
    await stage.ben.unreact(clicked, "👍")
    await stage.ben.react(clicked, "👍")
    assert await tally(app) == VoteCounts(ups=2)


async def test_buttons_are_there_again_when_a_hidden_description_is_kept(
    stage: Stage, app: App, closed: simcord.ChannelHandle
) -> None:
    await described(stage, closed)
    kept = await app.content_reports.keep(1)
    assert isinstance(stage.env.bot, HeroBot)
    assert await refresh_message(stage.env.bot, kept)
    await stage.ben.click(closed.history()[-1], custom_id="vote:up:1")
