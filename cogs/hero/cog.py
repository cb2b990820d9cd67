"""/hero: describe a superhero. Also mentions, direct messages, and the buttons Stop and Again."""

from contextlib import suppress

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.errors import NotUnderstood, UserError
from bot.heroes.hero import Hero
from bot.heroes.takes import Take
from bot.i18n.message import ENGLISH, Translator
from bot.llm.stream import Stream
from bot.store.descriptions import Description, Posted
from cogs.common.content import MessageContent
from cogs.common.errors import failure_text, outcome_of, send_failure
from cogs.common.locale import translator_of, translator_of_server
from cogs.common.permissions import require_open_channel
from cogs.common.persistent import PersistentButton
from cogs.common.responses import (
    InteractionResponder,
    ReplyResponder,
    Requester,
    Responder,
    requester_of,
    role_ids,
    with_retries,
)
from cogs.hero.duel_embeds import duel_content, duel_draft_content, stopped_duel_content
from cogs.hero.embeds import hero_draft_content
from cogs.hero.live_message import LiveMessages, LivePreview
from cogs.hero.mentions import requests_in
from cogs.hero.shown import shown_content
from cogs.votes.buttons import offer_thumbs


class HeroCog(commands.Cog):
    """Describes superheroes: give an age, a gender and a power."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self.live_messages = LiveMessages(edit_interval=app.timing.edit_interval)
        bot.interactions.expect("mention")

    @app_commands.command(description="Describe a superhero: an age, a gender and a power")
    @app_commands.describe(hero="age, gender and power, for example: 40 woman healing")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def hero(self, interaction: Interaction, hero: str) -> None:
        parsed = self.app.hero_parser.parse(hero)
        requester, responder = await self.acknowledge(interaction)
        await self._describe(parsed, requester, responder)

    @hero.autocomplete("hero")
    async def _suggest(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await hero_choices(interaction, typed)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Answer a message that mentions the bot, and any direct message. A later edit is not read."""
        candidates = requests_in(message, self.bot.user) if self.bot.user else None
        if candidates is None:
            return
        self.bot.interactions.begin("mention")
        t, responder = ENGLISH, ReplyResponder(message)
        try:
            t = await translator_of_server(self.bot, message.guild)
            await self._answer(message, candidates, t, responder)
        except Exception as error:  # noqa: BLE001 (failure_text logs it and words it for the person)
            await send_failure(responder, failure_text(error, t))
            self.bot.interactions.end(outcome_of(error))
        else:
            self.bot.interactions.end("answered")

    async def _answer(
        self, message: discord.Message, candidates: list[str], t: Translator, responder: Responder
    ) -> None:
        guild_id = message.guild.id if message.guild else None
        await require_open_channel(self.app.guild_settings, guild_id, message.channel)
        if not message.content and message.role_mentions:
            raise NotUnderstood(
                "Discord does not show me messages that mention only my role. Mention me myself, {bot}, "
                "or type `/hero {example}`.",
                bot=self.bot.user.mention if self.bot.user else "@Herosmith",
                example=self.app.heroes.vocabulary.example,
            )
        hero = self._first_hero(candidates)
        await responder.acknowledge()
        requester = Requester(message.author.id, guild_id, t, role_ids(message.author))
        await self._describe(hero, requester, responder)

    def _first_hero(self, candidates: list[str]) -> Hero:
        """Return the first hero among these texts. If none is one, raise what is wrong with the first.

        A greeting has no mistake to explain: it is answered as if nothing was typed.
        """
        if not any(map(self.app.heroes.vocabulary.has_age_or_gender, candidates)):
            return self.app.hero_parser.parse("")
        for typed in candidates:
            with suppress(NotUnderstood):
                return self.app.hero_parser.parse(typed)
        return self.app.hero_parser.parse(candidates[0])

    async def describe_again(self, interaction: Interaction, description_id: int) -> None:
        """Describe the hero of a description once more, for the person who clicked."""
        requester, responder = await self.acknowledge(interaction)
        description = await self.app.describer.get(description_id)
        if description is None or not description.text:
            raise UserError("This description is gone. Ask for a new one with `/hero`.")
        # again: vocabulary and blocklist may have changed since
        hero = self.app.hero_parser.parse(description.hero.typed)
        await self._describe(hero, requester, responder)

    async def acknowledge(self, interaction: Interaction) -> tuple[Requester, Responder]:
        """Acknowledge the interaction before anything that may be slow, then look up who is asking.

        Raises NotAllowed if the server's admins closed this channel to the bot.
        """
        responder = InteractionResponder(interaction)
        await responder.acknowledge()
        await require_open_channel(self.app.guild_settings, interaction.guild_id, interaction.channel)
        return await requester_of(interaction), responder

    async def _describe(self, hero: Hero, requester: Requester, responder: Responder) -> None:
        """Generate a description into a live message; a share of these requests become duels."""
        if await self.app.duels.should_duel():
            await self.duel(hero, requester, responder)
            return
        await self.describe_alone(hero, requester, responder)

    async def describe_alone(
        self, hero: Hero, requester: Requester, responder: Responder, take: Take | None = None
    ) -> None:
        """Generate a description into a live message. take: how it is to be another text, if it is one."""
        stream, vocabulary = Stream(), self.app.heroes.vocabulary
        preview = LivePreview([stream], lambda: hero_draft_content(hero, stream, vocabulary, requester.t))
        async with self.app.rate_limits.acquire(requester.user_id, requester.guild_id, requester.roles):
            work = self.app.describer.describe(
                hero, requester=requester.user_id, guild_id=requester.guild_id, stream=stream, take=take
            )
            description = await self.live_messages.run(work, preview, requester, responder)
        await self.publish(description, requester, responder)

    async def duel(self, hero: Hero, requester: Requester, responder: Responder) -> None:
        """Let two models describe a hero; if only one of them can, publish its text alone."""
        streams, vocabulary = (Stream(), Stream()), self.app.heroes.vocabulary
        preview = LivePreview(streams, lambda: duel_draft_content(hero, streams, vocabulary, requester.t))
        async with self.app.rate_limits.acquire(requester.user_id, requester.guild_id, requester.roles):
            work = self.app.duels.run(
                hero, requester=requester.user_id, guild_id=requester.guild_id, streams=streams
            )
            result = await self.live_messages.run(work, preview, requester, responder)
        if isinstance(result, Description):
            await self.publish(result, requester, responder)
            return
        if result is None:
            await responder.show(stopped_duel_content(requester.t))
            return
        message = await with_retries(lambda: responder.show(duel_content(result, vocabulary, requester.t)))
        if not await self.app.duels.set_message(result.id, message.channel.id, message.id):
            await responder.show(_deleted_content(requester))

    async def publish(self, description: Description, requester: Requester, responder: Responder) -> None:
        """Show a description and offer thumbs, unless it was deleted or hidden in the meantime.

        A take is shown anew if that happened to the text that it quotes.
        """
        content = await shown_content(self.app, description, requester.t)
        message = await with_retries(lambda: responder.show(content))
        current = await self.app.describer.set_message(description, message.channel.id, message.id)
        if current is None:
            await responder.show(_deleted_content(requester))
            return
        if current.removed_at is not None or current.kind == "take":
            latest = await shown_content(self.app, current, requester.t)
            if latest.embeds != content.embeds:
                message = await responder.show(latest)
        if current.removed_at is None:
            self.bot.dispatch("shown", Posted(current.id, message.channel.id, message.id))
            await offer_thumbs(message, current.id)
            self.bot.dispatch("published", current, requester, responder)


class StopButton(PersistentButton, template=r"hero:stop:(?P<generation>[0-9]{1,20})"):
    """Stops a generation and keeps the text so far."""

    def __init__(self, generation: int) -> None:
        super().__init__(f"hero:stop:{generation}")
        self.generation = generation

    async def handle(self, interaction: Interaction) -> None:
        await interaction.client.cog(HeroCog).live_messages.stop(interaction, self.generation)


class AgainButton(PersistentButton, template=r"hero:again:(?P<description_id>[0-9]{1,20})"):
    """Describes the same hero once more."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:again:{description_id}")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await interaction.client.cog(HeroCog).describe_again(interaction, self.description_id)


async def hero_choices(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    """Return the autocompletion of a hero that is being typed, in the words of the person's language."""
    t = await translator_of(interaction)
    suggestions = await interaction.client.app.powers.suggest(typed, t.code)
    return [app_commands.Choice(name=suggestion, value=suggestion) for suggestion in suggestions]


def _deleted_content(requester: Requester) -> MessageContent:
    return MessageContent(content=requester.t("The person who asked for it had it deleted."))
