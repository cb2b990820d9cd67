"""Speech: in which language somebody is answered."""

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Place

from bot.client import HeroBot, Interaction
from bot.i18n.catalogues import Languages
from bot.i18n.message import ENGLISH, Language


async def language_of(interaction: Interaction) -> Language:
    """What the server chose, else what the person's own Discord speaks."""
    language: Language = await interaction.client.app.guilds.language(
        interaction.guild_id, str(interaction.locale)
    )
    return language


async def language_in(bot: HeroBot, channel_id: int) -> Language:
    """What is said in a channel to nobody in particular: what its server chose, else what that speaks."""
    guild = getattr(bot.get_channel(channel_id), "guild", None)
    return await language_of_server(bot, guild)


async def language_of_server(bot: HeroBot, guild: discord.Guild | None) -> Language:
    """What a server chose, else the language that it is said to speak; English in direct messages."""
    if guild is None:
        return ENGLISH
    return await bot.app.guilds.language(guild.id, str(guild.preferred_locale))


_NAMES = {Place.command_name, Place.group_name, Place.parameter_name}


class CatalogueTranslator(app_commands.Translator):
    """Reads the catalogues; discord.py asks it for every name and description when commands are told."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        language = self._languages.of(locale.value)
        if language is ENGLISH:
            return None
        return language.name(string.message) if context.location in _NAMES else language(string.message)
