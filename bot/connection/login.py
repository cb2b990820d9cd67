"""Login: why Discord does not let the bot in, in sentences for the owner."""

import asyncio
import logging
import re
import socket
import ssl
from dataclasses import dataclass

import aiohttp
import discord

from bot.connection.invite import application_id_of
from bot.errors import LoginRefused, OperatorError

_TOKEN = re.compile(r"[A-Za-z0-9._-]+")
_HTML = re.compile(r"\s*<")
_PORTAL = "https://discord.com/developers/applications"
_BAD_TOKEN = (
    "Discord refuses DISCORD_TOKEN. Make a new one (your application at "
    f"{_PORTAL}, Bot, Reset Token) and put it into .env."
)
_CLOSE_CODES = {
    4004: _BAD_TOKEN,
    4010: "Discord does not know such a shard: SHARD_IDS and SHARD_COUNT do not fit together.",
    4011: "The bot is in too many servers for so few shards: each takes up to 2,500. Raise SHARD_COUNT (the "
    "same for all processes), or leave it empty: Discord then decides, when the bot starts.",
    4013: "Discord does not know an intent that the bot asks for: update Herosmith.",
    4014: "Discord refuses a privileged intent. Switch on what the bot asks for: your application at "
    f"{_PORTAL}, Bot, Privileged Gateway Intents.",
}


def check_token(token: str) -> None:
    """Raise LoginRefused for what cannot be a bot's token, without asking Discord."""
    if not _TOKEN.fullmatch(token.strip()):
        raise LoginRefused(
            "DISCORD_TOKEN holds characters that no token has, perhaps a quotation mark or a blank. Copy it "
            f"anew (your application at {_PORTAL}, Bot, Reset Token) into .env.",
            lasting=True,
        )
    try:
        application_id_of(token)
    except OperatorError as error:
        raise LoginRefused(
            "DISCORD_TOKEN does not look like a bot's token, which begins with an application's id. Copy it "
            f"anew (your application at {_PORTAL}, Bot, Reset Token) into .env.",
            lasting=True,
        ) from error


@dataclass(frozen=True, slots=True)
class SessionLimit:
    """What Discord says before a bot connects.

    shards: into how many it would divide the servers; at_once: how many sessions may begin in five seconds.
    """

    shards: int
    at_once: int


async def check_session_limit(client: discord.Client, wanted: int | None = None) -> SessionLimit:
    """Raise LoginRefused if the day's sessions do not suffice: Discord revokes the token of who goes on.

    wanted: how many sessions begin, one for each shard; None: as many as Discord says.
    """
    shards, _url, limit = await client.http.get_bot_gateway()
    if limit["remaining"] >= (wanted or shards):
        return SessionLimit(shards, limit.get("max_concurrency") or 1)
    hours = limit["reset_after"] / 3_600_000
    if limit["remaining"]:
        raise LoginRefused(
            f"This start needs {wanted or shards} sessions, one for each shard, and of the {limit['total']} "
            f"that Discord allows a day {limit['remaining']} are left: the next are possible in {hours:.1f} "
            "hours.",
            lasting=True,
        )
    raise LoginRefused(
        f"Discord allows {limit['total']} starts a day, and they are used up: the next is possible in "
        f"{hours:.1f} hours. Something restarts the bot over and over; the log says what.",
        lasting=True,
    )


def refusal_of(error: Exception) -> LoginRefused | None:
    """Return the sentence for what a login or a connection raised; None for anything else, a defect."""
    if isinstance(error, LoginRefused):
        return error
    code = _close_code(error)
    if code in _CLOSE_CODES:
        return LoginRefused(_CLOSE_CODES[code], lasting=True)
    text = _passing_text(error, code)
    return LoginRefused(text) if text else None


def _close_code(error: Exception) -> int:
    """Return the gateway's code for why it ends a connection; 0 for other errors."""
    if isinstance(error, discord.LoginFailure):
        return 4004
    if isinstance(error, discord.PrivilegedIntentsRequired):
        return 4014
    return error.code if isinstance(error, discord.ConnectionClosed) else 0


def _passing_text(error: Exception, code: int) -> str | None:
    if isinstance(error, discord.ConnectionClosed):
        return f"Discord ended the connection (code {code})."
    if isinstance(error, discord.HTTPException):
        return _http_text(error)
    if isinstance(error, discord.GatewayNotFound):
        return "Discord names no gateway to connect to: it is in trouble, see https://discordstatus.com."
    return _network_text(error) if isinstance(error, (aiohttp.ClientError, OSError)) else None


def not_discord() -> LoginRefused:
    """Return the sentence for an answer that Discord's API cannot have given."""
    return LoginRefused(
        "What answers in Discord's place is not Discord: a proxy, a firewall or a network that wants a "
        "login of its own. Open https://discord.com/api/v10/gateway on this machine to see it."
    )


def _http_text(error: discord.HTTPException) -> str:
    if error.status == 429:
        return (
            "Discord limits how often this address may ask (429): too many starts, or others who share the "
            "address. The limit ends by itself, mostly within an hour."
        )
    if error.status >= 500:
        return (
            f"Discord is in trouble ({error.status}), see https://discordstatus.com. The start is repeated."
        )
    if _HTML.match(error.text):
        return (
            f"A firewall before Discord turns this machine away ({error.status}): an address that it blocks, "
            "a VPN or a proxy. Try another network."
        )
    reason = " ".join(error.text.split())[:200]
    return f"Discord refuses the login ({error.status}, code {error.code}): {reason}"


def _network_text(error: Exception) -> str:
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return (
            "The connection to Discord is not safe: its certificate is not trusted here. A proxy may stand "
            f"between, or this machine's clock or certificates are old. ({error})"
        )
    cause = error.__cause__ or error
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(cause, socket.gaierror):
        return f"Discord's name cannot be looked up: check this machine's network and DNS. ({error})"
    return f"Discord cannot be reached: {str(error) or type(error).__name__}"


class ReconnectFilter(logging.Filter):
    """Puts the cause of a lost connection into discord.py's own line, in place of a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, (OSError, aiohttp.ClientError, discord.DiscordException, asyncio.TimeoutError)):
            cause = f"the connection to Discord broke ({type(error).__name__}: {error})"
            record.msg, record.args = f"{cause}; {record.getMessage()}".replace("%", "%%"), ()
            record.exc_info = None
        return True
