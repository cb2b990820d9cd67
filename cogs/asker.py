"""Askers: who asked for a hero."""

from dataclasses import dataclass
from typing import Any

import discord

from bot.language import Language
from cogs.speech import language_of


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked for a hero, where (guild_id None: in a direct message), and what they read."""

    user_id: int
    guild_id: int | None
    say: Language


async def asker_of(interaction: discord.Interaction[Any]) -> Asker:
    return Asker(interaction.user.id, interaction.guild_id, await language_of(interaction))
