"""Buttons by which operators remove or keep what was reported."""

import re
from typing import Any, Self

import discord

from cogs.failures import tell_failure
from cogs.lasting import lasting
from cogs.operators import require_operator

_LOOKS = {"remove": ("Remove", discord.ButtonStyle.danger), "keep": ("Keep", discord.ButtonStyle.secondary)}


class RemovalButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"removal:(?P<verdict>remove|keep):(?P<id>[0-9]{1,18})",
):
    """One verdict on one description. Both stand in its id, so it outlives a restart."""

    def __init__(self, verdict: str, description_id: int) -> None:
        label, style = _LOOKS[verdict]
        custom_id = f"removal:{verdict}:{description_id}"
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=custom_id))
        self.verdict = verdict
        self.description_id = description_id

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["verdict"], int(match["id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Carry the verdict out and put it in the place of the buttons."""
        try:
            await require_operator(interaction)
            await interaction.response.defer()
            removals = interaction.client.app.removals
            judge = removals.remove if self.verdict == "remove" else removals.keep
            description = await judge(self.description_id)
            await interaction.client.get_cog("HeroCog").show_anew(description)
            said = interaction.message.content if interaction.message else ""
            done = "🗑️ Removed" if self.verdict == "remove" else "✅ Kept"
            await interaction.edit_original_response(
                content=f"{said[:1900]}\n{done}, by {interaction.user.mention}.", view=None
            )
        except Exception as error:  # noqa: BLE001 (whatever it is, it is put into words and logged there)
            await tell_failure(interaction, error)


def verdicts(description_id: int) -> discord.ui.View:
    """Both buttons."""
    return lasting(RemovalButton(verdict, description_id) for verdict in _LOOKS)
