"""Thumbs under a description: reactions if the bot may add them, buttons otherwise."""

import discord
import pytest
import simcord

from bot.app import App
from bot.client import HeroBot
from bot.rating.votes import VoteCounts
from cogs.moderation.reports import refresh_message
from cogs.votes.buttons import ThumbButton
from tests.conftest import HOME, Stage
from tests.support.electorate import cast, row
from tests.support.electorate import describe as describe_quietly
from tests.support.scripted_server import Script


@pytest.fixture
def closed(stage: Stage) -> simcord.ChannelHandle:
    """A channel in which nobody may add a first reaction."""
    guild = stage.env.guild
    return guild.create_text_channel(
        "closed", overwrites={guild.default_role: discord.PermissionOverwrite(add_reactions=False)}
    )


async def describe(stage: Stage, channel: simcord.ChannelHandle) -> discord.Message:
    await stage.ana.slash(channel, "hero", hero="40 woman healing")
    shown = channel.last_message
    assert shown is not None
    return shown


def buttons(message: discord.Message) -> list[str]:
    """Return the thumbs that are buttons."""
    rows = [row.children for row in message.components if isinstance(row, discord.ActionRow)]
    found = [child for row in rows for child in row if isinstance(child, discord.Button)]
    return [button.emoji.name for button in found if button.emoji and button.emoji.name in "👍👎"]


async def tally(app: App) -> VoteCounts:
    return next(iter((await app.votes.by_model()).values()), VoteCounts())


def rows(message: discord.Message) -> list[int]:
    """Return how many buttons each row has."""
    return [len(row.children) for row in message.components if isinstance(row, discord.ActionRow)]


async def test_no_button_stands_alone_in_a_row(stage: Stage, closed: simcord.ChannelHandle) -> None:
    assert rows(await describe(stage, stage.channel)) == [3, 3]
    shown = await describe(stage, closed)
    assert rows(shown) == [3, 5]
    asked = await stage.ben.click(shown, label="Another take")
    assert asked.response is not None
    await stage.ben.click(asked.response.message, label="The same opening idea")
    take = closed.last_message
    assert take is not None
    assert rows(take) == [2, 3, 5]
    await stage.ben.slash(closed, "team")
    team = closed.last_message
    assert team is not None
    assert rows(team) == [4, 2]


async def test_bot_adds_both_thumbs_as_reactions_if_it_may(stage: Stage) -> None:
    shown = await describe(stage, stage.channel)
    assert [str(reaction.emoji) for reaction in shown.reactions] == ["👍", "👎"]
    assert buttons(shown) == []


async def test_buttons_take_the_votes_if_reactions_are_forbidden(
    stage: Stage, app: App, closed: simcord.ChannelHandle
) -> None:
    shown = await describe(stage, closed)
    assert shown.reactions == []
    assert buttons(shown) == ["👍", "👎"]
    refused = [request for request in stage.env.http_requests if "/reactions/" in request.path]
    assert refused == []  # it looked at the permissions first

    answer = await stage.ben.click(shown, custom_id="vote:up:1")
    assert answer.followups[-1].content.startswith("Your 👍 is noted")
    assert await tally(app) == VoteCounts(ups=1)

    await stage.ben.click(shown, custom_id="vote:down:1")
    assert await tally(app) == VoteCounts(downs=1)

    await stage.env.restart_bot(HeroBot(app))
    answer = await stage.ben.click(shown, custom_id="vote:down:1")
    assert answer.followups[-1].content == "Your 👎 is taken back."
    await stage.olga.slash(stage.channel, "settings language", language="de")
    answer = await stage.ben.click(shown, custom_id="vote:down:1")
    assert answer.followups[-1].content.startswith("Dein 👎 ist notiert")
    await stage.ben.click(shown, custom_id="vote:down:1")
    assert await tally(app) == VoteCounts()


async def test_unexpected_refusal_of_a_reaction_leads_to_buttons(stage: Stage) -> None:
    stage.env.inject_error("PUT", "/channels/*/reactions/*", status=403, code=50013)
    assert buttons(await describe(stage, stage.channel)) == ["👍", "👎"]


async def test_direct_message_has_buttons(stage: Stage, app: App) -> None:
    await stage.ana.user.slash("hero", hero="40 woman healing")
    shown = stage.ana.user.dm_channel.last_message
    assert shown is not None
    assert (shown.reactions, buttons(shown)) == ([], ["👍", "👎"])

    answer = await stage.ana.user.click(shown, custom_id="vote:up:1")
    assert "It does not count, because you asked for this text yourself." in answer.followups[-1].content
    assert await tally(app) == VoteCounts()  # the requester's own


async def press(person: simcord.MemberActor, message: discord.Message, thumb: str = "up") -> str:
    """Press a thumb, and return the second line of the answer: what the vote does."""
    custom_ids = [
        child.custom_id or ""
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for child in row.children
        if isinstance(child, discord.Button)
    ]
    answer = await person.click(
        message, custom_id=next(each for each in custom_ids if f"vote:{thumb}" in each)
    )
    return "\n".join(answer.followups[-1].content.split("\n")[1:])


async def test_a_vote_says_how_many_more_the_text_needs(stage: Stage, closed: simcord.ChannelHandle) -> None:
    shown = await describe(stage, closed)
    after = "By the votes so far, the bot may learn from this text after"
    assert await press(stage.ben, shown) == f"{after} 1 more 👍."
    assert await press(stage.olga, shown, "down") == f"{after} 3 more 👍."
    assert await press(stage.olga, shown) == "By the votes so far, the bot may learn from this text."
    await stage.olga.slash(stage.channel, "settings language", language="de")
    await stage.ben.click(shown, custom_id="vote:up:1")
    assert (
        await press(stage.ben, shown, "down")
        == "Nach den bisherigen Stimmen darf der Bot aus diesem Text nach 3 weiteren 👍 lernen."
    )


