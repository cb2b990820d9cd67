"""Another take, picks between it and the text before: the real bot in a simulated Discord."""

import discord
import pytest

from bot.app import App
from tests.conftest import Stage
from tests.support.scripted_server import Script, describe

pytestmark = pytest.mark.usefixtures("two_models")


async def test_it(stage: Stage, app: App, script: Script) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    shown = stage.channel.history()[-1]
    chooser = await stage.ben.click(shown, label="Another take")
    print(chooser.response.content, [b.label for r in chooser.response.components for b in r.children])
    print(script.asked[-1])
    await stage.ben.click(chooser.response.message, label="Funny")
    take = stage.channel.history()[-1]
    print(script.asked[-1])
    print(take.content, [e.to_dict() for e in take.embeds], [b.label for r in take.components for b in r.children])
    r = await stage.olga.click(take, label="I like this take better")
    print(r.followups[-1].content)
    r = await stage.olga.click(take, label="I like the one before better")
    print(r.followups[-1].content)
    r = await stage.ana.context_menu(stage.channel, "How was this made?", take)
    print(r.response.embeds[0].to_dict())
