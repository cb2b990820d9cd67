"""Failures: what a person is told when a command, a button or a form does not work out."""

import logging
import secrets
from typing import Any

import discord
from discord import app_commands

from bot.errors import UserError
from bot.language import ENGLISH, Language
from cogs.speech import language_of

log = logging.getLogger(__name__)


async def tell_failure(interaction: discord.Interaction[Any], error: Exception) -> None:
    """Put a failure into words. Only a UserError's own text reaches the person."""
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    say = await _language(interaction)
    if isinstance(cause, UserError):
        log.info("refused: %s", cause, exc_info=cause.__cause__)
        await _say(interaction, say(cause.sentence, **cause.fields))
    elif isinstance(cause, app_commands.CheckFailure):
        log.info("refused: %s", cause)
        await _say(interaction, say("You may not use this command here."))
    else:
        reference = secrets.token_hex(4)
        log.error("command failed, reference %s", reference, exc_info=cause)
        await _say(
            interaction,
            say(
                "Something went wrong on our side. Tell an operator the reference `{reference}`.",
                reference=reference,
            ),
        )


async def _language(interaction: discord.Interaction[Any]) -> Language:
    """The person's language; English where even that cannot be found out."""
    try:
        return await language_of(interaction)
    except Exception:
        log.exception("whose language is not known")
        return ENGLISH


async def _say(interaction: discord.Interaction[Any], text: str) -> None:
    """Answer the person alone, or in the place of the "is thinking" that everyone sees by then."""
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(text, ephemeral=True)
        elif interaction.type is discord.InteractionType.application_command:
            await interaction.edit_original_response(content=text)
        else:  # a button's own message stays as it is
            await interaction.followup.send(text, ephemeral=True)
    except discord.HTTPException:
        log.warning("a refusal could not be told", exc_info=True)
