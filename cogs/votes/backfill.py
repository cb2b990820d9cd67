"""Reconciling votes: a walk over the newest descriptions' messages, after each time the bot was away."""

import asyncio
import logging
from collections import Counter

import discord
from discord.ext import tasks

from bot.app import App
from bot.client import HeroBot
from bot.rating.votes import is_thumb
from bot.store.descriptions import Posted
from bot.store.reactions import Source, Thumb

log = logging.getLogger(__name__)

_PAUSE = 0.2  # seconds between messages: what people do goes first
_TRIES = 5  # of a message under which people vote while it is looked at
_REMEMBERED = 10_000  # messages under which somebody voted lately
_KINDS: dict[Source, discord.ReactionType] = {
    "reaction": discord.ReactionType.normal,
    "super": discord.ReactionType.burst,
}
_GONE = (10003, 10008)  # Discord knows no such channel, or no such message


class ReactionBackfill:
    """Looks at one message after the other, and lists people only where the counts differ from ours."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self._bot = bot
        self._app = app
        self._active: dict[int, None] = {}  # in their order, the newest last

    def start(self) -> None:
        """Walk in the background; a walk that is under way begins anew."""
        if self.run.is_running():
            self.run.restart()
        else:
            self.run.start()

    def stop(self) -> None:
        self.run.cancel()

    def mark_active(self, message_id: int) -> None:
        """Know that somebody votes under a message now: what was just read there may be outdated."""
        self._active.pop(message_id, None)
        self._active[message_id] = None
        if len(self._active) > _REMEMBERED:
            self._active.pop(next(iter(self._active)))

    async def catch_up(self, posted: Posted) -> None:
        """Look at one message where people voted before it was known what it shows.

        A text is seen, and its message reacted to, while it is still being written.
        """
        if posted.message_id not in self._active:
            return
        try:
            await self._look(posted)
        except (discord.HTTPException, OSError) as error:
            log.warning("the first votes under message %d could not be read: %s", posted.message_id, error)

    @tasks.loop(count=1)
    async def run(self) -> None:
        """Walk over all messages that are worth a look. One that cannot be read leaves the others alone."""
        outcome: Counter[str] = Counter()
        closed: set[int] = set()
        for posted in await self._app.vote_backfill.recent_messages():
            if posted.channel_id in closed:
                continue
            if outcome:
                await asyncio.sleep(_PAUSE)
            outcome["messages"] += 1
            try:
                outcome["clicks"] += await self._look(posted)
            except discord.Forbidden:
                closed.add(posted.channel_id)
            except discord.NotFound as error:
                if error.code in _GONE:
                    outcome["gone"] += 1
                    await self._app.votes.mark_messages_deleted([posted.message_id])
            except (discord.HTTPException, OSError) as error:
                log.warning("the votes under message %d could not be read: %s", posted.message_id, error)
        log.info(
            "looked for missed votes under %d messages: %d clicks came or went, %d messages are gone, "
            "%d channels are closed to us",
            *(outcome[name] for name in ("messages", "clicks", "gone")),
            len(closed),
        )

    async def _look(self, posted: Posted) -> int:
        """Keep what stands under a message. Returns how many clicks came or went."""
        channel = self._bot.get_partial_messageable(posted.channel_id)
        for _ in range(_TRIES):
            self._active.pop(posted.message_id, None)
            message = await channel.fetch_message(posted.message_id)
            found = await _people(message, await self._app.vote_backfill.counts(posted))
            if posted.message_id not in self._active:
                return await self._app.vote_backfill.sync(posted, found) if found else 0
        return 0  # who votes there now is heard


async def _people(message: discord.Message, kept: dict[Thumb, int]) -> dict[Thumb, list[int]]:
    """The people behind each thumb of which Discord counts more or fewer than we have kept."""
    found: dict[Thumb, list[int]] = {thumb: [] for thumb in kept}
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
            if count == kept.get((emoji, source), 0):
                found.pop((emoji, source), None)
            else:
                found[emoji, source] = await _users(reaction, _KINDS[source])
    return found


async def _users(reaction: discord.Reaction, kind: discord.ReactionType) -> list[int]:
    """The ids of all people, no bots, page by page to the last one: the count may have grown meanwhile."""
    return [user.id async for user in reaction.users(limit=reaction.count + 100, type=kind) if not user.bot]
