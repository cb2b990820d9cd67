"""The buttons with which people report a text."""

from bot.client import Interaction
from bot.rating.duels import Position
from cogs.common.persistent import PersistentButton
from cogs.moderation.reports import ask_for_report


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
