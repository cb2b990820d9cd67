"""The buttons with which an operator promotes the winner of a trial, or a model that its check held back."""

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator, mark
from bot.registry.names import model_name
from cogs.common.locale import translator_of_button
from cogs.common.permissions import require_operator
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer

_PROMOTE = mark("Promote")
_OVERRULE = mark("Make it live anyway")


class PromoteButton(PersistentButton, template=r"promote:(?P<trial_id>[0-9]{1,18})"):
    """Promotes a trial's winner. Its custom_id holds the trial, so it survives restarts."""

    def __init__(self, trial_id: int, t: Translator = ENGLISH) -> None:
        super().__init__(f"promote:{trial_id}", label=t(_PROMOTE), style=discord.ButtonStyle.success)
        self.trial_id = trial_id

    async def handle(self, interaction: Interaction) -> None:
        """Promote the model, add that to the message, and remove the button."""
        await require_operator(interaction)
        await interaction.response.defer()
        promoted = await interaction.client.app.trials.promote(self.trial_id, actor_id=interaction.user.id)
        content = interaction.message.content if interaction.message else ""
        t = await translator_of_button(interaction, _PROMOTE)
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


class OverruleButton(PersistentButton, template=r"overrule:(?P<model_id>[0-9]{1,18})"):
    """Promotes a model although its check did not let it."""

    def __init__(self, model_id: int, t: Translator = ENGLISH) -> None:
        super().__init__(f"overrule:{model_id}", label=t(_OVERRULE), style=discord.ButtonStyle.danger)
        self.model_id = model_id

    async def handle(self, interaction: Interaction) -> None:
        """Promote the model, add that to the message, and remove the button."""
        await require_operator(interaction)
        await interaction.response.defer()
        trials = interaction.client.app.trials
        live = await trials.make_live(self.model_id, actor_id=interaction.user.id, overrule=True)
        t = await translator_of_button(interaction, _OVERRULE)
        done = t(
            "✅ {model} is live, by {person}, though its check did not let it.",
            model=model_name(live.id),
            person=interaction.user.mention,
        )
        content = interaction.message.content if interaction.message else ""
        await answer(interaction, f"{content}\n{done}")


def overrule_view(t: Translator, model_id: int) -> discord.ui.View:
    """Return the button that lets a model serve although its check did not."""
    return persistent_view([OverruleButton(model_id, t)])


def promotion_view(t: Translator, trial_id: int) -> discord.ui.View:
    """Return the button of a trial that was won."""
    return persistent_view([PromoteButton(trial_id, t)])
