"""The buttons of a duel: which text is better, and a report of either."""

from typing import get_args

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator, mark
from bot.rating.duels import Choice, DuelVoteResult, Pairing, Position
from cogs.common.locale import translator_of
from cogs.common.persistent import PersistentButton, persistent_view

_CHOICES = {"a": "A", "b": "B", "tie": mark("Tie")}
_REPORTS = {"a": mark("Report A"), "b": mark("Report B")}


class DuelButton(
    PersistentButton,
    template=r"duel:(?P<choice>a|b|tie):(?P<duel_id>[0-9]{1,18})",
):
    """One answer to a duel. Duel and answer stand in its id, so it outlives a restart."""

    def __init__(self, choice: Choice, duel_id: int, t: Translator = ENGLISH) -> None:
        style = discord.ButtonStyle.secondary if choice == "tie" else discord.ButtonStyle.primary
        super().__init__(f"duel:{choice}:{duel_id}", label=t(_CHOICES[choice]), style=style, row=0)
        self.choice = choice
        self.duel_id = duel_id

    async def handle(self, interaction: Interaction) -> None:
        """Keep the vote and tell the voter alone who wrote what: the message stays blind for the others."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pick = await interaction.client.app.duels.vote(self.duel_id, interaction.user.id, self.choice)
        t = await translator_of(interaction)
        await interaction.edit_original_response(content=_revealed(pick, t))


def duel_buttons(pairing: Pairing, t: Translator) -> discord.ui.View:
    """What may be done: votes where both texts are in sight, a report of each that is."""
    votes = [DuelButton(choice, pairing.id, t) for choice in get_args(Choice)]
    seen = [letter for letter in get_args(Position) if pairing.text(letter).removed_at is None]
    reports = [_report_button(letter, pairing.id, t) for letter in seen]
    return persistent_view([*votes, *reports] if pairing.visible else reports)


def _report_button(letter: Position, duel_id: int, t: Translator) -> discord.ui.Button[discord.ui.View]:
    """A button that reports one text; cogs/moderation/buttons.py handles it."""
    return discord.ui.Button(custom_id=f"duel_report:{letter}:{duel_id}", label=t(_REPORTS[letter]), row=1)


def _revealed(pick: DuelVoteResult, t: Translator) -> str:
    picked = t("a tie") if pick.choice == "tie" else _CHOICES[pick.choice]
    if pick.repeated:
        first = t("Your vote is final: you said {picked}.", picked=picked)
    else:
        first = t("You say {picked}: thank you.", picked=picked)
    live_is_a = mark("A was written by model {a}, the live one, B by model {b}, the candidate.")
    live_is_b = mark("A was written by model {a}, the candidate, B by model {b}, the live one.")
    wrote = t(live_is_a if pick.live == "a" else live_is_b, a=pick.a.version, b=pick.b.version)
    return f"{first}\n{wrote}"
