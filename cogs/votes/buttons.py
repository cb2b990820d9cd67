"""Thumbs under a description: reactions if the bot may add them, buttons otherwise."""

import logging

import discord

from bot.app import App
from bot.client import Interaction
from bot.dataset.versions.admission import OUTSIDE_VOCABULARY, Prospect
from bot.errors import DatabaseBusy
from bot.i18n.message import Translator
from bot.rating.votes import DOWN, UP
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.locale import translator_of
from cogs.common.persistent import PersistentButton
from cogs.common.responses import confirm

log = logging.getLogger(__name__)

_THUMBS = {"up": UP, "down": DOWN}


class ThumbButton(
    PersistentButton,
    template=r"vote:(?P<thumb>up|down):(?P<description_id>[0-9]{1,18})",
):
    """A vote on a description."""

    def __init__(self, thumb: str, description_id: int) -> None:
        super().__init__(f"vote:{thumb}:{description_id}", emoji=_THUMBS[thumb])
        self.emoji = _THUMBS[thumb]
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        """Add the vote, or take it back if the same button was pressed before."""
        await interaction.response.defer(ephemeral=True)
        app = interaction.client.app
        voted = await app.votes.toggle(self.description_id, interaction.user.id, self.emoji)
        t = await translator_of(interaction)
        if voted:
            text = t("Your {emoji} is noted; the same button takes it back.", emoji=self.emoji)
            text += await _effect_text(app, self.description_id, interaction.user.id, t)
        else:
            text = t("Your {emoji} is taken back.", emoji=self.emoji)
        await confirm(interaction, text)


async def _effect_text(app: App, description_id: int, user_id: int, t: Translator) -> str:
    """Return a line on whether a vote counts, and what the text lacks to train; empty if that is unknown."""
    try:
        uncounted = await app.scores.uncounted_reason(description_id, app.pseudonyms.of(user_id))
        prospect = await app.dataset_statuses.admission.prospect(description_id)
    except DatabaseBusy as error:  # the vote itself is stored
        log.info("what a vote does could not be looked up: %s", error)
        return ""
    if uncounted:
        return f"\n{t(uncounted)}"
    return f"\n{_prospect_text(prospect, t)}" if prospect else ""


def _prospect_text(prospect: Prospect, t: Translator) -> str:
    """Return what a text whose votes count lacks to train."""
    fault = prospect.rejection_reason
    if fault == OUTSIDE_VOCABULARY:
        return t("It counts for /top, but the bot does not learn from this power.")
    if fault:
        return t("It counts for /top, but the bot does not learn from this text: {fault}.", fault=t(fault))
    if prospect.more is None:
        return t("It counts.")
    if not prospect.more:
        return t("It counts. Enough people like this text: the bot may learn from it.")
    return t.count(
        "It counts. The bot may learn from this text after {number} more {up}.",
        "It counts. The bot may learn from this text after {number} more {up}.",
        prospect.more,
        up=UP,
    )


async def offer_thumbs(message: discord.Message, description_id: int) -> None:
    """Add both thumbs as reactions; if that is not allowed, add them as buttons."""
    try:
        if _may_react(message):
            try:
                for thumb in _THUMBS.values():
                    await message.add_reaction(thumb)
            except discord.HTTPException as error:
                log.info("no reactions under message %d: %s", message.id, error)
            else:
                return
        await message.edit(view=_with_thumbs(message, description_id))
    except DISCORD_FAILURES as error:
        log.warning("no thumbs under message %d: %s", message.id, error)


def _may_react(message: discord.Message) -> bool:
    """Return whether reactions are worth trying: the bot is in the server and has the permissions.

    They are not if only a person has installed the bot. In direct messages nobody else could vote.
    """
    me = message.guild.me if message.guild else None
    if me is None or not isinstance(message.channel, discord.abc.GuildChannel):
        return me is not None
    permissions = message.channel.permissions_for(me)
    return permissions.add_reactions and permissions.read_message_history


def _with_thumbs(message: discord.Message, description_id: int) -> discord.ui.View:
    view = discord.ui.View.from_message(message, timeout=None)
    for thumb in _THUMBS:
        view.add_item(ThumbButton(thumb, description_id))
    view.stop()  # the bot finds the buttons by their custom ids, not by this view
    return view
