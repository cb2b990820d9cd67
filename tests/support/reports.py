"""Steps of tests of reports: ask for a hero, report it, read the notices."""

from datetime import UTC, datetime, timedelta

import discord
import simcord

from bot.app import App
from bot.store import descriptions
from bot.store.descriptions import Description
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel


def young_account() -> int:
    """Return the id of a new account, whose reports do not count."""
    return discord.utils.time_snowflake(datetime.now(UTC) - timedelta(days=1))


async def hero(stage: Stage, typed: str = "40 woman healing") -> discord.Message:
    await stage.ana.slash(stage.channel, "hero", hero=typed)
    message = stage.channel.last_message
    assert message is not None
    return message


async def description(app: App) -> Description:
    async with app.db.read() as tx:
        found = await descriptions.get(tx, 1)
    assert found is not None
    return found


def shown(stage: Stage) -> discord.Message:
    message = stage.channel.last_message
    assert message is not None
    return message


async def report(
    member: simcord.MemberActor,
    message: discord.Message,
    label: str = "Report",
    reason: str = "other",
    words: str = "",
) -> simcord.InteractionResult:
    """Click a report button and submit the form that asks once."""
    form = await member.click(message, label=label)
    assert form.modal is not None
    return await member.submit_modal(form, {"reason": [reason], "words": words})


async def notifications(stage: Stage, admins: AdminChannel) -> list[discord.Message]:
    """Return the messages in the admin channel, after all pending ones are sent."""
    await stage.env.advance_time(11)
    return admins.channel.history()


async def public_notice(stage: Stage) -> discord.Message:
    """Let ben report ana's hero while there is no admin channel, and return the notice in the channel."""
    await stage.build()
    await stage.env.advance_time(3)  # the message of the build
    await report(stage.ben, await hero(stage))
    await stage.env.advance_time(11)
    return next(message for message in stage.channel.history() if "Somebody reported" in message.content)
