"""Reaction backfill: read the reactions under recent messages after each time the bot was away."""

import asyncio
import logging
from collections import Counter
from dataclasses import replace

import discord
from discord.ext import tasks

from bot.app import App
from bot.client import HeroBot
from bot.errors import DatabaseBusy
from bot.rating.votes import is_thumb
from bot.shards import Shards
from bot.store.descriptions import Posted
from bot.store.reactions import Source, Thumb
from cogs.common.delivery import DISCORD_FAILURES, is_gone

log = logging.getLogger(__name__)

_BUSY_PAUSE = 10.0  # seconds between attempts to read a database that another program holds
_MAX_ATTEMPTS = 5  # to read a message while people vote under it
_MAX_ACTIVE = 10_000  # messages remembered as voted on lately
_TYPES: dict[Source, discord.ReactionType] = {
    "reaction": discord.ReactionType.normal,
    "super": discord.ReactionType.burst,
}


class ReactionBackfill:
    """Reads one message after another, and lists the people only if Discord's counts differ from ours."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self._bot = bot
        self._app = app
        self._active: dict[int, None] = {}  # message ids, the most recent last
        self._due: set[int] = set()  # shards whose messages are to be read
        self._reading: set[int] = set()  # those whose messages are being read

    def start(self, shard_id: int) -> None:
        """Read the messages of a shard's servers in the background; begin anew if that is being done."""
        self._due.add(shard_id)
        if not self.run.is_running():
            self.run.start()
        elif shard_id in self._reading:
            self._due |= self._reading
            self.run.restart()

    def stop(self) -> None:
        self.run.cancel()

    def mark_active(self, message_id: int) -> None:
        """Note that somebody votes under a message now: what was just read there may be outdated."""
        self._active.pop(message_id, None)
        self._active[message_id] = None
        if len(self._active) > _MAX_ACTIVE:
            self._active.pop(next(iter(self._active)))

    async def catch_up(self, posted: Posted) -> None:
        """Read one message if people reacted to it before it was known which description it shows.

        That happens while the text is still being generated into it.
        """
        if posted.message_id not in self._active:
            return
        try:
            await self._sync(posted)
        except (*DISCORD_FAILURES, DatabaseBusy) as error:
            log.warning("the first votes under message %d could not be read: %s", posted.message_id, error)

    @tasks.loop(count=1)
    async def run(self) -> None:
        """Read the recent messages of all shards that are due."""
        while self._due:
            self._reading, self._due = self._due, set()
            await self.read(replace(self._bot.served, ids=tuple(sorted(self._reading))))
        self._reading = set()

    async def read(self, shards: Shards) -> None:
        """Read the messages of some shards. One that cannot be read does not stop the others."""
        outcome: Counter[str] = Counter()
        closed: set[int] = set()
        for posted in await self._recent_messages(shards):
            if posted.channel_id in closed:
                continue
            if outcome:
                await asyncio.sleep(self._app.timing.backfill_pause)
            outcome["messages"] += 1
            try:
                outcome["clicks"] += await self._sync(posted)
            except discord.Forbidden:
                closed.add(posted.channel_id)
            except discord.NotFound as error:
                if is_gone(error):
                    outcome["gone"] += 1
                    await self._app.votes.mark_messages_deleted([posted.message_id])
            except (*DISCORD_FAILURES, DatabaseBusy) as error:
                log.warning("the votes under message %d could not be read: %s", posted.message_id, error)
        log.info(
            "looked for missed votes under %d messages: %d clicks came or went, %d messages are gone, "
            "%d channels are closed to us",
            *(outcome[name] for name in ("messages", "clicks", "gone")),
            len(closed),
        )

    async def _recent_messages(self, shards: Shards) -> list[Posted]:
        """Return the messages to read, once another program that holds the whole database lets go of it."""
        while True:
            try:
                return await self._app.vote_backfill.recent_messages(shards)
            except DatabaseBusy as error:
                log.warning("missed votes are looked for later: %s", error)
                await asyncio.sleep(_BUSY_PAUSE)

    async def _sync(self, posted: Posted) -> int:
        """Store the reactions under a message. Returns how many came or went."""
        channel = self._bot.get_partial_messageable(posted.channel_id)
        for _ in range(_MAX_ATTEMPTS):
            self._active.pop(posted.message_id, None)
            message = await channel.fetch_message(posted.message_id)
            voters = await _changed_voters(message, await self._app.vote_backfill.counts(posted))
            if posted.message_id not in self._active:
                return await self._app.vote_backfill.sync(posted, voters) if voters else 0
        return 0  # the events of the people who vote there now keep the votes up to date


async def _changed_voters(message: discord.Message, known: dict[Thumb, int]) -> dict[Thumb, list[int]]:
    """Return the user ids behind each thumb whose count at Discord differs from the stored one."""
    voters: dict[Thumb, list[int]] = {thumb: [] for thumb in known}
    for reaction in message.reactions:
        emoji = str(reaction.emoji)
        if not is_thumb(emoji):
            continue
        burst = reaction.burst_count
        counts: dict[Source, int] = {
            "reaction": reaction.count - burst - reaction.me,
            "super": burst - reaction.me_burst,
        }
        for source, count in counts.items():
            if count == known.get((emoji, source), 0):
                voters.pop((emoji, source), None)
            else:
                voters[emoji, source] = await _user_ids(reaction, _TYPES[source])
    return voters


async def _user_ids(reaction: discord.Reaction, kind: discord.ReactionType) -> list[int]:
    """Return the ids of all people, without bots, from all pages: the count may have grown meanwhile."""
    return [user.id async for user in reaction.users(limit=reaction.count + 100, type=kind) if not user.bot]
