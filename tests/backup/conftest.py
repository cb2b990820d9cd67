"""An installation with a live model, a candidate, and their files as the engine keeps them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import App, open_app
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP
from bot.settings import Settings
from tests.support.backups import ANN, BOB, add_model_files


@pytest.fixture
async def app(settings: Settings, two_models: None) -> AsyncIterator[App]:  # noqa: ARG001 (made before)
    async with open_app(settings) as opened:
        yield opened


@pytest.fixture
async def shown(app: App) -> int:
    """Return the id of a description on which two people have voted."""
    described = await app.describer.describe(Hero(40, "woman", "healing"), requester=ANN)
    await app.votes.toggle(described.id, ANN, UP)
    await app.votes.toggle(described.id, BOB, DOWN)
    return described.id


@pytest.fixture
async def model_files(app: App, settings: Settings) -> list[Path]:
    """Return the folders of both models' files."""
    return [add_model_files(settings.data_dir, model.name) for model in await app.registry.all()]
