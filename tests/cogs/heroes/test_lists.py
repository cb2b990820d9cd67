"""/heroes mine, of and favourites: the real bot in a simulated Discord."""

from typing import Any

import pytest
import simcord
from sqlalchemy import event, select, update
from sqlalchemy.engine import Engine

from bot.app import App
from bot.client import HeroBot
from bot.community.hero_lists import ListRequest, power_key
from bot.errors import UserError
from bot.rating.duels import Pairing
from bot.store.schema import bookmark, description
from tests.conftest import HOME, Stage
from tests.support.duels import two_models


async def describe(app: App, who: int, typed: str, *, guild_id: int | None = HOME) -> int:
    hero = app.heroes.vocabulary.parse(typed)
    return (await app.describer.describe(hero, requester=who, guild_id=guild_id)).id


async def shown(stage: Stage, who: simcord.MemberActor, command: str, **options: Any) -> Any:
    result = await who.slash(stage.channel, f"heroes {command}", **options)
    assert result.ephemeral
    assert result.response is not None
    return result.response.message


def text_of(message: Any) -> str:
    embed = message.embeds[0]
    return f"{embed.title}\n{embed.description}\n{embed.footer.text if embed.footer else ''}"


async def test_mine(stage: Stage, app: App) -> None:
    message = await shown(stage, stage.ana, "mine")
    print(text_of(message))
    for age in range(20, 32):
        await describe(app, stage.ana.id, f"{age} woman healing")
    message = await shown(stage, stage.ana, "mine")
    print(text_of(message))
    await stage.ana.click(message, label="▶")
    print(text_of(message))
