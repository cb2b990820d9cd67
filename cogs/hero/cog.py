"""/hero: describe a superhero."""

import logging
import re

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.i18n.message import ENGLISH
from bot.llm.stream import Stream
from bot.store.descriptions import Description, Posted
from cogs.common.errors import failure_text
from cogs.common.locale import translator_of_server
from cogs.common.permissions import require_open_channel
from cogs.common.responses import (
    InteractionResponder,
    MessageContent,
    ReplyResponder,
    Requester,
    Responder,
    requester_of,
)
from cogs.hero.duel_embeds import duel_content, duel_draft_content, stopped_duel_content
from cogs.hero.embeds import hero_content, hero_draft_content
from cogs.hero.live_message import LiveMessages, LivePreview
from cogs.votes.buttons import offer_thumbs

log = logging.getLogger(__name__)

_TYPED = (discord.MessageType.default, discord.MessageType.reply)


class HeroCog(commands.Cog):
    """Describes superheroes: give an age, a gender and a power."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self.live_messages = LiveMessages()

    @app_commands.command(description="Describe a superhero: an age, a gender and a power")
    @app_commands.describe(hero="age, gender and power, for example: 40 woman healing")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def hero(self, interaction: Interaction, hero: str) -> None:
        asked = self.parse(hero)
        requester, responder = await self.acknowledge(interaction)
        await self._describe(asked, requester, responder)

    @hero.autocomplete("hero")
    async def _suggest(self, _interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        whole = await self.app.powers.suggest(typed)
        return [app_commands.Choice(name=each, value=each) for each in whole]

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer `@Herosmith 40 woman healing`, and `40 woman healing` in a direct message."""
        typed = self._typed(message)
        if typed is None:
            return
        guild = message.guild
        t, responder = ENGLISH, ReplyResponder(message)
        try:
            guild_id = guild.id if guild else None
            t = await translator_of_server(self.bot, guild)
            await require_open_channel(self.app.guild_settings, guild_id, message.channel)
            hero = self.parse(typed)
            await responder.acknowledge()
            await self._describe(hero, Requester(message.author.id, guild_id, t), responder)
        except discord.Forbidden as error:
            log.info("a message cannot be answered in channel %d: %s", message.channel.id, error)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is put into words and logged there)
            await responder.send_error(failure_text(error, t))

    def _typed(self, message: discord.Message) -> str | None:
        """What a person wrote to the bot: what follows its name, in a direct message also without it."""
        me = self.bot.user
        if me is None or message.author.bot or message.type not in _TYPED:
            return None
        direct = isinstance(message.channel, discord.DMChannel)
        name = re.match(rf"<@!?{me.id}>", message.content)
        return message.content[name.end() if name else 0 :] if name or direct else None

    async def describe_again(self, interaction: Interaction, description_id: int) -> None:
        """Describe the same hero once more, for whoever clicked."""
        requester, responder = await self.acknowledge(interaction)
        description = await self.app.describer.get(description_id)
        if description is None or not description.text:
            raise UserError("This description is gone. Ask with /hero.")
        hero = self.parse(description.hero.typed)  # what may be asked may have changed since
        await self._describe(hero, requester, responder)

    async def acknowledge(self, interaction: Interaction) -> tuple[Requester, Responder]:
        """Let somebody see that they were heard, before anything that may take long; then see who it is.

        Raises NotAllowed where heroes are not asked for here.
        """
        responder = InteractionResponder(interaction)
        await responder.acknowledge()
        await require_open_channel(self.app.guild_settings, interaction.guild_id, interaction.channel)
        return await requester_of(interaction), responder

    def parse(self, typed: str) -> Hero:
        """A hero that may be asked for. Raises NotUnderstood with what is wrong."""
        hero = self.app.heroes.vocabulary.parse(typed)
        self.app.blocklist.check(hero)
        return hero

    async def _describe(self, hero: Hero, requester: Requester, responder: Responder) -> None:
        """Have a hero described before everyone's eyes, by two models where that is to be a duel."""
        if await self.app.duels.should_duel():
            await self.duel(hero, requester, responder)
            return
        stream = Stream()
        draft = LivePreview([stream], lambda: hero_draft_content(hero, stream, requester.t))
        async with self.app.rate_limits.acquire(requester.user_id, requester.guild_id):
            work = self.app.describer.describe(
                hero, requester=requester.user_id, guild_id=requester.guild_id, stream=stream
            )
            description = await self.live_messages.run(work, draft, requester, responder)
        await self._offer(description, requester, responder)

    async def duel(self, hero: Hero, requester: Requester, responder: Responder) -> None:
        """Let two models describe a hero; where only one of them can, show what it wrote."""
        streams = Stream(), Stream()
        draft = LivePreview(streams, lambda: duel_draft_content(hero, streams, requester.t))
        async with self.app.rate_limits.acquire(requester.user_id, requester.guild_id):
            work = self.app.duels.run(
                hero, requester=requester.user_id, guild_id=requester.guild_id, streams=streams
            )
            held = await self.live_messages.run(work, draft, requester, responder)
        if isinstance(held, Description):
            await self._offer(held, requester, responder)
            return
        if held is None:
            await responder.show(stopped_duel_content(requester.t))
            return
        message = await responder.show(duel_content(held, requester.t))
        if not await self.app.duels.shown_as(held.id, message.channel.id, message.id):
            await responder.show(MessageContent(content=requester.t("Whoever asked for it had it deleted.")))

    async def _offer(self, description: Description, requester: Requester, responder: Responder) -> None:
        """Show a description, and let people vote on it; unless it was deleted or hidden meanwhile."""
        message = await responder.show(hero_content(description, requester.t))
        shown = await self.app.describer.shown_as(description, message.channel.id, message.id)
        if shown is None:
            await responder.show(MessageContent(content=requester.t("Whoever asked for it had it deleted.")))
        elif shown.removed_at is not None:
            await responder.show(hero_content(shown, requester.t))
        else:
            self.bot.dispatch("shown", Posted(shown.id, message.channel.id, message.id))
            await offer_thumbs(message, shown.id)
