"""Delivery: what happens to a message that Discord does not take. One policy for all that the bot sends.

What Discord refuses for good (a thread that is locked, a channel that is gone or closed to the bot, a deleted
message) is not tried again: the next way is taken, and what no way takes is logged. What only fails now (an
outage, a limit, the network) is tried again after growing pauses.
"""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import discord

from bot.client import HeroBot
from bot.errors import Undeliverable
from bot.i18n.message import ENGLISH, Translator, mark
from cogs.common.content import MessageContent
from cogs.common.locale import translator_in

log = logging.getLogger(__name__)

DISCORD_FAILURES = (discord.HTTPException, aiohttp.ClientError, OSError)
UNKNOWN_MESSAGE = 10008  # Discord's codes
_UNKNOWN_CHANNEL = 10003
_TOO_MANY_EDITS = 30046  # of an old message; its status, 429, says that it passes, but not for hours
_MISSING_PERMISSIONS, _TOO_LARGE = 50013, 40005
NOWHERE = mark("Discord refused the answer everywhere that you would see it.")


def is_temporary(error: Exception) -> bool:
    """Return whether the same request may succeed later; otherwise it is refused for good."""
    if not isinstance(error, discord.HTTPException):
        return True  # the network
    if error.code == _TOO_MANY_EDITS:
        return False
    blocked = error.text.lstrip().startswith("<")  # a page of the firewall before Discord
    return error.status >= 500 or error.status in (408, 429) or blocked


def is_gone(error: Exception) -> bool:
    """Return whether the message is deleted, or its channel with it: nobody sees it any more."""
    return isinstance(error, discord.HTTPException) and error.code in (_UNKNOWN_CHANNEL, UNKNOWN_MESSAGE)


class Way(Protocol):
    """One way to show a message: sent when it is first shown, edited from then on."""

    async def show(self, content: MessageContent) -> discord.Message:
        """Show the content in place of what was shown before. Raises discord.py's errors."""


class NewMessage:
    """A message of its own."""

    def __init__(self, send: Callable[..., Awaitable[discord.Message]]) -> None:
        self._send = send
        self._message: discord.Message | None = None

    async def show(self, content: MessageContent) -> discord.Message:
        if self._message is None:
            self._message = await self._send(**content.send_kwargs)
        else:
            self._message = await self._message.edit(**content.edit_kwargs)
        return self._message


class FirstOpenWay:
    """Shows a message in the first of several ways that Discord does not refuse for good."""

    def __init__(self, ways: Iterable[Way]) -> None:
        self._ways = deque(ways)

    async def show(self, content: MessageContent) -> discord.Message:
        """Show the content. A way that is refused is left for good, so each is refused once.

        Raises Undeliverable if none is left, and discord.py's error if the failure is temporary.
        """
        while self._ways:
            try:
                return await self._ways[0].show(content)
            except discord.HTTPException as error:
                if is_temporary(error):
                    raise
                log.info("Discord refuses a message, another way is tried: %s", error)
                self._ways.popleft()
        raise Undeliverable(NOWHERE)


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, or else a person's direct messages."""

    channel_id: int | None = None
    user_id: int | None = None

    def __str__(self) -> str:
        """Name the place for the log, without the person."""
        return f"channel {self.channel_id}" if self.channel_id else "(direct)"

    async def send(self, bot: HeroBot, render: Callable[[Translator], MessageContent]) -> discord.Message:
        """Send a message in the place's language. Without its files, if those alone are refused."""
        if self.channel_id is None:
            channel: discord.abc.Messageable = await bot.create_dm(discord.Object(self.user_id or 0))
            content = render(ENGLISH)
        else:
            channel = bot.get_partial_messageable(self.channel_id)
            content = render(await translator_in(bot, self.channel_id))
        try:
            return await channel.send(**content.send_kwargs)
        except discord.HTTPException as error:
            if not content.files or error.code not in (_MISSING_PERMISSIONS, _TOO_LARGE):
                raise
            log.warning("%s takes no files: %s", self, error)
            return await channel.send(**content.without_files().send_kwargs)


def places(channel_ids: Iterable[int | None], user_id: int | None) -> list[Place]:
    """Return the places to try in order: these channels, then the person's direct messages."""
    channels = [Place(channel_id) for channel_id in dict.fromkeys(channel_ids) if channel_id]
    return channels + ([Place(user_id=user_id)] if user_id else [])


async def deliver(
    bot: HeroBot, to: Iterable[Place], render: Callable[[Translator], MessageContent]
) -> discord.Message:
    """Send a message to the first place that takes it.

    Raises Undeliverable if none does, and discord.py's error if a failure is temporary.
    """
    for place in to:
        try:
            return await place.send(bot, render)
        except discord.HTTPException as error:
            if is_temporary(error) or error.status == 401:  # a token that was revoked closes no channel
                raise
            log.warning("%s is closed to the bot: %s", place, error)
    raise Undeliverable(NOWHERE)


class Backoff:
    """Counts, for a loop, how many rounds a message that failed must wait: twice as many each time."""

    def __init__(self, *, longest: int, tries: int) -> None:
        """Waits grow up to `longest` rounds; after so many tries in vain a message is given up."""
        self._longest = longest
        self._tries = tries
        self._round = 0
        self._failures: dict[Hashable, int] = {}
        self._due: dict[Hashable, int] = {}

    def next_round(self) -> None:
        self._round += 1

    def is_due(self, key: Hashable) -> bool:
        return self._round >= self._due.get(key, 0)

    def fail(self, key: Hashable) -> bool:
        """Count a failure. Returns whether to try again: False once it has failed too often."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self.wait(key, min(2**failures, self._longest))
        return failures < self._tries

    def wait(self, key: Hashable, rounds: int) -> None:
        """Leave a message alone for so many rounds."""
        self._due[key] = self._round + rounds

    def forget(self, key: Hashable) -> None:
        """Forget the failures of a message that went out."""
        self._failures.pop(key, None)
        self._due.pop(key, None)
