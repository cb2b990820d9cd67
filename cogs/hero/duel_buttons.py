"""The buttons of a duel: vote for a text, report a text."""

from typing import get_args

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator, mark
from bot.rating.duels import Choice, DuelVoteResult, Pairing, Position
from cogs.common.content import MessageContent
from cogs.common.locale import translator_or_english
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer

_TEXTS = {"a": "A", "b": "B"}  # alike in all languages
_REPORTS = {"a": mark("Report A"), "b": mark("Report B")}


class DuelButton(
    PersistentButton,
    template=r"duel:(?P<choice>a|b|tie):(?P<duel_id>[0-9]{1,18})",
):
    """A vote in a duel."""

    def __init__(self, choice: Choice, duel_id: int, t: Translator = ENGLISH) -> None:
        style = discord.ButtonStyle.secondary if choice == "tie" else discord.ButtonStyle.primary
        super().__init__(f"duel:{choice}:{duel_id}", label=_TEXTS.get(choice) or t("Tie"), style=style, row=0)
        self.choice = choice
        self.duel_id = duel_id

    async def handle(self, interaction: Interaction) -> None:
        """Record the vote and reveal the models to the voter alone: the message stays blind for others."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        result = await interaction.client.app.duels.vote(self.duel_id, interaction.user.id, self.choice)
        t = await translator_or_english(interaction)  # the vote is stored, and final
        await answer(interaction, MessageContent(content=_result_text(result, t), view=_keep_buttons(result)))


def _keep_buttons(result: DuelVoteResult) -> discord.ui.View:
    """Return buttons that keep either text, as who has voted knows the models: KeepButton handles them."""
    texts = {"a": result.a, "b": result.b}
    return persistent_view(
        discord.ui.Button(custom_id=f"hero:keep:{text.id}", emoji="🔖", label=_TEXTS[position])
        for position, text in texts.items()
    )


def duel_buttons(pairing: Pairing, t: Translator) -> discord.ui.View:
    """Return the vote buttons, if both texts are visible, and a report button for each visible text."""
    votes = [DuelButton(choice, pairing.id, t) for choice in get_args(Choice)]
    visible = [position for position in get_args(Position) if pairing.text(position).removed_at is None]
    reports = [_report_button(position, pairing.id, t) for position in visible]
    return persistent_view([*votes, *reports] if pairing.visible else reports)


def _report_button(position: Position, duel_id: int, t: Translator) -> discord.ui.Button[discord.ui.View]:
    """Return a button that DuelReportButton in cogs/moderation/buttons.py handles."""
    label = t(_REPORTS[position])
    return discord.ui.Button(custom_id=f"duel_report:{position}:{duel_id}", label=label, row=1)


def _result_text(result: DuelVoteResult, t: Translator) -> str:
    picked = _TEXTS.get(result.choice) or t("a tie")
    if result.repeated:
        vote = t("Your vote is final: you chose {picked}.", picked=picked)
    elif result.not_counted:
        vote = f"{t('You chose {picked}.', picked=picked)} {t(result.not_counted)}"
    else:
        vote = t("You chose {picked}, and it counts. Thank you.", picked=picked)
    lines = [vote, _authors_text(result, t)]
    if result.progress:
        lines.append(t(result.progress))
    return "\n".join(lines)


def _authors_text(result: DuelVoteResult, t: Translator) -> str:
    """Return who wrote which text, and what votes can still change, or which model is live since."""
    numbers = {"a": result.a.version, "b": result.b.version}
    if result.is_trial_over and result.serving is None:
        return t(
            "A is by model {a}, B by model {b}. Their trial is over: the base model answers now.", **numbers
        )
    if result.is_trial_over:
        return t(
            "A is by model {a}, B by model {b}. Their trial is over: model {number} is live now.",
            **numbers,
            number=result.serving,
        )
    live_is_a = mark(
        "A is by model {a}, which is live; B is by model {b}, the new one, which takes over if votes "
        "prove it better."
    )
    live_is_b = mark(
        "A is by model {a}, the new one, which takes over if votes prove it better; B is by model {b}, "
        "which is live."
    )
    return t(live_is_a if result.live == "a" else live_is_b, **numbers)
