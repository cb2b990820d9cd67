"""The button by which an operator lets the winner of a trial go live."""

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator
from cogs.common.locale import translator_of
from cogs.common.permissions import require_operator
from cogs.common.persistent import PersistentButton, persistent_view


class PromoteButton(PersistentButton, template=r"promote:(?P<trial_id>[0-9]{1,18})"):
    """Promotes what a notice proposes. The trial stands in its id, so it outlives a restart."""

    def __init__(self, trial_id: int, t: Translator = ENGLISH) -> None:
        super().__init__(f"promote:{trial_id}", label=t("Promote"), style=discord.ButtonStyle.success)
        self.trial_id = trial_id

    async def handle(self, interaction: Interaction) -> None:
        """Promote, and say so in the notice's own message, which needs its button no more."""
        await require_operator(interaction)
        await interaction.response.defer()
        promoted = await interaction.client.app.trials.promote(self.trial_id, actor_id=interaction.user.id)
        said = interaction.message.content if interaction.message else ""
        t = await translator_of(interaction)
        if promoted.changed:
            done = t(
                "✅ Model {number} is live, by {person}. `/models rollback` undoes it.",
                number=promoted.model.id,
                person=interaction.user.mention,
            )
        else:
            done = t("✅ Model {number} was live already.", number=promoted.model.id)
        await interaction.edit_original_response(
            content=f"{said}\n{done}", view=None, allowed_mentions=discord.AllowedMentions.none()
        )


def promotion_view(t: Translator, trial_id: int) -> discord.ui.View:
    """The button of a trial that was won."""
    return persistent_view([PromoteButton(trial_id, t)])
