"""The hero of the week: the real bot in a simulated Discord, on a clock that the test moves."""

import discord
import pytest
from sqlalchemy import select

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.settings import Settings
from bot.store.schema import member_setting, weekly_post
from cogs.moderation.reports import refresh_message
from tests.cogs.contests.conftest import Clock, at, describe
from tests.conftest import HOME, Stage

MONDAY = (2030, 1, 7)  # the day of the post; its week began on the last day of 2029


async def turn_on(stage: Stage, **options: object) -> str:
    """Let Olga have the hero of the week posted on Mondays at 18 in Berlin, and return the answer."""
    chosen = {"channel": stage.channel, "day": 0, "hour": 18, "time-zone": "europe/berlin", **options}
    result = await stage.olga.slash(stage.channel, "settings weekly", **chosen)
    assert result.ephemeral
    assert result.response is not None
    return result.response.content


async def minute(stage: Stage) -> None:
    """Let the bot look once for posts that are due."""
    await stage.env.advance_time(61)


async def rows(app: App) -> list[tuple[str, int | None, bool]]:
    """Return week, description and whether there is a message, of each row."""
    columns = weekly_post.c
    async with app.db.read() as tx:
        found = await tx.execute(select(columns.week, columns.description_id, columns.message_id))
        return [(row.week, row.description_id, row.message_id is not None) for row in found]


async def test_the_best_hero_of_the_week_is_posted_once(stage: Stage, app: App, clock: Clock) -> None:
    answer = await turn_on(stage)
    assert answer.startswith("The hero of the week is set.")
    assert f"Hero of the week: <#{stage.channel.id}>, Monday, 18:00" in answer
    assert "Time zone: Europe/Berlin" in answer
    midnight = at(*MONDAY) - 3600  # in Berlin
    best = await describe(app, "31 man flying", midnight - 1, ups=5)
    await describe(app, "40 woman healing", midnight - 7 * 86_400, ups=2)
    await describe(app, "50 woman telepathy", midnight - 7 * 86_400 - 1, ups=9)  # of the week before
    await describe(app, "60 man rage", midnight, ups=9)  # of the next
    await app.votes.simulate(best, str(stage.ana.id), "👍")
    async with app.db.write() as tx:
        row = {"person": app.pseudonyms.of(stage.ana.id), "user_id": stage.ana.id, "at": 0.0}
        await tx.execute(member_setting.insert().values(row))

    clock.set(*MONDAY, 16, 59)
    await minute(stage)
    assert stage.channel.history() == []
    clock.set(*MONDAY, 17, 0)
    await minute(stage)

    (post,) = stage.channel.history()
    (embed,) = post.embeds
    assert embed.title == "🏆 Hero of the week"
    assert (embed.description or "").startswith("**31-year-old man, flight** · 👍 6 👎 0\n> ")
    second, voters = embed.fields
    assert second.name == "Second place"
    assert second.value == "**40-year-old woman, healing** · 👍 2 👎 0"
    assert voters.value == (
        "6 people voted, with 8 votes that count. Of those who are named here, most came from **ana** "
        "(1 vote)."
    )
    assert "ask for a hero with /hero," in (embed.footer.text or "")
    assert post.mentions == []
    (card,) = post.attachments
    assert card.description  # the picture in words
    assert await rows(app) == [("2030-01-07", best, True)]

    await stage.env.restart_bot(HeroBot(app))
    await stage.olga.delete(post)
    await minute(stage)
    clock.set(*MONDAY, 19, 0)
    await turn_on(stage, hour=20)  # the same day again
    clock.set(*MONDAY, 20, 0)
    await minute(stage)
    assert stage.channel.history() == []
    clock.set(2030, 1, 14, 20, 0)
    await minute(stage)
    assert "rage" in (stage.channel.history()[0].embeds[0].description or "")


async def test_texts_with_the_same_votes_share_the_first_place(stage: Stage, app: App, clock: Clock) -> None:
    await turn_on(stage)
    await stage.olga.slash(stage.channel, "settings language", language="de")
    for age in range(31, 38):
        await describe(app, f"{age} man flying", at(2030, 1, 3), ups=2)
    clock.set(*MONDAY, 17, 0)
    await minute(stage)

    (embed,) = stage.channel.history()[0].embeds
    first, _, *others = (embed.description or "").split("\n")
    assert embed.title == "🏆 Helden der Woche: ein geteilter erster Platz"
    assert "37" in first  # the newest
    assert ["36" in others[1], "33" in others[4]] == [True, True]
    assert others[5] == "- … und andere mit ebenso vielen Stimmen"


@pytest.mark.parametrize(
    ("moment", "posted"),
    [
        ((2030, 1, 9, 16, 0), True),  # two days late
        ((2030, 1, 9, 18, 0), False),
    ],
)
async def test_a_post_is_made_up_for_within_two_days(
    stage: Stage, app: App, clock: Clock, moment: tuple[int, ...], posted: bool
) -> None:
    await turn_on(stage)
    await describe(app, "31 man flying", at(2030, 1, 3), ups=2)
    clock.set(*moment)
    await minute(stage)
    await minute(stage)
    assert len(stage.channel.history()) == int(posted)


