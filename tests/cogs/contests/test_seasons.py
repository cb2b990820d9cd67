"""/season: the real bot in a simulated Discord, on a clock that the test moves."""

import simcord

from bot.app import App
from bot.client import HeroBot
from tests.cogs.contests.conftest import Clock, describe
from tests.conftest import HOME, Stage


async def season(stage: Stage, command: str) -> simcord.InteractionResult:
    return await stage.olga.slash(stage.channel, f"season {command}")


async def text_of(stage: Stage, command: str) -> str:
    result = await season(stage, command)
    assert result.response is not None
    return result.response.content


async def test_a_season_is_begun_followed_and_ended_once(stage: Stage, app: App, clock: Clock) -> None:
    await season(stage, "show")
    assert "no season yet" in stage.refusal()
    await season(stage, "end")
    assert "No season is open here" in stage.refusal()
    await stage.ana.slash(stage.channel, "top", period="season")
    assert "No season is open here" in stage.refusal()

    await describe(app, "60 man rage", clock.now - 1, ups=9)  # before it
    assert "Season 1 has begun" in await text_of(stage, "start")
    await season(stage, "start")
    assert "Season 1 is still open" in stage.refusal()
    for age, ups in ((31, 5), (32, 3), (33, 3), (34, 1)):
        await describe(app, f"{age} man flying", clock.now + age, ups=ups)
    await describe(app, "41 man flying", clock.now, ups=9, guild_id=HOME + 1)

    top = await stage.ana.slash(stage.channel, "top", period="season")
    assert top.response is not None
    assert top.response.embeds[0].title == "Hall of fame of this server: season 1"
    assert (top.response.embeds[0].description or "").startswith("**1. 31-year-old")

    clock.now += 86_400
    question = await season(stage, "end")
    assert question.ephemeral
    assert question.response is not None
    assert "End season 1" in question.response.content
    await stage.env.restart_bot(HeroBot(app))
    before = len(stage.channel.history())
    await stage.olga.click(question.response.message, label="End the season")
    (post,) = stage.channel.history()[before:]
    (embed,) = post.embeds
    assert embed.title == "🏆 The winners of season 1"
    lines = [line for line in (embed.description or "").split("\n") if not line.startswith(">")]
    assert [line[:3] for line in lines[1:4]] == ["🥇 *", "🥈 *", "🥈 *"]
    assert lines[4:] == ["Texts with as many votes share a place."]
    assert embed.fields[0].name == "Thank you"
    assert post.attachments  # the winner's card

    await season(stage, "end")
    assert "No season is open here" in stage.refusal()
    await describe(app, "50 woman telepathy", clock.now, ups=9)  # after it
    shown_again = await season(stage, "show")
    assert shown_again.response is not None
    assert "telepathy" not in (shown_again.response.embeds[0].description or "")
    assert "Season 2 has begun" in await text_of(stage, "start")


async def test_two_clicks_end_a_season_once_and_members_cannot(stage: Stage, app: App) -> None:
    await season(stage, "start")
    questions = [await season(stage, "end") for _ in range(2)]
    before = len(stage.channel.history())
    for question in questions:
        assert question.response is not None
        result = await stage.olga.click(question.response.message, label="End the season")
    assert "has ended already" in result.followups[-1].content
    (post,) = stage.channel.history()[before:]
    assert "Nobody liked a hero in this season." in (post.embeds[0].description or "")
    newest = await app.seasons.newest(HOME)
    assert newest is not None
    assert newest.ended_at is not None
    assert "season" not in " ".join(stage.ana.available_commands(stage.channel))
