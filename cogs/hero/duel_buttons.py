"""The buttons of a duel: which text is better, and a report of either."""

from typing import get_args

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Language, later
from bot.rating.duels import Choice, Letter, Pairing, Pick
from cogs.common.locale import language_of
from cogs.common.persistent import LastingButton, lasting

_CHOICES = {"a": "A", "b": "B", "tie": later("Tie")}
_REPORTS = {"a": later("Report A"), "b": later("Report B")}


class DuelButton(
    LastingButton,
    template=r"duel:(?P<choice>a|b|tie):(?P<duel_id>[0-9]{1,18})",
):
    """One answer to a duel. Duel and answer stand in its id, so it outlives a restart."""

    def __init__(self, choice: Choice, duel_id: int, say: Language = ENGLISH) -> None:
        style = discord.ButtonStyle.secondary if choice == "tie" else discord.ButtonStyle.primary
        super().__init__(f"duel:{choice}:{duel_id}", label=say(_CHOICES[choice]), style=style, row=0)
        self.choice = choice
        self.duel_id = duel_id

    async def act(self, interaction: Interaction) -> None:
        """Keep the vote and tell the voter alone who wrote what: the message stays blind for the others."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pick = await interaction.client.app.duels.voted(self.duel_id, interaction.user.id, self.choice)
        say = await language_of(interaction)
        await interaction.edit_original_response(content=_revealed(pick, say))


def duel_buttons(pairing: Pairing, say: Language) -> discord.ui.View:
    """What may be done: votes where both texts are in sight, a report of each that is."""
    votes = [DuelButton(choice, pairing.id, say) for choice in get_args(Choice)]
    seen = [letter for letter in get_args(Letter) if pairing.text(letter).removed_at is None]
    reports = [_report_button(letter, pairing.id, say) for letter in seen]
    return lasting([*votes, *reports] if pairing.in_sight else reports)


def _report_button(letter: Letter, duel_id: int, say: Language) -> discord.ui.Button[discord.ui.View]:
    """A button that reports one text; cogs/moderation/buttons.py handles it."""
    return discord.ui.Button(custom_id=f"duel_report:{letter}:{duel_id}", label=say(_REPORTS[letter]), row=1)


def _revealed(pick: Pick, say: Language) -> str:
    picked = say("a tie") if pick.choice == "tie" else _CHOICES[pick.choice]
    if pick.again:
        first = say("Your vote is final: you said {picked}.", picked=picked)
    else:
        first = say("You say {picked}: thank you.", picked=picked)
    live_is_a = later("A was written by model {a}, the live one, B by model {b}, the candidate.")
    live_is_b = later("A was written by model {a}, the candidate, B by model {b}, the live one.")
    wrote = say(live_is_a if pick.live == "a" else live_is_b, a=pick.a.version, b=pick.b.version)
    return f"{first}\n{wrote}"
