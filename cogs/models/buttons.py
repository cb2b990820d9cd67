"""The button with which an operator promotes the winner of a trial."""

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator
from cogs.common.locale import translator_of
from cogs.common.permissions import require_operator
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer


class PromoteButton(PersistentButton, template=r"promote:(?P<trial_id>[0-9]{1,18})"):
    """Promotes a trial's winner. Its custom_id holds the trial, so it survives restarts."""

    def __init__(self, trial_id: int, t: Translator = ENGLISH) -> None:
        super().__init__(f"promote:{trial_id}", label=t("Promote"), style=discord.ButtonStyle.success)
        self.trial_id = trial_id

    async def handle(self, interaction: Interaction) -> None:
        """Promote the model, add that to the message, and remove the button."""
        await require_operator(interaction)
        await interaction.response.defer()
        promoted = await interaction.client.app.trials.promote(self.trial_id, actor_id=interaction.user.id)
        content = interaction.message.content if interaction.message else ""
        t = await translator_of(interaction)
        if promoted.changed:
            done = t(
                "✅ Model {number} is live, by {person}. `/models rollback` undoes it.",
                number=promoted.model.id,
                person=interaction.user.mention,
            )
        else:
            done = t("✅ Model {number} was live already.", number=promoted.model.id)
        await answer(
            interaction,
            f"{content}\n{done}",
        )


def promotion_view(t: Translator, trial_id: int) -> discord.ui.View:
    """Return the button of a trial that was won."""
    return persistent_view([PromoteButton(trial_id, t)])
