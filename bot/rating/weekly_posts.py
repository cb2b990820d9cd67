"""The hero of the week: when a server's post is due, what it shows, and that it is posted once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.community.guild_settings import GuildSettings
from bot.i18n.message import LocalizedMessage
from bot.rating.calendar import last_occurrence, time_zone, week_before
from bot.rating.results import Result, result_of
from bot.rating.scores import Scores
from bot.store import descriptions, notifications, weekly_posts
from bot.store.database import Database
from bot.store.guilds import GuildSetting
from bot.store.ranking import Span

_MAX_DELAY = 2 * 86_400.0  # seconds after its hour until which a post that was missed is made up for


@dataclass(frozen=True, slots=True)
class DuePost:
    """A post that is due: week is the day on which it ends, span the seven days before."""

    guild_id: int
    channel_id: int
    week: str
    span: Span

    @property
    def key(self) -> weekly_posts.Key:
        return self.guild_id, self.week


class WeeklyPosts:
    """Decides about posts; a row, written before anything is posted, ensures that each is made once."""

    def __init__(
        self, db: Database, scores: Scores, guild_settings: GuildSettings, clock: Callable[[], float]
    ) -> None:
        """clock: returns the time, in seconds since 1970."""
        self._db = db
        self._scores = scores
        self._guild_settings = guild_settings
        self._clock = clock

    async def configure(self, guild_id: int, **values: Any) -> GuildSetting:
        """Change settings of a server's post, by column, and return them all.

        The next post is made when its hour comes: one that has passed, even today, is left out.
        """
        now = self._clock()
        planned = replace(await self._guild_settings.get(guild_id), **values)
        today = datetime.fromtimestamp(now, time_zone(planned.time_zone)).date().isoformat()
        passed = _due(planned, now)
        async with self._db.write() as tx:
            await weekly_posts.remove_unposted(tx, (guild_id, today))  # its hour may come again
            if passed:
                await weekly_posts.claim(tx, passed.key, description_id=None, channel_id=None, at=now)
        return await self._guild_settings.change(guild_id, **values)

    async def list_due(self) -> list[DuePost]:
        """Return the posts that are due now and that nobody has begun."""
        now = self._clock()
        async with self._db.read() as tx:
            wanted = await weekly_posts.list_wanted(tx)
            due = [each for each in (_due(setting, now) for setting in wanted) if each]
            written = await weekly_posts.list_written(tx, [each.key for each in due]) if due else set()
        return [each for each in due if each.key not in written]

    async def claim(self, post: DuePost) -> Result | None:
        """Choose what a post shows, and write its row.

        Return None if there is nothing to post: nobody liked a text of that week, or another process, or an
        earlier start of this one, has written the row.
        """
        result = await self._result(post)
        async with self._db.write() as tx:
            claimed = await weekly_posts.claim(
                tx,
                post.key,
                description_id=_first_id(result),
                channel_id=post.channel_id,
                at=self._clock(),
            )
        return result if claimed and result else None

    async def is_current(self, result: Result) -> bool:
        """Return whether all texts of a result are still visible: people may delete and report them."""
        async with self._db.read() as tx:
            found = await descriptions.get_many(tx, result.ids)
        return len(found) == len(result.ids) and all(each.removed_at is None for each in found)

    async def choose_again(self, post: DuePost) -> Result | None:
        """Choose anew for a post that is claimed; None if there is nothing left to post."""
        result = await self._result(post)
        async with self._db.write() as tx:
            await weekly_posts.set_description(tx, post.key, _first_id(result))
        return result or None

    async def mark_posted(self, post: DuePost, message_id: int) -> None:
        """Note by which message a post was made."""
        await self._db.write_when_free(lambda tx: weekly_posts.set_message(tx, post.key, message_id))

    async def release(self, post: DuePost) -> None:
        """Let a post that could not be made now be due again."""
        await self._db.write_when_free(lambda tx: weekly_posts.remove_unposted(tx, post.key))

    async def switch_off(self, post: DuePost, *, guild_name: str, notice_channel: int | None) -> None:
        """Make no more posts in a channel that refuses them, and tell the admins once.

        notice_channel: where the server's admins read it; else it is told as other notices are.
        """
        text = LocalizedMessage(
            "⚠️ {server}: I could not post the hero of the week in {channel}. The channel is gone, or I may "
            "not send messages with embeds there. The weekly post is off now; `{/settings weekly}` with a "
            "channel turns it on again.",
            server=guild_name,
            channel=f"<#{post.channel_id}>",
        )
        async with self._db.write() as tx:
            key = f"weekly:{post.guild_id}:{post.week}"
            await notifications.add(tx, key, text, channel_id=notice_channel, at=self._clock())
        await self._guild_settings.change(post.guild_id, weekly_channel=None)

    async def _result(self, post: DuePost) -> Result:
        return await result_of(self._scores, post.guild_id, post.span)


def _first_id(result: Result) -> int | None:
    return result.best[0].description.id if result else None


def _due(setting: GuildSetting, now: float) -> DuePost | None:
    """Return the last post of a server whose hour has come; None if that is too long ago."""
    if setting.weekly_channel is None or setting.weekly_day is None or setting.weekly_hour is None:
        return None
    zone = time_zone(setting.time_zone)
    day, moment = last_occurrence(now, zone, weekday=setting.weekly_day, hour=setting.weekly_hour)
    if now - moment > _MAX_DELAY:
        return None
    return DuePost(setting.guild_id, setting.weekly_channel, day.isoformat(), week_before(day, zone))
