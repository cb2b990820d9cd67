"""Reports while there is neither an admin channel nor a job's: who is told of them, and how."""

import discord
import pytest
import simcord

from bot.app import App
from bot.client import HeroBot
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel
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


async def test_a_notice_by_direct_message_still_quotes_the_text_when_it_is_renewed(
    stage: Stage, app: App
) -> None:
    await own_application(stage, stage.ana)
    message = await hero(stage)
    thanked = await report(stage.ben, message, words="It is rude")
    await stage.env.advance_time(11)
    await stage.build()  # from now on, notices go to this channel
    for words in ("It is still rude", "And again"):
        await stage.ben.click(thanked.followups[0], label="Take it back")

        thanked = await report(stage.ben, message, words=words)
        await stage.env.advance_time(11)

        (notice,) = stage.ana.user.dm_channel.history()
        assert f"\n> {(await description(app)).text}\n" in notice.content
        assert f"A report says: “{words}”" in notice.content
        assert labels(notice) == ["Remove", "Keep"]


async def test_a_notice_by_direct_message_that_is_sent_anew_in_a_channel_does_not_quote_the_text(
    stage: Stage, app: App
) -> None:
    await own_application(stage, stage.ana)
    message = await hero(stage)
    thanked = await report(stage.ben, message, words="It is rude")
    await stage.env.advance_time(11)
    (notice,) = stage.ana.user.dm_channel.history()
    stage.env.backend.delete_message(notice.channel.id, notice.id)
    await stage.build()
    await stage.ben.click(thanked.followups[0], label="Take it back")

    await report(stage.ben, message, words="It is still rude")
    await stage.env.advance_time(11)

    assert stage.ana.user.dm_channel.history() == []
    (anew,) = [each for each in stage.channel.history() if "Somebody reported" in each.content]
    assert (await description(app)).text not in anew.content
    assert "rude" not in anew.content
    assert labels(anew) == ["Show the text", "Remove", "Keep"]


async def test_a_notice_that_its_channel_refuses_quotes_the_text_in_the_direct_message(
    stage: Stage, app: App
) -> None:
    await own_application(stage, stage.ana)
    await stage.build()
    await stage.env.advance_time(3)  # the message of the build
    await report(stage.ben, await hero(stage), words="It is rude")
    path = f"/channels/{stage.channel.id}/messages"
    stage.env.inject_error("POST", path, status=403, code=50013, times=None)

    await stage.env.advance_time(11)

    (notice,) = stage.ana.user.dm_channel.history()
    assert f"\n> {(await description(app)).text}\n" in notice.content
    assert "A report says: “It is rude”" in notice.content


async def test_a_report_is_told_at_once_though_an_earlier_one_that_was_taken_back_waits(stage: Stage) -> None:
    message = await hero(stage)
    thanked = await report(stage.ben, message)
    await stage.env.advance_time(11)  # the owner takes no direct messages: the next try is tomorrow
    await stage.ben.click(thanked.followups[0], label="Take it back")
    await own_application(stage, stage.ana)

    await report(stage.ben, message)
    await stage.env.advance_time(11)

    assert len(stage.ana.user.dm_channel.history()) == 1


@pytest.mark.parametrize("gone", [True, False])
async def test_operators_are_told_to_check_an_admin_channel_that_takes_no_messages(
    stage: Stage, admins: AdminChannel, gone: bool
) -> None:
    if gone:
        stage.env.backend.delete_channel(admins.channel.id)
    else:
        path = f"/channels/{admins.channel.id}/messages"
        stage.env.inject_error("POST", path, status=403, code=50001, times=None)
    await report(stage.ben, await hero(stage))
    await stage.env.advance_time(11)

    (told,) = (await stage.olga.slash(stage.channel, "models list")).followups

    assert told.content.startswith(
        "📥 1 report waits for a decision, and Discord takes it in no channel: check `ADMIN_CHANNEL`"
    )
    assert labels(told.message) == ["Remove", "Keep"]


async def test_a_notice_that_the_admin_channel_refuses_quotes_the_text_in_the_direct_message(
    stage: Stage, app: App, admins: AdminChannel
) -> None:
    await own_application(stage, stage.ana)
    path = f"/channels/{admins.channel.id}/messages"
    stage.env.inject_error("POST", path, status=403, code=50001, times=None)
    await report(stage.ben, await hero(stage))

    await stage.env.advance_time(11)

    (notice,) = stage.ana.user.dm_channel.history()
    assert f"\n> {(await description(app)).text}\n" in notice.content
