"""Thumbs under a description: reactions if the bot may add them, buttons otherwise."""

import logging
from dataclasses import replace

import discord

from bot.app import App
from bot.client import Interaction
from bot.dataset.versions.admission import OF_SCENE, OUTSIDE_VOCABULARY, VoteEffect
from bot.errors import DatabaseBusy
from bot.i18n.message import Translator, mark
from bot.rating.votes import DOWN, UP
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.locale import translator_or_english
from cogs.common.persistent import PersistentButton
from cogs.common.responses import confirm

log = logging.getLogger(__name__)

_UNFIT_SCENE = mark("The bot does not learn from this scene, and `/top` has none.")
_UNLEARNT = {
    OUTSIDE_VOCABULARY: mark("Votes here are for `/top` alone: the bot does not learn from this power."),
    OF_SCENE: mark("The bot does not learn from scenes, and `/top` has none."),
    _UNFIT_SCENE: _UNFIT_SCENE,
}
_THUMBS = {"up": UP, "down": DOWN}
_BUTTONS_IN_A_ROW = 5  # at most, by Discord's limit


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
        t = await translator_or_english(interaction)  # the vote is stored: nothing after it may fail
        if voted:
            text = t("Your {emoji} is noted; the same button takes it back.", emoji=self.emoji)
            text += await _effect_text(app, self.description_id, interaction.user.id, t)
        else:
            text = t("Your {emoji} is taken back.", emoji=self.emoji)
        await confirm(interaction, text)


async def _effect_text(app: App, description_id: int, user_id: int, t: Translator) -> str:
    """Return a line on what a vote does; empty if there is nothing to say, or it cannot be looked up.

    A failure must not reach the person: the vote is stored, and a second press would take it back.
    """
    try:
        effect = await app.admission.effect(description_id, user_id)
        if effect and effect.rejection_reason == OF_SCENE and app.trainable_scenes.enabled:
            is_fit = await app.trainable_scenes.is_fit(description_id)
            effect = replace(effect, rejection_reason=None if is_fit else _UNFIT_SCENE)
        text = _describe_effect(effect, t) if effect else ""
    except DatabaseBusy as error:
        log.info("what a vote does could not be looked up: %s", error)
        return ""
    except Exception:
        log.exception("what a vote on description %d does could not be told", description_id)
        return ""
    return f"\n{text}" if text else ""


def _describe_effect(effect: VoteEffect, t: Translator) -> str:
    """Return why a vote does not count, or what its text lacks to train.

    It does not promise that the vote counts: that a voter is an outlier is told to nobody.
    """
    fault = effect.rejection_reason
    if effect.not_counted:
        return t(effect.not_counted)
    if fault in _UNLEARNT:
        return t(_UNLEARNT[fault])
    if fault:
        return t(
            "Votes here are for `/top` alone: the bot does not learn from this text ({fault}).",
            fault=t(fault),
        )
    return "" if effect.more is None else _more_text(effect.more, t)


def _more_text(more: int, t: Translator) -> str:
    """Return how many more thumbs up a text needs."""
    if not more:
        return t("By the votes so far, the bot may learn from this text.")
    return t.count(
        "By the votes so far, the bot may learn from this text after {number} more {up}.",
        "By the votes so far, the bot may learn from this text after {number} more {up}.",
        more,
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
    """Return a message's buttons, and both thumbs after them: in the last row if that has room."""
    view = discord.ui.View.from_message(message, timeout=None)
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    has_room = bool(rows) and len(rows[-1].children) + len(_THUMBS) <= _BUTTONS_IN_A_ROW
    for thumb in _THUMBS:
        button = ThumbButton(thumb, description_id)
        button.row = len(rows) - has_room
        view.add_item(button)
    view.stop()  # the bot finds the buttons by their custom ids, not by this view
    return view
