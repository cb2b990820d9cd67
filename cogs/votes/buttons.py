"""Thumbs under a description: reactions where the bot may leave them, buttons everywhere else."""

import logging

import discord

from bot.client import Interaction
from bot.rating.votes import DOWN, UP
from cogs.common.locale import translator_of
from cogs.common.persistent import PersistentButton

log = logging.getLogger(__name__)

_THUMBS = {"up": UP, "down": DOWN}


class ThumbButton(
    PersistentButton,
    template=r"vote:(?P<thumb>up|down):(?P<description_id>[0-9]{1,18})",
):
    """A vote on a description. Which one stands in its id, so it outlives a restart."""

    def __init__(self, thumb: str, description_id: int) -> None:
        super().__init__(f"vote:{thumb}:{description_id}", emoji=_THUMBS[thumb])
        self.emoji = _THUMBS[thumb]
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        """Keep the vote."""
        await interaction.response.defer(ephemeral=True)
        votes = interaction.client.app.votes
        stays = await votes.toggle(self.description_id, interaction.user.id, self.emoji)
        t = await translator_of(interaction)
        if stays:
            said = t("Your {emoji} is noted; the same button takes it back.", emoji=self.emoji)
        else:
            said = t("Your {emoji} is taken back.", emoji=self.emoji)
        await interaction.followup.send(said, ephemeral=True)


async def offer_thumbs(message: discord.Message, description_id: int) -> None:
    """Leave both thumbs to click on; where the bot may not, buttons beside those that are there already."""
    try:
        if _may_react(message):
            try:
                for thumb in _THUMBS.values():
                    await message.add_reaction(thumb)
            except discord.Forbidden as error:
                log.info("no reactions under message %d: %s", message.id, error)
            else:
                return
        await message.edit(view=_with_thumbs(message, description_id))
    except discord.HTTPException as error:
        log.warning("no thumbs under message %d: %s", message.id, error)


def _may_react(message: discord.Message) -> bool:
    """Whether it is worth trying: the bot is in the server, and nothing there forbids it.

    It is not where only a person has installed it, and in direct messages no one else could vote.
    """
    me = message.guild.me if message.guild else None
    if me is None or not isinstance(message.channel, discord.abc.GuildChannel):
        return me is not None
    allowed = message.channel.permissions_for(me)
    return allowed.add_reactions and allowed.read_message_history


def _with_thumbs(message: discord.Message, description_id: int) -> discord.ui.View:
    view = discord.ui.View.from_message(message, timeout=None)
    for thumb in _THUMBS:
        view.add_item(ThumbButton(thumb, description_id))
    view.stop()  # the buttons are found by their ids, not by this view
    return view
