"""Comparisons as cards: a hero each, with every model's text beside the others."""

from collections.abc import Sequence

import discord

from bot.i18n.message import Translator
from bot.store.job_schema import Comparison
from cogs.common.markdown import escape_markdown

_LETTERS = 5000  # of the 6,000 that the cards of a message may have together
_LONGEST = 1000  # of the 1,024 that a field may have


def comparison_embeds(t: Translator, comparisons: Sequence[Comparison]) -> list[discord.Embed]:
    """A card for each hero; long texts are cut, so that all fit into one message."""
    sides = sum(len(each.sides) for each in comparisons)
    room = min(_LONGEST, _LETTERS // max(1, sides))
    return [_card(t, each, room) for each in comparisons]


def _card(t: Translator, comparison: Comparison, room: int) -> discord.Embed:
    card = discord.Embed(title=comparison.hero.capitalize(), colour=discord.Colour.blurple())
    for side in comparison.sides:
        text = escape_markdown(side.text if isinstance(side.text, str) else t(side.text))
        shown = text if len(text) <= room else f"{text[: room - 2].rsplit(' ', 1)[0]} …"
        card.add_field(name=t(side.by), value=shown, inline=False)
    return card
