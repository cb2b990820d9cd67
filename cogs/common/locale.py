"""Locales: the language of an answer, and of command names and descriptions."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.client import HeroBot, Interaction
from bot.connection.foreign_servers import Server
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import ENGLISH, Translator

log = logging.getLogger(__name__)

_CHOICE = Location.choice_name  # most are names of models and methods: the same in every language
ChoiceT = TypeVar("ChoiceT", str, int, float)
_NAME_LOCATIONS = {Location.command_name, Location.group_name, Location.parameter_name}


async def translator_of(interaction: Interaction) -> Translator:
    """Return the language that the server chose, or else that of the person's Discord client."""
    return await interaction.client.app.guild_settings.translator(
        interaction.guild_id, str(interaction.locale)
    )


async def translator_or_english(interaction: Interaction) -> Translator:
    """Return the person's language, or English if looking it up fails: what is told then must be told."""
    try:
        return await translator_of(interaction)
    except Exception:
        log.exception("the person's language could not be looked up")
        return ENGLISH


async def translator_of_button(interaction: Interaction, label: str) -> Translator:
    """Return the language of the message whose button was clicked: what is added to it is in one language.

    label: the button's, in English. The server may have chosen another language since.
    """
    current = await translator_of(interaction)
    languages = interaction.client.app.guild_settings.languages
    shown = _clicked_label(interaction)
    known = (current, *map(languages.translator_for, languages.names))
    return next((t for t in known if t(label) == shown), current)


def _clicked_label(interaction: Interaction) -> str | None:
    data: Mapping[str, Any] = interaction.data or {}
    rows = interaction.message.components if interaction.message else []
    buttons = (each for row in rows if isinstance(row, discord.ActionRow) for each in row.children)
    return next(
        (
            each.label
            for each in buttons
            if isinstance(each, discord.Button) and each.custom_id == data.get("custom_id")
        ),
        None,
    )


async def translator_in(bot: HeroBot, channel_id: int | None) -> Translator:
    """Return the language for a message in a channel that answers nobody: that of its server.

    It is English if there is no channel, or the bot does not see it.
    """
    guild = getattr(bot.get_channel(channel_id or 0), "guild", None)
    if guild is None and channel_id and not bot.served.are_all:
        guild = await bot.foreign_servers.of_channel(channel_id)
    return await translator_of_server(bot, guild)


async def translator_of_guild(bot: HeroBot, guild_id: int | None) -> Translator:
    """Return the language for a message in a server, known by its id; English outside of one."""
    guild = bot.get_guild(guild_id) if guild_id else None
    if guild is None and guild_id and not bot.served.serve(guild_id):
        return await translator_of_server(bot, await bot.foreign_servers.get(guild_id))
    return await translator_of_server(bot, guild)


async def job_language(interaction: Interaction) -> str:
    """Return the code of the language of the files of a job that is ordered here: that of its messages."""
    return (await translator_in(interaction.client, interaction.channel_id)).code


async def translator_of_server(bot: HeroBot, guild: discord.Guild | Server | None) -> Translator:
    """Return the language that a server chose, or else its preferred locale; English in direct messages."""
    if guild is None:
        return ENGLISH
    return await bot.app.guild_settings.translator(guild.id, str(guild.preferred_locale))


def translated_choice(name: str, value: ChoiceT) -> app_commands.Choice[ChoiceT]:
    """Return a choice of an option whose name, marked for the catalogues, is shown in each language."""
    return app_commands.Choice(name=app_commands.locale_str(name, translated=True), value=value)


class CatalogueTranslator(app_commands.Translator):
    """Translates command names and descriptions from the catalogues when commands are synced."""

    def __init__(self, languages: Catalogues) -> None:
        self._languages = languages

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        t = self._languages.translator_for(locale.value)
        is_name = context.location is _CHOICE and not string.extras.get("translated")
        if t is ENGLISH or is_name:
            return None
        if isinstance(context.data, app_commands.ContextMenu):
            return t(string.message)  # a sentence, which may have blanks and capitals
        return t.command_name(string.message) if context.location in _NAME_LOCATIONS else t(string.message)
