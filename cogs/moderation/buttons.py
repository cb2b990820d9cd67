"""Buttons by which operators remove or keep what was reported."""

import re
from typing import Any

import discord

from bot.i18n.message import ENGLISH, Language, later
from cogs.common.locale import language_of
from cogs.common.permissions import require_operator
from cogs.common.persistent import LastingButton, lasting

_QUOTED = re.compile(r"```.*?```", re.DOTALL)
_NOT_OURS = later(
    "Its message in Discord stays as it is: I may not change it there. Where only a person installed me, "
    "I can change a message only while somebody clicks under it."
)
_LOOKS = {
    "remove": (later("Remove"), discord.ButtonStyle.danger),
    "keep": (later("Keep"), discord.ButtonStyle.secondary),
}


class RemovalButton(
    LastingButton,
    template=r"removal:(?P<verdict>remove|keep):(?P<description_id>[0-9]{1,18})",
):
    """One verdict on one description. Both stand in its id, so it outlives a restart."""

    def __init__(self, verdict: str, description_id: int, say: Language = ENGLISH) -> None:
        label, style = _LOOKS[verdict]
        super().__init__(f"removal:{verdict}:{description_id}", label=say(label), style=style)
        self.verdict = verdict
        self.description_id = description_id

    async def act(self, interaction: discord.Interaction[Any]) -> None:
        """Carry the verdict out and put it in the place of the buttons."""
        await require_operator(interaction)
        await interaction.response.defer()
        removals = interaction.client.app.removals
        judge = removals.remove if self.verdict == "remove" else removals.keep
        description = await judge(self.description_id)
        changed = await interaction.client.get_cog("SightCog").show_anew(description)
        said = interaction.message.content if interaction.message else ""
        say = await language_of(interaction)
        done = (
            later("🗑️ Removed, by {person}.") if self.verdict == "remove" else later("✅ Kept, by {person}.")
        )
        verdict = say(done, person=interaction.user.mention)
        if not changed:
            verdict += f"\n{say(_NOT_OURS)}"
        if self.verdict == "remove":
            said = _QUOTED.sub("```…```", said)  # from this sight too
        await interaction.edit_original_response(content=f"{said[:1600]}\n{verdict}", view=None)


def verdicts(say: Language, description_id: int) -> discord.ui.View:
    """Both buttons."""
    return lasting(RemovalButton(verdict, description_id, say) for verdict in _LOOKS)
