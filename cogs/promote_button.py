"""The button by which an operator lets the winner of a trial go live."""

import re
from typing import Any, Self

import discord

from cogs.failures import tell_failure
from cogs.lasting import lasting
from cogs.operators import require_operator


class PromoteButton(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]], template=r"promote:(?P<trial>[0-9]{1,18})"
):
    """Promotes what a notice proposes. The trial stands in its id, so it outlives a restart."""

    def __init__(self, trial_id: int) -> None:
        super().__init__(
            discord.ui.Button(
                label="Promote", style=discord.ButtonStyle.success, custom_id=f"promote:{trial_id}"
            )
        )
        self.trial_id = trial_id

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["trial"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Promote, and say so in the notice's own message, which needs its button no more."""
        try:
            await require_operator(interaction)
            await interaction.response.defer()
            live = await interaction.client.app.trials.promote(self.trial_id, actor_id=interaction.user.id)
            said = interaction.message.content if interaction.message else ""
            done = f"✅ Model {live.id} is live, by {interaction.user.mention}. `/models rollback` undoes it."
            await interaction.edit_original_response(
                content=f"{said}\n{done}", view=None, allowed_mentions=discord.AllowedMentions.none()
            )
        except Exception as error:  # noqa: BLE001 (whatever it is, it is put into words and logged there)
            await tell_failure(interaction, error)


def promotion(trial_id: int) -> discord.ui.View:
    """The button of a trial that was won."""
    return lasting([PromoteButton(trial_id)])
