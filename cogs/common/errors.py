"""Error messages: what a person reads when a command, button, modal or mention fails."""

import logging

import discord
from discord import app_commands

from bot.client import Interaction
from bot.errors import JobActive, OverBudget, Unavailable, Undeliverable, UserError
from bot.i18n.message import Translator
from bot.logs import ensure_reference
from bot.monitoring.interactions import Outcome
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.locale import translator_or_english
from cogs.common.responses import InteractionResponder, Responder, responder_of

log = logging.getLogger(__name__)


async def report_failure(interaction: Interaction, error: Exception) -> None:
    """Tell the person why an interaction failed. Only a UserError's own text reaches them.

    If a job stands in the way, a link leads to its message, which has its progress and its buttons.
    """
    t = await translator_or_english(interaction)
    text = failure_text(error, t)
    cause = _cause_of(error)
    if isinstance(cause, JobActive) and (link := _message_link(interaction, *cause.place)):
        text += " " + t("[Look at its message]({link})", link=link)
    await _send(interaction, text)
    interaction.client.interactions.end(outcome_of(error))


def outcome_of(error: Exception) -> Outcome:
    """Return how an interaction that failed is counted."""
    cause = _cause_of(error)
    if isinstance(cause, Undeliverable | discord.HTTPException):
        return "undelivered"
    if isinstance(cause, Unavailable | OverBudget):
        return "unavailable"
    return "refused" if isinstance(cause, UserError | app_commands.AppCommandError) else "failed"


def _message_link(interaction: Interaction, channel_id: int | None, message_id: int | None) -> str | None:
    """Return a link to a message in this channel or in a server's; other direct messages open to nobody."""
    if channel_id is None or message_id is None:
        return None
    channel = interaction.client.get_channel(channel_id)
    if isinstance(channel, (discord.abc.GuildChannel, discord.Thread)):
        guild_id: int | None = channel.guild.id
    elif channel_id == interaction.channel_id:
        guild_id = interaction.guild_id
    else:
        return None
    place = interaction.client.get_partial_messageable(channel_id, guild_id=guild_id)
    return place.get_partial_message(message_id).jump_url


def _cause_of(error: Exception) -> Exception:
    return error.original if isinstance(error, app_commands.CommandInvokeError) else error


def failure_text(error: Exception, t: Translator) -> str:
    """Return a sentence for the person, and log the cause under the reference that the sentence names.

    What the person alone can correct, such as a mistyped word, needs no reference. Its log line has no words
    of the person: the sentence stands in it without its fields.
    """
    cause = _cause_of(error)
    reference = ensure_reference()
    if isinstance(cause, (Unavailable, OverBudget)):
        log.warning("refused: %s", cause, exc_info=cause.__cause__)
        suffix = t("(reference `{reference}`)", reference=reference)
        return f"{t(cause.message)} {suffix}"
    if isinstance(cause, UserError):
        log.info("refused (%s): %s", type(cause).__name__, cause.message.template, exc_info=cause.__cause__)
        return t(cause.message)
    if isinstance(cause, app_commands.CheckFailure):
        log.info("refused: %s", cause)
        return t("You may not use this command here.")
    if outdated := _outdated_command_text(cause, t):
        log.warning("Discord shows an old list of commands: %s", cause)
        return outdated
    if isinstance(cause, discord.HTTPException):
        log.warning("Discord did not take an answer: %s", cause)
        return t(
            "Discord did not take my answer. Try again; if that does not help, tell an operator the "
            "reference `{reference}`.",
            reference=reference,
        )
    log.error("command failed", exc_info=cause)
    return t(
        "Something went wrong on our side. Tell an operator the reference `{reference}`.", reference=reference
    )


def _outdated_command_text(cause: BaseException, t: Translator) -> str | None:
    """Return what to do if Discord still has a command from an older version; None if it is anything else."""
    if isinstance(cause, app_commands.CommandNotFound):
        return t(
            "There is no command `/{name}` any more: Discord still shows an old list. `/help` has the "
            "commands of today.",
            name=" ".join([*cause.parents, cause.name]),
        )
    if isinstance(cause, app_commands.CommandSignatureMismatch):
        return t(
            "`/{name}` has other options now than your Discord shows. Restart your Discord app, and type it "
            "anew; `/help` says what it does.",
            name=cause.command.qualified_name,
        )
    return None


async def send_failure(responder: Responder, text: str) -> None:
    """Tell the person why nothing came; if Discord takes that nowhere, log it."""
    try:
        await responder.send_error(text)
    except (*DISCORD_FAILURES, Undeliverable) as error:
        log.warning("nobody could be told why nothing came: %s", error)


async def _send(interaction: Interaction, text: str) -> None:
    """Send the text to the person alone, also if "is thinking" was shown to everyone."""
    responder = responder_of(interaction)
    if responder:
        await send_failure(responder, text)
        return
    thinking = interaction.response.type is discord.InteractionResponseType.deferred_channel_message
    try:
        if not interaction.response.is_done():
            await interaction.response.send_message(text, ephemeral=True)
        elif thinking:
            await InteractionResponder(interaction).send_error(text)
        else:  # a button's own message stays as it is
            await interaction.followup.send(text, ephemeral=True)
    except (*DISCORD_FAILURES, Undeliverable) as error:
        log.warning("nobody could be told why nothing came: %s", error)
