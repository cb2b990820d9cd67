"""A model that was trained in the playground answers in Discord, once its folder is copied."""

import shutil

import pytest

from bot.app import open_app
from bot.settings import Settings
from tests.cogs.hero.test_cog import tune


@pytest.mark.sqlite("it is what the playground has")
@pytest.mark.usefixtures("script")
async def test_the_playgrounds_folder_is_that_of_a_bot_in_discord(settings: Settings) -> None:
    playground = settings.within("playground")
    async with open_app(playground) as app:
        await tune(app)
        trained = await app.registry.live()
    shutil.copytree(playground.data_dir, settings.data_dir, dirs_exist_ok=True)
    async with open_app(settings) as app:
        assert trained is not None
        assert await app.registry.live() == trained
