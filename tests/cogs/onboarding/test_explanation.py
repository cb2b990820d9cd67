"""What thumbs are for: said with the first hero of a server."""

import asyncio

import pytest
import simcord

from bot.app import App
from bot.client import HeroBot
from tests.conftest import Stage

TEXT = "This is the first hero here. 👍 and 👎"


def fresh(stage: Stage) -> tuple[simcord.ChannelHandle, list[simcord.MemberActor]]:
    guild = stage.env.create_guild(name="Fresh")
    channel = guild.create_text_channel("general")
    return channel, [guild.add_member(stage.env.create_user(name)) for name in ("eve", "fay")]


def notes(result: simcord.InteractionResult) -> list[str]:
    return [each.content for each in result.followups if each.ephemeral]


async def test_the_first_hero_explains_thumbs_to_who_asked(stage: Stage, app: App) -> None:
    channel, (eve, fay) = fresh(stage)
    await eve.send(channel, f"<@{stage.env.bot.user.id}> 41 man flying")  # type: ignore[union-attr]
    first = await eve.slash(channel, "hero", hero="40 woman healing")
    assert first.response is not None
    assert first.response.embeds  # the hero, in a message of its own
    (note,) = notes(first)
    assert TEXT in note

    assert notes(await fay.slash(channel, "hero", hero="40 woman healing")) == []
    await stage.env.restart_bot(HeroBot(app))
    assert notes(await fay.slash(channel, "hero", hero="40 woman healing")) == []


async def test_two_first_heroes_at_once_explain_once(app: App) -> None:
    claims = await asyncio.gather(*(app.onboarding.claim_explanation(5) for _ in range(3)))
    assert sorted(claims) == [False, False, True]
    app.onboarding.release_explanation(5)  # nobody could be told
    assert await app.onboarding.claim_explanation(5)


async def test_direct_messages_and_known_servers_are_told_nothing(stage: Stage) -> None:
    assert notes(await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")) == []
    eve = stage.env.create_user("eve")
    assert notes(await eve.slash("hero", hero="40 woman healing")) == []


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(duel_share=1)
async def test_a_duel_explains_nothing(stage: Stage) -> None:
    channel, (eve, _) = fresh(stage)
    assert notes(await eve.slash(channel, "hero", hero="40 woman healing")) == []
