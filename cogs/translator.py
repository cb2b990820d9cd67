"""Translator: commands' names and descriptions in the languages that the bot speaks."""

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Place

from bot.language import ENGLISH
from bot.languages import Languages

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
