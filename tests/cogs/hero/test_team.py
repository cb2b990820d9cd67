"""/team: the real bot in a simulated Discord."""

import pytest

from bot.app import App, open_app
from bot.errors import NotUnderstood, TooMany
from bot.settings import Settings
from bot.store import teams
from bot.store.descriptions import Description, get_by_message
from tests.conftest import HOME, Stage
from tests.support.scripted_server import Script


async def test_smoke(stage: Stage, app: App, script: Script) -> None:
    result = await stage.ana.slash(stage.channel, "team", heroes="40 woman healing")
    assert result.response is not None
    print(result.response.embeds[0].to_dict())
    for a in script.asked:
        print(a)
    await stage.ben.slash(stage.channel, "hero", hero="40 woman healing")
    for i in range(6):
        await stage.ben.slash(stage.channel, "story")
        print(stage.channel.history()[-1].content, [e.to_dict() for e in stage.channel.history()[-1].embeds])
    assert 0
