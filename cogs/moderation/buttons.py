"""Buttons: people report a text, operators remove or keep it."""

import re

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator, mark
from bot.rating.duels import Position
from cogs.common.locale import translator_of
from cogs.common.permissions import require_operator
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.moderation.reports import refresh_message, report, report_in_duel

_QUOTED = re.compile(r"```.*?```", re.DOTALL)
_NOT_OURS = mark(
    "Its message in Discord stays as it is: I may not change it there. Where only a person installed me, "
    "I can change a message only while somebody clicks under it."
)
_LOOKS = {
    "remove": (mark("Remove"), discord.ButtonStyle.danger),
    "keep": (mark("Keep"), discord.ButtonStyle.secondary),
}


class ReportButton(PersistentButton, template=r"hero:report:(?P<description_id>[0-9]{1,20})"):
    """Reports a description to the operators."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:report:{description_id}")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await report(interaction, self.description_id)


class DuelReportButton(
    PersistentButton,
    template=r"duel_report:(?P<letter>a|b):(?P<duel_id>[0-9]{1,18})",
):
    """Reports one text of a duel."""

    def __init__(self, letter: Position, duel_id: int) -> None:
        super().__init__(f"duel_report:{letter}:{duel_id}")
        self.letter = letter
        self.duel_id = duel_id

    async def handle(self, interaction: Interaction) -> None:
        await report_in_duel(interaction, self.duel_id, self.letter)


class RemovalButton(
    PersistentButton,
    template=r"removal:(?P<verdict>remove|keep):(?P<description_id>[0-9]{1,18})",
):
    """One verdict on one description. Both stand in its id, so it outlives a restart."""

    def __init__(self, verdict: str, description_id: int, t: Translator = ENGLISH) -> None:
        label, style = _LOOKS[verdict]
        super().__init__(f"removal:{verdict}:{description_id}", label=t(label), style=style)
        self.verdict = verdict
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        """Carry the verdict out and put it in the place of the buttons."""
        await require_operator(interaction)
        await interaction.response.defer()
        removals = interaction.client.app.content_reports
        judge = removals.remove if self.verdict == "remove" else removals.keep
        description = await judge(self.description_id)
        changed = await refresh_message(interaction.client, description)
        said = interaction.message.content if interaction.message else ""
        t = await translator_of(interaction)
        done = mark("🗑️ Removed, by {person}.") if self.verdict == "remove" else mark("✅ Kept, by {person}.")
        verdict = t(done, person=interaction.user.mention)
        if not changed:
            verdict += f"\n{t(_NOT_OURS)}"
        if self.verdict == "remove":
            said = _QUOTED.sub("```…```", said)  # from this sight too
        await interaction.edit_original_response(content=f"{said[:1600]}\n{verdict}", view=None)


def verdict_view(t: Translator, description_id: int) -> discord.ui.View:
    """Both buttons."""
    return persistent_view(RemovalButton(verdict, description_id, t) for verdict in _LOOKS)
