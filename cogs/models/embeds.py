"""Comparisons as embeds: one for each hero, with a field for each model's text."""

from collections.abc import Sequence

import discord

from bot import palette
from bot.i18n.message import Translator
from bot.store.job_schema import Comparison
from cogs.common.markdown import escape_markdown

_MAX_EMBEDS_LENGTH = 5000  # of the 6,000 characters that the embeds of a message may have together
_MAX_FIELD_LENGTH = 1000  # of the 1,024 characters that a field may have


def comparison_embeds(t: Translator, comparisons: Sequence[Comparison]) -> list[discord.Embed]:
    """Return an embed for each hero; long texts are cut, so that all fit into one message."""
    sides = sum(len(each.sides) for each in comparisons)
    max_length = min(_MAX_FIELD_LENGTH, _MAX_EMBEDS_LENGTH // max(1, sides))
    return [_comparison_embed(t, each, max_length) for each in comparisons]


def _comparison_embed(t: Translator, comparison: Comparison, max_length: int) -> discord.Embed:
    embed = discord.Embed(title=comparison.hero.capitalize(), colour=discord.Colour.from_str(palette.MODEL))
    for side in comparison.sides:
        text = escape_markdown(side.text if isinstance(side.text, str) else t(side.text))
        shown = text if len(text) <= max_length else f"{text[: max_length - 2].rsplit(' ', 1)[0]} …"
        embed.add_field(name=t(side.by), value=shown, inline=False)
    return embed
