"""Logins that fail, through discord.py's own HTTP client and a local server; and the pauses after them."""

import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.app import App
from bot.client import HeroBot
from bot.connection.failed_starts import FailedStarts
from bot.connection.login import ReconnectFilter, refusal_of
from bot.errors import LoginRefused
from tests.conftest import Stage
from tests.support.scripted_discord import ScriptedDiscord, scripted_discord

TOKEN = "MTA0.GtoKen.secret-part_of-it"  # noqa: S105
CLOUDFLARE = "<!doctype html><html><title>Error 1015: You are being rate limited</title></html>"
JSON, HTML = "application/json", "text/html"


@pytest.fixture
async def discord_() -> AsyncIterator[ScriptedDiscord]:
    async with scripted_discord() as script:
        yield script


async def refusal(app: App, token: str = TOKEN) -> LoginRefused:
    """Start the bot, and return why it was not let in."""
    async with HeroBot(app) as bot:
        with pytest.raises(LoginRefused) as caught:
            await bot.serve(token)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "sentence", "lasting"),
    [
        ((401, JSON, '{"message": "401: Unauthorized", "code": 0}'), "Discord refuses DISCORD_TOKEN", True),
        ((429, HTML, CLOUDFLARE), "limits how often this address may ask (429)", False),
        ((429, JSON, '{"message": "limited", "retry_after": 9}'), "limits how often", False),  # no Via header
        ((403, HTML, CLOUDFLARE), "A firewall before Discord turns this machine away (403)", False),
        ((404, HTML, "<html>nginx</html>"), "A firewall before Discord turns this machine away (404)", False),
        ((503, HTML, "<html>down</html>"), "Discord is in trouble (503)", False),
        ((520, "text/plain", "error code: 520"), "Discord is in trouble (520)", False),
        (
            (403, JSON, '{"message": "Verify\\nyour account", "code": 40002}'),
            "code 40002): Verify your",
            False,
        ),
        ((200, HTML, "<html>Welcome to our hotel</html>"), "is not Discord: a proxy", False),
        ((200, JSON, "<html>"), "is not Discord: a proxy", False),
        ((200, JSON, "[]"), "is not Discord: a proxy", False),
        ((200, JSON, "{}"), "is not Discord: a proxy", False),
    ],
)
async def test_each_refusal_has_a_sentence(
    app: App,
    discord_: ScriptedDiscord,
    answer: tuple[int, str, str],
    sentence: str,
    lasting: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    discord_.login = answer

    refused = await refusal(app)

    assert sentence in str(refused)
    assert refused.lasting is lasting
    assert TOKEN not in str(refused) + caplog.text
    assert "<html" not in str(refused)
    assert "\n" not in str(refused)


@pytest.mark.parametrize("token", ['"MTA0.abc.def"', "MTA0 abc", "MTA0.abc\u200b.def", "tok\nen", "…", ""])
async def test_what_cannot_be_a_token_is_not_sent(app: App, discord_: ScriptedDiscord, token: str) -> None:
    refused = await refusal(app, token)
    assert "characters that no token has" in str(refused)
    assert refused.lasting
    assert discord_.syncs == []


@pytest.mark.parametrize("token", ["foo", "abc.def.ghi"])
async def test_what_does_not_begin_with_an_id_is_not_sent(
    app: App, discord_: ScriptedDiscord, token: str
) -> None:
    refused = await refusal(app, token)
    assert "does not look like a bot's token" in str(refused)
    assert refused.lasting
    assert discord_.syncs == []


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        ("http://discord.invalid", "name cannot be looked up"),
        ("http://127.0.0.1:9", "Discord cannot be reached"),
        ("https", "its certificate is not trusted here"),  # a server that does not speak TLS
    ],
)
async def test_networks_in_trouble_have_a_sentence(
    app: App, discord_: ScriptedDiscord, monkeypatch: pytest.MonkeyPatch, base: str, sentence: str
) -> None:
    assert discord_
    address = discord.http.Route.BASE.replace("http:", "https:") if base == "https" else base
    with monkeypatch.context() as patched:  # ends before the fixture does, which restores the address, too
        patched.setattr(discord.http.Route, "BASE", address)
        assert sentence in str(await refusal(app))


