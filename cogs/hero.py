"""/hero: describe a superhero."""

import asyncio
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.errors import NotAllowed, UserError
from bot.hero import Hero
from bot.language import ENGLISH, Language
from bot.llm.stream import Stream
from bot.store.descriptions import Description
from cogs.card import card, draft, queued
from cogs.channels import require_open
from cogs.duel_message import duel_look
from cogs.failures import in_words
from cogs.hero_button import buttons
from cogs.rhythm import Rhythm
from cogs.showing import InteractionShowing, ReplyShowing, Showing
from cogs.speech import language_of, language_of_server
from cogs.thumbs import offer_thumbs

if TYPE_CHECKING:
    from bot.client import HeroBot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked for a hero, where (guild_id None: in a direct message), and what they read."""

    user_id: int
    guild_id: int | None
    say: Language


class HeroCog(commands.Cog):
    """Describes superheroes: give an age, a gender and a power."""

    def __init__(self, bot: "HeroBot", app: App) -> None:
        self.bot = bot
        self.app = app
        self._since = time.time_ns()
        self._writing: dict[int, tuple[Asker, Stream]] = {}  # by what their Stop buttons say

    @app_commands.command(description="Describe a superhero: an age, a gender and a power")
    @app_commands.describe(hero="age, gender and power, for example: 40 woman healing")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def hero(self, interaction: "discord.Interaction[HeroBot]", hero: str) -> None:
        await require_open(self.app.guilds, interaction.guild_id, interaction.channel)
        await self._describe(self.parse(hero), await asker_of(interaction), InteractionShowing(interaction))

    @hero.autocomplete("hero")
    async def _suggest(
        self, _interaction: "discord.Interaction[HeroBot]", typed: str
    ) -> list[app_commands.Choice[str]]:
        whole = await self.app.powers.suggest(typed)
        return [app_commands.Choice(name=each, value=each) for each in whole]

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer `@Herosmith 40 woman healing`: Discord sends the text of what mentions the bot."""
        me = self.bot.user
        typed = re.match(rf"<@!?{me.id}>(.*)", message.content, re.DOTALL) if me else None
        if typed is None or message.author.bot:
            return
        guild = message.guild
        say, showing = ENGLISH, ReplyShowing(message)
        try:
            guild_id = guild.id if guild else None
            say = await language_of_server(self.bot, guild)
            await require_open(self.app.guilds, guild_id, message.channel)
            await self._describe(self.parse(typed[1]), Asker(message.author.id, guild_id, say), showing)
        except discord.Forbidden as error:
            log.info("a mention cannot be answered in channel %d: %s", message.channel.id, error)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is put into words and logged there)
            await showing.fail(in_words(error, say))

    async def stop(self, interaction: "discord.Interaction[HeroBot]", writing: int) -> None:
        """Let what is there of a text be all of it: for who asked for it, and for moderators."""
        if writing < self._since:  # a restart cut it off
            await interaction.response.edit_message(view=None)
            return
        if writing not in self._writing:  # its end was quicker than the click: its own buttons stay
            await interaction.response.defer()
            return
        asker, stream = self._writing[writing]
        if interaction.user.id != asker.user_id and not interaction.permissions.manage_messages:
            raise NotAllowed("Only who asked for this hero, or a moderator, may stop it.")
        stream.stop()
        await interaction.response.defer()

    async def again(self, interaction: "discord.Interaction[HeroBot]", description_id: int) -> None:
        """Describe the same hero once more, for whoever clicked."""
        await require_open(self.app.guilds, interaction.guild_id, interaction.channel)
        description = await self.app.describer.get(description_id)
        if description is None or not description.text:
            raise UserError("This description is gone. Ask with /hero.")
        hero = self.parse(description.hero.typed)  # what may be asked may have changed since
        await self._describe(hero, await asker_of(interaction), InteractionShowing(interaction))

    async def report(self, interaction: "discord.Interaction[HeroBot]", description_id: int) -> None:
        """Tell the operators of a description that should not be seen; enough people hide it at once."""
        await interaction.response.defer(thinking=True, ephemeral=True)
        say = await language_of(interaction)
        hidden = await self.app.removals.report(description_id, interaction.user.id)
        if hidden:
            await self.show_anew(hidden)
        await interaction.edit_original_response(content=say("Thank you: the operators will look at it."))

    async def show_anew(self, description: Description) -> None:
        """Let a description's message be what it is now: the card, or where it was removed, no more of it."""
        if not (description.channel_id and description.message_id):
            return
        guild = self.bot.get_guild(description.guild_id) if description.guild_id else None
        say = await language_of_server(self.bot, guild)
        channel = self.bot.get_partial_messageable(description.channel_id)
        message = channel.get_partial_message(description.message_id)
        removed = description.removed_at is not None
        try:
            shown = await message.edit(
                content=say("This description is hidden: people have reported it.") if removed else None,
                embed=None if removed else card(description, say),
                view=None if removed else _offered(description, say),
            )
            if shown and not removed:
                await offer_thumbs(shown, description.id)  # the buttons, where they stood there, went with it
        except discord.HTTPException as error:
            log.warning("description %d is still seen as it was: %s", description.id, error)

    def parse(self, typed: str) -> Hero:
        """A hero that may be asked for. Raises NotUnderstood with what is wrong."""
        hero = self.app.heroes.vocabulary.parse(typed)
        self.app.blocklist.check(hero)
        return hero

    async def _describe(self, hero: Hero, asker: Asker, showing: Showing) -> None:
        """Have a hero described before everyone's eyes, by two models where that is to be a duel."""
        if await self.app.duels.wanted():
            await self.duel(hero, asker, showing)
            return
        async with self.app.usage.request(asker.user_id, asker.guild_id):
            await showing.begin()
            description = await self._write(hero, asker, showing)
        await self._offer(description, asker, showing)

    async def duel(self, hero: Hero, asker: Asker, showing: Showing) -> None:
        """Let two models describe a hero; where only one of them can, show what it wrote."""
        async with self.app.usage.request(asker.user_id, asker.guild_id):
            await showing.begin()
            held = await self.app.duels.hold(hero, requester=asker.user_id, guild_id=asker.guild_id)
        if isinstance(held, Description):
            await self._offer(held, asker, showing)
            return
        message = await showing.show(*duel_look(held, asker.say))
        await self.app.duels.shown_as(held.id, message.id)

    async def _offer(self, description: Description, asker: Asker, showing: Showing) -> None:
        """Show a description, and let people vote on it."""
        message = await showing.show([card(description, asker.say)], _offered(description, asker.say))
        await self.app.describer.shown_as(description, message.channel.id, message.id)
        await offer_thumbs(message, description.id)

    async def _write(self, hero: Hero, asker: Asker, showing: Showing) -> Description:
        stream = Stream()
        work = asyncio.create_task(
            self.app.describer.describe(hero, requester=asker.user_id, guild_id=asker.guild_id, stream=stream)
        )
        try:
            with self._may_be_stopped(asker, stream) as stop:
                await _follow(hero, stream, work, _Look(showing, stop, asker.say))
            return await work
        finally:
            work.cancel()

    @contextmanager
    def _may_be_stopped(self, asker: Asker, stream: Stream) -> Iterator[discord.ui.View]:
        number = time.time_ns()
        self._writing[number] = asker, stream
        try:
            yield buttons("stop", subject=number, say=asker.say)
        finally:
            del self._writing[number]


@dataclass(frozen=True, slots=True)
class _Look:
    """How a description on its way is shown."""

    showing: Showing
    stop: discord.ui.View
    say: Language


async def asker_of(interaction: "discord.Interaction[HeroBot]") -> Asker:
    return Asker(interaction.user.id, interaction.guild_id, await language_of(interaction))


def _offered(description: Description, say: Language) -> discord.ui.View:
    return buttons("again", "report", subject=description.id, say=say)


async def _follow(hero: Hero, stream: Stream, work: asyncio.Task[Description], look: _Look) -> None:
    """Show the place in the line and the text so far, at the message's pace, until the work is done."""
    rhythm = Rhythm()
    while not work.done():
        news = asyncio.ensure_future(stream.news())
        await asyncio.wait({news, work}, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        text, place = draft(hero, stream, look.say), queued(stream, look.say)
        if work.done() or not (text or place):
            continue
        began = time.monotonic()
        try:
            await look.showing.show([text] if text else [], look.stop, place)
        except discord.HTTPException as error:
            log.info("a text could not be shown while it was written: %s", error)
        rhythm.took(time.monotonic() - began)
        await rhythm.rest(work)
