"""Posts the hero of the week in the servers that want it."""

import logging

import discord
from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot
from bot.errors import DatabaseBusy, Undeliverable, UserError
from bot.rating.results import Result
from bot.rating.weekly_posts import DuePost
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES, NOWHERE, Backoff, Place, deliver
from cogs.common.locale import translator_of_server
from cogs.common.markdown import escape_markdown
from cogs.common.permissions import may_write
from cogs.contests.posts import weekly_content
from cogs.hero.cards import note_card

log = logging.getLogger(__name__)

_MAX_WAIT = 30  # rounds of a minute, between tries in an outage
_MAX_TRIES = 60  # about a day
_MAX_CHOICES = 3  # of texts, where people delete them meanwhile


class WeeklyCog(commands.Cog):
    """Looks every minute which servers' posts are due. One that fails does not stop the others."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self._backoff = Backoff(longest=_MAX_WAIT, tries=_MAX_TRIES)

    async def cog_load(self) -> None:
        self.post_due.start()

    async def cog_unload(self) -> None:
        self.post_due.cancel()

    @tasks.loop(minutes=1)
    async def post_due(self) -> None:
        """Make all posts that are due."""
        self._backoff.next_round()
        try:
            due = await self.app.weekly_posts.list_due()
        except DatabaseBusy as error:
            log.warning("weekly posts: a later round goes on: %s", error)
            return
        except Exception:
            log.exception("weekly posts could not be looked for")
            return
        for post in due:
            guild = self.bot.get_guild(post.guild_id)
            # of another process, in an outage, or left: its settings are deleted then
            if guild is not None and not guild.unavailable and self._backoff.is_due(post.key):
                try:
                    await self._post(post, guild)
                except DatabaseBusy as error:
                    log.warning("the weekly post of server %d meets a busy database: %s", guild.id, error)
                except UserError as error:
                    log.info("the weekly post of server %d went with its text: %s", guild.id, error)
                except Exception:
                    log.exception("the weekly post of server %d failed", guild.id)

    @post_due.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _post(self, post: DuePost, guild: discord.Guild) -> None:
        """Make a post. In an outage of Discord it is released for a later round."""
        try:
            chosen = await self._choose(post, guild)
            if chosen is None:
                return
            result, content = chosen
            message = await self._send(post, guild, content)
            await self.app.weekly_posts.mark_posted(post, message.id)
            self._backoff.forget(post.key)
            await note_card(self.app, result.best[0].description, message)  # the post goes with its text
        except Undeliverable:
            await self._switch_off(post, guild)
        except DISCORD_FAILURES as error:
            log.warning("the weekly post of server %d waits: %s", guild.id, error)
            if self._backoff.fail(post.key):
                await self.app.weekly_posts.release(post)

    async def _choose(self, post: DuePost, guild: discord.Guild) -> tuple[Result, MessageContent] | None:
        """Write a post's row and return what it shows; None if there is nothing to post.

        The card and the names take a while, in which people may delete a text: another is chosen then.
        """
        result = await self.app.weekly_posts.claim(post)
        try:
            return await self._choose_visible(post, guild, result)
        except DatabaseBusy:  # nothing is posted yet: a later round may
            await self.app.weekly_posts.release(post)
            raise

    async def _choose_visible(
        self, post: DuePost, guild: discord.Guild, result: Result | None
    ) -> tuple[Result, MessageContent] | None:
        posts, t = self.app.weekly_posts, await translator_of_server(self.bot, guild)
        for _ in range(_MAX_CHOICES):
            if result is None:
                return None
            content = await weekly_content(self.bot, guild, result, t)
            if await posts.is_current(result):
                return result, content
            result = await posts.choose_again(post)
        return None

    async def _send(self, post: DuePost, guild: discord.Guild, content: MessageContent) -> discord.Message:
        """Send a post. Raises Undeliverable if the channel refuses it for good."""
        channel = guild.get_channel_or_thread(post.channel_id)
        if channel is not None and not may_write(channel):  # Discord would drop the embed without a word
            raise Undeliverable(NOWHERE)
        return await deliver(self.bot, [Place(post.channel_id)], lambda _: content)

    async def _switch_off(self, post: DuePost, guild: discord.Guild) -> None:
        """Tell the server's admins, where only they or all of them read, that its channel is closed."""
        candidates = (guild.public_updates_channel, guild.system_channel)
        open_ones = (each.id for each in candidates if each is not None and may_write(each))
        notice_channel = next((each for each in open_ones if each != post.channel_id), None)
        log.warning("the weekly post of server %d is off: its channel takes none", guild.id)
        await self.app.weekly_posts.switch_off(
            post, guild_name=escape_markdown(guild.name), notice_channel=notice_channel
        )
