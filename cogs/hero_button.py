"""Buttons of a hero's message: Stop while it is being written, Again and Report under what was written."""

import re
from typing import Any, Self

import discord

from bot.language import ENGLISH, Language, later
from cogs.failures import tell_failure
from cogs.lasting import lasting

_LOOKS = {
    "stop": (later("Stop"), discord.ButtonStyle.secondary),
    "again": (later("Again"), discord.ButtonStyle.secondary),
    "report": (later("Report"), discord.ButtonStyle.secondary),
}


class HeroButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"hero:(?P<action>stop|again|report):(?P<id>[0-9]{1,20})",
):
    """One button. What it does stands in its id, so it outlives a restart.

    The other part of the id is the description's, or what the writing goes by that it stops.
    """

    def __init__(self, action: str, subject: int, say: Language = ENGLISH) -> None:
        label, style = _LOOKS[action]
        super().__init__(
            discord.ui.Button(label=say(label), style=style, custom_id=f"hero:{action}:{subject}")
        )
        self.action = action
        self.subject = subject

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["action"], int(match["id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Leave it to the cog. discord.py would only log what fails: we tell the person."""
        try:
            cog = interaction.client.get_cog("HeroCog")
            act = {"stop": cog.stop, "again": cog.again, "report": cog.report}[self.action]
            await act(interaction, self.subject)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is put into words and logged there)
            await tell_failure(interaction, error)


def buttons(*actions: str, subject: int, say: Language) -> discord.ui.View:
    """Buttons for a message."""
    return lasting(HeroButton(action, subject, say) for action in actions)
