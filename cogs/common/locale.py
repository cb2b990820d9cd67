"""Speech: in which language somebody is answered."""

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Place

from bot.client import HeroBot, Interaction
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import ENGLISH, Translator


async def translator_of(interaction: Interaction) -> Translator:
    """What the server chose, else what the person's own Discord speaks."""
    language: Translator = await interaction.client.app.guild_settings.translator(
        interaction.guild_id, str(interaction.locale)
    )
    return language


async def translator_in(bot: HeroBot, channel_id: int) -> Translator:
    """What is said in a channel to nobody in particular: what its server chose, else what that speaks."""
    guild = getattr(bot.get_channel(channel_id), "guild", None)
    return await translator_of_server(bot, guild)


async def translator_of_server(bot: HeroBot, guild: discord.Guild | None) -> Translator:
    """What a server chose, else the language that it is said to speak; English in direct messages."""
    if guild is None:
        return ENGLISH
    return await bot.app.guild_settings.translator(guild.id, str(guild.preferred_locale))


_NAMES = {Place.command_name, Place.group_name, Place.parameter_name}


class CatalogueTranslator(app_commands.Translator):
    """Reads the catalogues; discord.py asks it for every name and description when commands are told."""

    def __init__(self, languages: Catalogues) -> None:
        self._languages = languages

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        language = self._languages.translator_for(locale.value)
        if language is ENGLISH:
            return None
        return (
            language.command_name(string.message) if context.location in _NAMES else language(string.message)
        )
