"""Forms: discord.py's modals, whose failures are told to the person."""

from typing import Any

import discord

from cogs.failures import tell_failure


class Form(discord.ui.Modal):
    async def on_error(  # type: ignore[override]  # discord.py calls a form's without an item
        self, interaction: discord.Interaction[Any], error: Exception
    ) -> None:
        await tell_failure(interaction, error)
