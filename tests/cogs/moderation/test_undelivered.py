"""Reports while there is neither an admin channel nor a job's: who is told of them, and how."""

import discord
import simcord

from bot.app import App
from bot.client import HeroBot
from tests.conftest import Stage
from tests.support.reports import description, hero, report
from tests.support.streaming import labels


async def own_application(stage: Stage, member: simcord.MemberActor) -> None:
    """Let the application belong to a member: in the simulated Discord it belongs to the bot itself."""
    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    assert bot.application is not None
    bot.application.owner = await bot.fetch_user(member.id)
    bot.owner_id = member.id


async def test_the_owner_is_told_by_direct_message_and_decides_there(stage: Stage, app: App) -> None:
    await own_application(stage, stage.ana)
    await report(stage.ben, await hero(stage), words="It is rude")

    await stage.env.advance_time(11)

    (notice,) = stage.ana.user.dm_channel.history()
    assert f"\n> {(await description(app)).text}\n" in notice.content
    assert "A report says: “It is rude”" in notice.content
    assert [each.content for each in stage.channel.history() if "Somebody reported" in each.content] == []
    await stage.ana.user.click(notice, label="Remove")
    assert (await description(app)).removed_at is not None


async def test_operators_see_the_oldest_report_under_their_commands(stage: Stage, app: App) -> None:
    first, second = [await hero(stage) for _ in range(2)]
    await report(stage.ben, first)
    await report(stage.ben, second)
    await stage.env.advance_time(11)  # the owner takes no direct messages

    shown = await stage.olga.slash(stage.channel, "models list")

    (told,) = shown.followups
    assert told.ephemeral
    assert told.content.startswith("📥 2 reports wait for a decision, and there is no channel for them")
    assert f"\n> {(await description(app)).text}\n" in told.content
    assert labels(told.message) == ["Remove", "Keep"]
    await stage.olga.click(told, label="Keep")
    shown = await stage.olga.slash(stage.channel, "settings show")
    assert shown.followups[-1].content.startswith("📥 1 report waits for a decision")
    await stage.olga.click(shown.followups[-1], label="Remove")
    assert (await stage.olga.slash(stage.channel, "models list")).followups == []


async def test_nobody_else_sees_that_reports_wait(stage: Stage) -> None:
    await report(stage.ben, await hero(stage))
    await stage.env.advance_time(11)
    assert (await stage.ana.slash(stage.channel, "help")).followups == []
    other = stage.env.create_guild(name="Elsewhere")
    channel = other.create_text_channel("general")
    manager = other.create_role("chief", permissions=discord.Permissions(manage_guild=True))
    chief = other.add_member(stage.env.create_user("chief"), roles=[manager])
    assert (await chief.slash(channel, "settings show")).followups == []


async def test_a_report_that_waited_goes_to_the_channel_of_the_first_job(stage: Stage) -> None:
    await report(stage.ben, await hero(stage))
    await stage.env.advance_time(11)

    await stage.build()
    await stage.env.advance_time(11)

    notices = [each for each in stage.channel.history() if "Somebody reported" in each.content]
    assert len(notices) == 1
    assert (await stage.olga.slash(stage.channel, "models list")).followups == []
