"""A message of the bot's with buttons of given custom ids, as an older message carries them."""

import discord
import simcord

from tests.conftest import Stage


async def message_with(stage: Stage, *custom_ids: str) -> simcord.ResponseMessage:
    """Send the message and return it."""
    view = discord.ui.View(timeout=None)
    for each in custom_ids:
        view.add_item(discord.ui.Button(custom_id=each, label=each))
    view.stop()  # or this view would answer in place of the registered buttons
    channel = stage.env.bot.get_channel(stage.channel.id)
    assert isinstance(channel, discord.TextChannel)
    sent = await channel.send("buttons", view=view)
    return simcord.ResponseMessage(stage.env, stage.env.backend.get_message(stage.channel.id, sent.id))
