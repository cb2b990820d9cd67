"""Locales: the language of an answer, and of command names and descriptions."""

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.client import HeroBot, Interaction
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import ENGLISH, Translator

_CHOICE = Location.choice_name  # names of models and methods: the same in every language
_NAME_LOCATIONS = {Location.command_name, Location.group_name, Location.parameter_name}


async def translator_of(interaction: Interaction) -> Translator:
    """Return the language that the server chose, or else that of the person's Discord client."""
    return await interaction.client.app.guild_settings.translator(
        interaction.guild_id, str(interaction.locale)
    )


async def translator_in(bot: HeroBot, channel_id: int) -> Translator:
    """Return the language for a message in a channel that answers nobody: that of its server."""
    guild = getattr(bot.get_channel(channel_id), "guild", None)
    return await translator_of_server(bot, guild)


async def translator_of_server(bot: HeroBot, guild: discord.Guild | None) -> Translator:
    """Return the language that a server chose, or else its preferred locale; English in direct messages."""
    if guild is None:
        return ENGLISH
    return await bot.app.guild_settings.translator(guild.id, str(guild.preferred_locale))


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
        if t is ENGLISH or context.location is _CHOICE:
            return None
        return t.command_name(string.message) if context.location in _NAME_LOCATIONS else t(string.message)
