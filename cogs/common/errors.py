"""Failures: what a person is told when a command, a button, a form or a mention does not work out."""

import logging
import secrets

import discord
from discord import app_commands

from bot.client import Interaction
from bot.errors import OverBudget, Unavailable, UserError
from bot.i18n.message import ENGLISH, Translator
from cogs.common.locale import translator_of
from cogs.common.responses import Responder

log = logging.getLogger(__name__)


async def report_failure(interaction: Interaction, error: Exception) -> None:
    """Put a failure into words. Only a UserError's own text reaches the person."""
    await _say(interaction, failure_text(error, await _language(interaction)))


def failure_text(error: Exception, t: Translator) -> str:
    """A sentence for the person; the log gets the cause, under the reference that the sentence names.

    What the person alone can mend, such as a word mistyped, needs no reference.
    """
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    reference = secrets.token_hex(4)
    if isinstance(cause, (Unavailable, OverBudget)):
        log.warning("refused, reference %s: %s", reference, cause, exc_info=cause.__cause__)
        under = t("(reference `{reference}`)", reference=reference)
        return f"{t(cause.message)} {under}"
    if isinstance(cause, UserError):
        log.info("refused: %s", cause, exc_info=cause.__cause__)
        return t(cause.message)
    if isinstance(cause, app_commands.CheckFailure):
        log.info("refused: %s", cause)
        return t("You may not use this command here.")
    log.error("command failed, reference %s", reference, exc_info=cause)
    return t(
        "Something went wrong on our side. Tell an operator the reference `{reference}`.", reference=reference
    )


async def _language(interaction: Interaction) -> Translator:
    """The person's language; English where even that cannot be found out."""
    try:
        return await translator_of(interaction)
    except Exception:
        log.exception("whose language is not known")
        return ENGLISH


async def _say(interaction: Interaction, text: str) -> None:
    """Answer the person alone, or where the answer is shown to everyone by then."""
    responder: Responder | None = interaction.extras.get("showing")
    thinking = interaction.response.type is discord.InteractionResponseType.deferred_channel_message
    try:
        if responder:
            await responder.send_error(text)
        elif not interaction.response.is_done():
            await interaction.response.send_message(text, ephemeral=True)
        elif thinking:
            await interaction.edit_original_response(content=text, embed=None, view=None)
        else:  # a button's own message stays as it is
            await interaction.followup.send(text, ephemeral=True)
    except (discord.HTTPException, Unavailable):
        log.warning("nobody could be told: %s", text, exc_info=True)
