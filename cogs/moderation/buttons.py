"""Moderation buttons: people report a text, operators remove or keep it."""

import re

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator, mark
from bot.rating.duels import Position
from cogs.common.locale import translator_of
from cogs.common.permissions import require_operator
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer
from cogs.moderation.reports import ask_for_report, refresh_message

_QUOTE = re.compile(r"^> [^\n]*$|```.*?```", re.DOTALL | re.MULTILINE)  # code blocks stand in older messages
_NOT_EDITABLE = mark(
    "Its message in Discord stays as it is: I may not change it there. Where only a person installed me, "
    "I can change a message only while somebody clicks under it."
)
_VERDICTS = {
    "remove": (mark("Remove"), discord.ButtonStyle.danger),
    "keep": (mark("Keep"), discord.ButtonStyle.secondary),
}


class ReportButton(PersistentButton, template=r"hero:report:(?P<description_id>[0-9]{1,20})"):
    """Reports a description to the operators."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:report:{description_id}")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await ask_for_report(interaction, self.description_id)


class DuelReportButton(
    PersistentButton,
    template=r"duel_report:(?P<position>a|b):(?P<duel_id>[0-9]{1,18})",
):
    """Reports one text of a duel."""

    def __init__(self, position: Position, duel_id: int) -> None:
        super().__init__(f"duel_report:{position}:{duel_id}")
        self.position = position
        self.duel_id = duel_id

    async def handle(self, interaction: Interaction) -> None:
        pairing = await interaction.client.app.duels.get(self.duel_id)
        await ask_for_report(interaction, pairing.text(self.position).id)


class RemovalButton(
    PersistentButton,
    template=r"removal:(?P<verdict>remove|keep):(?P<description_id>[0-9]{1,18})",
):
    """An operator's verdict on a reported description."""

    def __init__(self, verdict: str, description_id: int, t: Translator = ENGLISH) -> None:
        label, style = _VERDICTS[verdict]
        super().__init__(f"removal:{verdict}:{description_id}", label=t(label), style=style)
        self.verdict = verdict
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        """Apply the verdict and put it in place of the buttons."""
        await require_operator(interaction)
        await interaction.response.defer()
        reports = interaction.client.app.content_reports
        apply = reports.remove if self.verdict == "remove" else reports.keep
        description = await apply(self.description_id)
        refreshed = await refresh_message(interaction.client, description)
        content = interaction.message.content if interaction.message else ""
        t = await translator_of(interaction)
        done = mark("🗑️ Removed, by {person}.") if self.verdict == "remove" else mark("✅ Kept, by {person}.")
        verdict = t(done, person=interaction.user.mention)
        if not refreshed:
            verdict += f"\n{t(_NOT_EDITABLE)}"
        if self.verdict == "remove":
            content = _QUOTE.sub("> …", content)  # the notification quotes the text as well
        await answer(interaction, f"{content[:1600]}\n{verdict}")


def verdict_view(t: Translator, description_id: int) -> discord.ui.View:
    """Return the buttons for both verdicts."""
    return persistent_view(RemovalButton(verdict, description_id, t) for verdict in _VERDICTS)