async def test_nothing_is_posted_of_an_empty_week_or_before_its_first_hour_or_when_off(
    stage: Stage, app: App, clock: Clock
) -> None:
    clock.set(2030, 1, 2, 12, 0)
    assert "Also choose the channel" in await refused(stage, day=0)
    assert "I do not know the time zone Atlantis" in await refused(stage, **{"time-zone": "Atlantis"})
    await describe(app, "31 man flying", at(2030, 1, 1), ups=2)
    await turn_on(stage, day=2, hour=12, **{"time-zone": "UTC"})  # this minute: next week is the first
    await minute(stage)
    assert stage.channel.history() == []
    await turn_on(stage, day=2, hour=13, **{"time-zone": "UTC"})
    clock.set(2030, 1, 2, 13, 0)
    await describe(app, "40 woman healing", at(2030, 1, 2), ups=2)  # of today: not in the past week
    await minute(stage)
    assert "flight" in (stage.channel.history()[0].embeds[0].description or "")

    clock.set(2030, 1, 23, 13, 0)
    await minute(stage)
    assert await rows(app) == [("2030-01-02", 1, True), ("2030-01-23", None, False)]
    assert "not posted" in await turn_on(stage, day=7)
    clock.set(2030, 1, 9, 13, 0)
    await minute(stage)
    assert len(stage.channel.history()) == 1


async def refused(stage: Stage, **options: object) -> str:
    await stage.olga.slash(stage.channel, "settings weekly", **options)
    return stage.refusal()


@pytest.mark.parametrize("how", ["forbidden", "gone"])
async def test_a_channel_that_refuses_turns_it_off_and_admins_are_told_once(
    stage: Stage, app: App, settings: Settings, clock: Clock, how: str
) -> None:
    guild = stage.env.guild
    admins = guild.create_text_channel("admins")
    closed = guild.create_text_channel(
        "closed", overwrites={guild.default_role: discord.PermissionOverwrite(embed_links=False)}
    )
    await stage.olga.slash(stage.channel, "settings weekly", channel=closed)
    assert "I cannot post in" in stage.refusal()
    weekly = closed if how == "forbidden" else guild.create_text_channel("weekly")
    await turn_on(stage)
    await describe(app, "31 man flying", at(2030, 1, 3), ups=2)
    told = settings.model_copy(update={"admin_channel": admins.id})
    async with open_app(told, Timing(clock=clock)) as changed:
        await changed.guild_settings.change(HOME, weekly_channel=weekly.id)  # it was open then
        await stage.env.restart_bot(HeroBot(changed))
        if how == "gone":
            stage.env.backend.delete_channel(weekly.id)
        clock.set(*MONDAY, 17, 0)
        for _ in range(3):
            await minute(stage)

        (notice,) = admins.history()
        assert f"I could not post the hero of the week in <#{weekly.id}>" in notice.content
        result = await stage.olga.slash(stage.channel, "settings show")
        assert result.response is not None
        assert "Hero of the week: not posted" in result.response.content


async def test_an_outage_of_discord_is_waited_for(stage: Stage, app: App, clock: Clock) -> None:
    await turn_on(stage)
    await describe(app, "31 man flying", at(2030, 1, 3), ups=2)
    clock.set(*MONDAY, 17, 0)
    stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=503)
    await minute(stage)
    assert stage.channel.history() == []
    for _ in range(4):
        await minute(stage)
    assert len(stage.channel.history()) == 1


async def test_of_two_processes_one_posts_and_a_text_that_was_deleted_is_replaced(
    app: App, settings: Settings, clock: Clock
) -> None:
    best = await describe(app, "31 man flying", at(2030, 1, 3), ups=3, requester=8)
    second = await describe(app, "40 woman healing", at(2030, 1, 3), ups=2)
    await app.weekly_posts.configure(HOME, weekly_channel=1, weekly_day=0, weekly_hour=18)
    clock.set(*MONDAY, 18, 0)
    async with open_app(settings, Timing(clock=clock)) as other:
        (post,), (same) = await app.weekly_posts.list_due(), await other.weekly_posts.list_due()
        assert same == [post]
        result = await app.weekly_posts.claim(post)
        assert result is not None
        assert result.ids == [best, second]
        assert await other.weekly_posts.claim(post) is None
        assert await other.weekly_posts.list_due() == []

        assert await app.weekly_posts.is_current(result)
        await other.privacy.delete(8)
        assert not await app.weekly_posts.is_current(result)
        again = await app.weekly_posts.choose_again(post)
        assert again is not None
        assert again.ids == [second]
        await other.privacy.delete(7)
        assert await app.weekly_posts.choose_again(post) is None
    assert await rows(app) == [("2030-01-07", None, False)]


async def test_a_hero_that_operators_remove_leaves_the_post(stage: Stage, app: App, clock: Clock) -> None:
    await turn_on(stage)
    best = await describe(app, "31 man flying", at(2030, 1, 3), ups=2)
    clock.set(*MONDAY, 17, 0)
    await minute(stage)
    await app.content_reports.report(best, stage.ana.id)
    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    await refresh_message(bot, await app.content_reports.remove(best))  # as the button does
    await stage.env.settle()
    assert stage.channel.history() == []
