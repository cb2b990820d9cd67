"""Speech: in which language somebody is answered."""

from typing import Any

import discord

from bot.language import Language


async def language_of(interaction: discord.Interaction[Any]) -> Language:
    """What the server chose, else what the person's own Discord speaks."""
    language: Language = await interaction.client.app.guilds.language(
        interaction.guild_id, str(interaction.locale)
    )
    return language
