"""What Discord says of the bot, asked through discord.py's own client at a local server."""

from collections.abc import AsyncIterator

import discord
import pytest

from bot.connection.account import ask_account, known_account
from bot.connection.invite import PERMISSIONS
from bot.errors import LoginRefused
from tests.conftest import HOME, Stage
from tests.support.scripted_discord import ScriptedDiscord, scripted_discord

TOKEN = "MTA0.GtoKen.secret-part_of-it"  # noqa: S105
CHANNEL = 77


@pytest.fixture
async def discord_() -> AsyncIterator[ScriptedDiscord]:
    async with scripted_discord() as script:
        yield script


async def test_a_bot_with_all_its_permissions(discord_: ScriptedDiscord) -> None:
    discord_.guilds[HOME] = PERMISSIONS.value
    discord_.channels[CHANNEL] = HOME, 0
    discord_.profile = {"terms_of_service_url": "https://example.org/terms"}

    account = await ask_account(TOKEN, [HOME], [CHANNEL])

    assert account.guilds == {HOME: ()}
    assert account.channels == {CHANNEL: ()}
    assert account.names == {HOME: "Home", CHANNEL: "heroes"}
    assert account.missing_intents == ()
    assert account.starts_left == 1000
    assert (account.terms_url, account.privacy_url) == ("https://example.org/terms", None)
    assert account.clock_ahead is not None
    assert abs(account.clock_ahead) < 30
    assert discord_.syncs == []


async def test_what_is_missing_in_a_channel_is_named_as_discord_names_it(discord_: ScriptedDiscord) -> None:
    discord_.guilds[HOME] = PERMISSIONS.value & ~discord.Permissions(attach_files=True).value
    discord_.channels[CHANNEL] = HOME, discord.Permissions(add_reactions=True, view_channel=True).value
    discord_.closed.add(78)
    discord_.clock_skew = 4000

    account = await ask_account(TOKEN, [HOME, 5], [CHANNEL, 78, 79])

    assert account.guilds == {HOME: ("Attach Files",), 5: None}
    lacking = account.channels[CHANNEL]
    assert lacking is not None
    assert {"Add Reactions", "View Channels", "Attach Files"} <= set(lacking)
    assert account.channels[78] == ("View Channels",)
    assert account.channels[79] is None
    assert account.clock_ahead is not None
    assert 3900 < account.clock_ahead < 4100


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((401, "application/json", '{"message": "401: Unauthorized", "code": 0}'), "refuses DISCORD_TOKEN"),
        ((200, "text/html", "<html>Welcome to our hotel</html>"), "is not Discord"),
    ],
)
async def test_a_refusal_has_the_sentence_of_a_start(
    discord_: ScriptedDiscord, answer: tuple[int, str, str], sentence: str
) -> None:
    discord_.login = answer
    with pytest.raises(LoginRefused, match=sentence):
        await ask_account(TOKEN, [], [])


async def test_a_running_bot_knows_the_same_without_asking(stage: Stage) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    account = known_account(stage.env.bot, [HOME, 5], [stage.channel.id, 6], clock_ahead=0.5)
    assert account.guilds[5] is None
    assert account.guilds[HOME] is not None
    assert account.names[HOME] == "Home"
    assert account.names[stage.channel.id] == "heroes"
    assert stage.channel.id in account.channels
    assert 6 not in account.channels
    assert account.missing_intents == ()
    assert account.clock_ahead == 0.5
