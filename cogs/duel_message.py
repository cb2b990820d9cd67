"""A duel's message: two texts without names, and the buttons to say which is better."""

from typing import Any, get_args

import discord

from bot.language import ENGLISH, Language, later
from bot.rating.duels import Choice, Pairing, Pick
from bot.store.descriptions import Description
from cogs.lasting import LastingButton, lasting
from cogs.plain import plain
from cogs.speech import language_of

_LABELS = {"a": "A", "b": "B", "tie": later("Tie")}
_ROOM = 2700  # characters for each text, of the 6,000 that the cards of a message may have together


class DuelButton(
    LastingButton,
    template=r"duel:(?P<choice>a|b|tie):(?P<duel_id>[0-9]{1,18})",
):
    """One answer to a duel. Duel and answer stand in its id, so it outlives a restart."""

    def __init__(self, choice: Choice, duel_id: int, say: Language = ENGLISH) -> None:
        style = discord.ButtonStyle.secondary if choice == "tie" else discord.ButtonStyle.primary
        super().__init__(f"duel:{choice}:{duel_id}", label=say(_LABELS[choice]), style=style)
        self.choice = choice
        self.duel_id = duel_id

    async def act(self, interaction: discord.Interaction[Any]) -> None:
        """Keep the vote and tell the voter alone who wrote what: the message stays blind for the others."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pick = await interaction.client.app.duels.voted(self.duel_id, interaction.user.id, self.choice)
        say = await language_of(interaction)
        await interaction.edit_original_response(content=_revealed(pick, say))


def duel_look(pairing: Pairing, say: Language) -> tuple[list[discord.Embed], discord.ui.View]:
    """A duel's cards and buttons."""
    return _cards(pairing, say), _buttons(pairing.id, say)


def _cards(pairing: Pairing, say: Language) -> list[discord.Embed]:
    """Both texts, alike but for the letter; all that could tell who wrote them is left out."""
    first = discord.Embed(
        title=str(pairing.a.hero).capitalize(),
        description=_text("A", pairing.a),
        colour=discord.Colour.gold(),
    )
    second = discord.Embed(description=_text("B", pairing.b), colour=discord.Colour.gold())
    second.set_footer(
        text=say("Two models, one hero: which text is better? You see who wrote them when you have voted.")
    )
    return [first, second]


def _text(letter: str, description: Description) -> str:
    text = plain(description.text)
    shown = text if len(text) <= _ROOM else f"{text[: _ROOM - 2].rsplit(' ', 1)[0]} …"
    return f"**{letter}**\n{shown}"


def _buttons(duel_id: int, say: Language) -> discord.ui.View:
    return lasting(DuelButton(choice, duel_id, say) for choice in get_args(Choice))


def _revealed(pick: Pick, say: Language) -> str:
    picked = say("a tie") if pick.choice == "tie" else _LABELS[pick.choice]
    if pick.again:
        first = say("Your vote is final: you said {picked}.", picked=picked)
    else:
        first = say("You say {picked}: thank you.", picked=picked)
    a, b = say("live"), say("candidate")
    if pick.live != "a":
        a, b = b, a
    return f"{first}\nA: `{pick.a}` ({a}) · B: `{pick.b}` ({b})"