async def test_used_up_starts_end_before_discord_revokes_the_token(
    app: App, discord_: ScriptedDiscord
) -> None:
    discord_.starts_left = 0
    refused = await refusal(app)
    assert "allows 1000 starts a day, and they are used up: the next is possible in 2.5 hours" in str(refused)
    assert refused.lasting


def closed(code: int) -> discord.ConnectionClosed:
    socket: Any = SimpleNamespace(close_code=code)
    return discord.ConnectionClosed(socket, shard_id=None, code=code)


@pytest.mark.parametrize(
    ("error", "sentence", "lasting"),
    [
        (closed(4004), "Discord refuses DISCORD_TOKEN", True),
        (closed(4011), "too many servers", True),
        (closed(4013), "update Herosmith", True),
        (closed(4014), "Privileged Gateway Intents", True),
        (discord.PrivilegedIntentsRequired(None), "Privileged Gateway Intents", True),
        (closed(4000), "code 4000", False),
        (discord.GatewayNotFound(), "names no gateway", False),  # type: ignore[no-untyped-call]
        (aiohttp.ServerDisconnectedError(), "cannot be reached: Server disconnected", False),
        (TimeoutError(), "cannot be reached: TimeoutError", False),
    ],
)
def test_the_gateways_refusals_have_a_sentence(error: Exception, sentence: str, lasting: bool) -> None:
    refused = refusal_of(error)
    assert refused is not None
    assert sentence in str(refused)
    assert refused.lasting is lasting


async def test_a_defect_is_no_refusal(app: App, discord_: ScriptedDiscord) -> None:
    """Only what keeps the bot out is worded; a defect of its own has its traceback."""
    assert discord_
    assert refusal_of(KeyError("x")) is None

    class Defective(HeroBot):
        async def connect(self, *, reconnect: bool = True) -> None:
            raise KeyError(f"x{reconnect}")

    async with Defective(app) as bot:
        with pytest.raises(KeyError):
            await bot.serve(TOKEN)


def test_a_lost_connection_is_one_line_without_traceback(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("discord.client")
    shortened = ReconnectFilter()
    logger.addFilter(shortened)
    try:
        raise aiohttp.ClientConnectionError("no route")
    except aiohttp.ClientError:
        logger.exception("Attempting a reconnect in %.2fs", 1.5)
    finally:
        logger.removeFilter(shortened)
    (record,) = caplog.records
    assert record.getMessage() == (
        "the connection to Discord broke (ClientConnectionError: no route); Attempting a reconnect in 1.50s"
    )
    assert "Traceback" not in caplog.text


def test_pauses_grow_from_start_to_start(tmp_path: Path) -> None:
    file = tmp_path / "failed_starts.json"
    pauses = [FailedStarts(file).add(first=2, longest=900) for _ in range(12)]
    assert pauses[:4] == [2, 4, 8, 16]
    assert pauses[-3:] == [900, 900, 900]

    FailedStarts(file).reset()
    FailedStarts(file).reset()
    assert FailedStarts(file).add(first=2, longest=900) == 2


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "not json",
        "[]",
        '{"failures": "many", "at": 1}',
        '{"failures": 9}',
        json.dumps({"failures": 9, "at": 0}),
        '{"failures": -5, "at": NOW}',
        "\x00\x00",
    ],
)
def test_a_foreign_broken_or_old_file_counts_for_nothing(tmp_path: Path, kept: str) -> None:
    file = tmp_path / "failed_starts.json"
    file.write_text(kept.replace("NOW", str(time.time())))
    assert FailedStarts(file).add(first=2, longest=900) == 2
    assert FailedStarts(file).add(first=2, longest=900) == 4


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    starts = FailedStarts(tmp_path / "missing" / "failed_starts.json")
    assert starts.add(first=2, longest=900) == 2
    assert "cannot be written" in caplog.text


async def test_a_good_start_resets_the_pause(stage: Stage, app: App) -> None:
    file = app.settings.data_dir / "failed_starts.json"
    FailedStarts(file).add(first=2, longest=900)
    await stage.env.restart_bot(HeroBot(app))
    assert not file.exists()
