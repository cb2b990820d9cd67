"""A channel for admins in the simulated Discord, which a setting must name before the bot starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import simcord

from bot.app import App, open_app
from bot.client import HeroBot
from bot.settings import Settings
from tests.conftest import Stage


@dataclass
class AdminChannel:
    """The channel, and the app whose bot writes to it."""

    channel: simcord.ChannelHandle
    app: App


@asynccontextmanager
async def admin_channel(stage: Stage, settings: Settings) -> AsyncIterator[AdminChannel]:
    """Create the channel, and restart the bot with settings that name it."""
    channel = stage.env.guild.create_text_channel("admins")
    async with open_app(settings.model_copy(update={"admin_channel": channel.id})) as app:
        await stage.env.restart_bot(HeroBot(app))
        yield AdminChannel(channel, app)
