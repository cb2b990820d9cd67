"""/hero: describe a superhero."""

import asyncio
import logging
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
from bot.llm.stream import Stream
from bot.rating.votes import DOWN, UP
from bot.store.descriptions import Description
from cogs.card import card, draft, queued
from cogs.channels import require_open
from cogs.duel_message import duel_look
from cogs.hero_button import buttons
from cogs.rhythm import Rhythm
from cogs.showing import InteractionShowing, Showing

if TYPE_CHECKING:
    from bot.client import HeroBot

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked for a hero, and where (guild_id None: in a direct message)."""

    user_id: int
    guild_id: int | None


class HeroCog(commands.Cog):
    """Describes superheroes: give an age, a gender and a power."""

    def __init__(self, bot: "HeroBot", app: App) -> None:
        self.bot = bot
        self.app = app
        self._writing: dict[int, tuple[Asker, Stream]] = {}  # by what their Stop buttons say

    @app_commands.command(description="Describe a superhero: an age, a gender and a power")
    @app_commands.describe(hero="age, gender and power, for example: 40 woman healing")
    async def hero(self, interaction: "discord.Interaction[HeroBot]", hero: str) -> None:
        await require_open(interaction)
        asked = self.app.heroes.vocabulary.parse(hero)
        self.app.blocklist.check(asked)
        await self._describe(asked, asker_of(interaction), InteractionShowing(interaction))

    @hero.autocomplete("hero")
    async def _suggest(
        self, _interaction: "discord.Interaction[HeroBot]", typed: str
    ) -> list[app_commands.Choice[str]]:
        whole = (await self.app.powers.vocabulary()).suggest(typed)
        return [app_commands.Choice(name=each, value=each) for each in whole]

    async def stop(self, interaction: "discord.Interaction[HeroBot]", writing: int) -> None:
        """Let what is there of a text be all of it: for who asked for it, and for moderators."""
        if writing not in self._writing:  # a restart cut it off
            await interaction.response.edit_message(view=None)
            return
        asker, stream = self._writing[writing]
        if interaction.user.id != asker.user_id and not interaction.permissions.manage_messages:
            raise NotAllowed("Only who asked for this hero, or a moderator, may stop it.")
        stream.stop()
        await interaction.response.defer()

    async def again(self, interaction: "discord.Interaction[HeroBot]", description_id: int) -> None:
        """Describe the same hero once more, for whoever clicked."""
        description = await self.app.describer.get(description_id)
        if description is None:
            raise UserError("This description is gone. Ask with /hero.")
        await self._describe(description.hero, asker_of(interaction), InteractionShowing(interaction))

    async def _describe(self, hero: Hero, asker: Asker, showing: Showing) -> None:
        """Have a hero described before everyone's eyes, by two models where that is to be a duel."""
        await showing.begin()
        if await self.app.duels.wanted():
            await self.duel(hero, asker, showing)
        else:
            await self._offer(await self._write(hero, asker, showing), showing)

    async def duel(self, hero: Hero, asker: Asker, showing: Showing) -> None:
        """Let two models describe a hero; where only one of them can, show what it wrote."""
        held = await self.app.duels.hold(hero, requester=asker.user_id, guild_id=asker.guild_id)
        if isinstance(held, Description):
            await self._offer(held, showing)
            return
        message = await showing.show(*duel_look(held))
        await self.app.duels.shown_as(held.id, message.id)

    async def _offer(self, description: Description, showing: Showing) -> None:
        """Show a description, and let people vote on it."""
        look = buttons("again", "report", subject=description.id)
        message = await showing.show([card(description)], look)
        await self.app.describer.shown_as(description, message.channel.id, message.id)
        await self._offer_thumbs(message)

    async def _write(self, hero: Hero, asker: Asker, showing: Showing) -> Description:
        stream = Stream()
        work = asyncio.create_task(
            self.app.describer.describe(hero, requester=asker.user_id, guild_id=asker.guild_id, stream=stream)
        )
        try:
            with self._may_be_stopped(asker, stream) as stop:
                await _follow(hero, stream, work, showing, stop)
            return await work
        finally:
            work.cancel()

    @contextmanager
    def _may_be_stopped(self, asker: Asker, stream: Stream) -> Iterator[discord.ui.View]:
        number = time.time_ns()
        self._writing[number] = asker, stream
        try:
            yield buttons("stop", subject=number)
        finally:
            del self._writing[number]

    async def _offer_thumbs(self, message: discord.Message) -> None:
        """Leave both thumbs to click on; where the bot may not, people can still add their own."""
        try:
            for thumb in (UP, DOWN):
                await message.add_reaction(thumb)
        except discord.HTTPException as error:
            log.info("no thumbs under message %d: %s", message.id, error)


def asker_of(interaction: "discord.Interaction[HeroBot]") -> Asker:
    return Asker(interaction.user.id, interaction.guild_id)


async def _follow(
    hero: Hero, stream: Stream, work: asyncio.Task[Description], showing: Showing, stop: discord.ui.View
) -> None:
    """Show the place in the line and the text so far, at the message's pace, until the work is done."""
    rhythm = Rhythm()
    while not work.done():
        news = asyncio.ensure_future(stream.news())
        await asyncio.wait({news, work}, return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        look, line = draft(hero, stream), queued(stream)
        if work.done() or not (look or line):
            continue
        began = time.monotonic()
        try:
            await showing.show([look] if look else [], stop, line)
        except discord.HTTPException as error:
            log.info("a text could not be shown while it was written: %s", error)
        rhythm.took(time.monotonic() - began)
        await rhythm.rest(work)
