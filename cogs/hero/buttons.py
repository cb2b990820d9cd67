"""Buttons of a hero's message: Stop while it is being written, Again and Report under what was written."""

from typing import Any

import discord

from bot.i18n.message import ENGLISH, Language, later
from cogs.common.persistent import LastingButton, lasting

_LOOKS = {
    "stop": (later("Stop"), discord.ButtonStyle.secondary),
    "again": (later("Again"), discord.ButtonStyle.secondary),
    "report": (later("Report"), discord.ButtonStyle.secondary),
}


class HeroButton(
    LastingButton,
    template=r"hero:(?P<action>stop|again|report):(?P<subject>[0-9]{1,20})",
):
    """One button. What it does stands in its id, so it outlives a restart.

    The other part of the id is the description's, or what the writing goes by that it stops.
    """

    def __init__(self, action: str, subject: int, say: Language = ENGLISH) -> None:
        label, style = _LOOKS[action]
        super().__init__(f"hero:{action}:{subject}", label=say(label), style=style)
        self.action = action
        self.subject = subject

    async def act(self, interaction: discord.Interaction[Any]) -> None:
        """Leave it to the cogs."""
        heroes, sight = interaction.client.get_cog("HeroCog"), interaction.client.get_cog("SightCog")
        act = {"stop": heroes.writings.stop, "again": heroes.again, "report": sight.report}[self.action]
        await act(interaction, self.subject)


def buttons(*actions: str, subject: int, say: Language) -> discord.ui.View:
    """Buttons for a message."""
    return lasting(HeroButton(action, subject, say) for action in actions)