async def test_a_vote_on_a_text_that_does_not_train_says_so(
    stage: Stage, script: Script, closed: simcord.ChannelHandle
) -> None:
    script.texts = ["At the age of 30 she heals a bird, and it flies away."]
    shown = await describe(stage, closed)
    counts = "Votes here are for `/top` alone: the bot does not learn from this"
    assert await press(stage.ben, shown) == f"{counts} text (another age)."
    await stage.ana.slash(closed, "hero", hero="40 woman juggling")
    juggling = closed.last_message
    assert juggling is not None
    assert await press(stage.ben, juggling) == f"{counts} power."


@pytest.mark.settings(daily_votes=2)
async def test_a_vote_beyond_the_days_maximum_says_so(stage: Stage, closed: simcord.ChannelHandle) -> None:
    shown = [await describe(stage, closed) for _ in range(3)]
    said = [await press(stage.ben, message) for message in shown]
    assert [line.startswith("By the votes") for line in said] == [True, True, False]
    assert said[2] == "It does not count, because at most 2 votes of one person count a day (UTC)."
    assert (await press(stage.olga, shown[2])).startswith("By the votes")  # the limit is of each person


@pytest.mark.settings(account_days=366)
async def test_a_vote_of_a_young_account_says_so(stage: Stage, closed: simcord.ChannelHandle) -> None:
    shown = await describe(stage, closed)
    new = stage.env.guild.add_member(stage.env.create_user("new"))
    assert "because your Discord account is younger than 366 days" in await press(new, shown)


async def test_an_outlier_reads_the_same_as_others(
    stage: Stage, app: App, closed: simcord.ChannelHandle
) -> None:
    """Whoever votes against everybody must not learn from a figure that their votes do not count."""
    ids = await describe_quietly(app, 12)
    voters = [f"voter {number}" for number in range(4)]
    outlier = app.pseudonyms.of(stage.ben.id)
    await cast(app, [row(each, voter, -1) for each in ids for voter in voters])
    await cast(app, [row(each, outlier, 1) for each in ids])
    assert (await app.scores.snapshot()).rule.without == {outlier}
    shown = await describe(stage, closed)
    after = "By the votes so far, the bot may learn from this text"
    assert await press(stage.ben, shown) == f"{after} after 1 more 👍."
    assert await press(stage.olga, shown) == f"{after}."


async def test_a_failure_after_the_vote_is_stored_is_logged_and_the_vote_confirmed(
    stage: Stage, app: App, closed: simcord.ChannelHandle, caplog: pytest.LogCaptureFixture
) -> None:
    shown = await describe(stage, closed)
    await app.guild_settings.reset(HOME)
    async with app.db.write() as tx:  # neither what the text lacks nor the language can be read any more
        await tx.exec_driver_sql("ALTER TABLE power RENAME TO power_gone")
        await tx.exec_driver_sql("ALTER TABLE guild_setting RENAME TO guild_setting_gone")
    assert await press(stage.ben, shown) == ""
    assert await tally(app) == VoteCounts(ups=1)
    assert "what a vote on description 1 does could not be told" in caplog.text
    assert "the person's language could not be looked up" in caplog.text


async def test_button_of_a_deleted_description_is_refused(
    stage: Stage, closed: simcord.ChannelHandle
) -> None:
    channel = stage.env.bot.get_channel(closed.id)
    assert isinstance(channel, discord.TextChannel)
    view = discord.ui.View(timeout=None)
    view.add_item(ThumbButton("up", 999))
    await channel.send("a description", view=view)

    answer = await stage.ben.click(closed.history()[-1], custom_id="vote:up:999")
    assert (
        answer.followups[-1].content
        == "This description is gone, so you cannot vote on it. Ask for a new one with `/hero`."
    )


@pytest.mark.settings(reports_to_hide=1)
async def test_hidden_description_takes_no_votes(
    stage: Stage, app: App, closed: simcord.ChannelHandle
) -> None:
    pressed, clicked = await describe(stage, closed), await describe(stage, stage.channel)
    await stage.ben.click(pressed, custom_id="vote:up:1")
    for number in (1, 2):
        await app.content_reports.report(number, stage.olga.id)

    answer = await stage.ben.click(pressed, custom_id="vote:down:1")
    assert (
        answer.followups[-1].content
        == "This description is gone, so you cannot vote on it. Ask for a new one with `/hero`."
    )
    await stage.ben.react(clicked, "👍")
    assert await tally(app) == VoteCounts(ups=1)  # from before

    await app.content_reports.keep(2)
    await stage.ben.unreact(clicked, "👍")
    await stage.ben.react(clicked, "👍")
    assert await tally(app) == VoteCounts(ups=2)


async def test_buttons_return_when_a_hidden_description_is_kept(
    stage: Stage, app: App, closed: simcord.ChannelHandle
) -> None:
    await describe(stage, closed)
    await app.content_reports.report(1, stage.olga.id)
    kept = await app.content_reports.keep(1)
    assert isinstance(stage.env.bot, HeroBot)
    assert await refresh_message(stage.env.bot, kept)
    await stage.ben.click(closed.history()[-1], custom_id="vote:up:1")
