"""The bot without a connection: its commands can be listed, for translators and for the documentation."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.app import open_app
from bot.client import HeroBot
from bot.settings import Settings


@asynccontextmanager
async def offline_bot(settings: Settings) -> AsyncIterator[HeroBot]:
    """Load the features into a bot on an empty data folder, which is removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = settings.model_copy(update={"data_dir": Path(folder), "database_url": None})
        async with open_app(fresh) as app, HeroBot(app) as bot:
            await bot.load_features()
            yield bot
