"""Comparisons as embeds: one for each hero, with a field for each model's text."""

from collections.abc import Sequence

import discord

from bot import palette
from bot.i18n.message import Translator
from bot.presentation.verdicts import sample_title
from bot.store.job_schema import Comparison, Verdict
from cogs.common.markdown import escape_markdown

_MAX_EMBEDS_LENGTH = 5000  # of the 6,000 characters that the embeds of a message may have together
_MAX_FIELD_LENGTH = 1000  # of the 1,024 characters that a field may have


def comparison_embeds(t: Translator, comparisons: Sequence[Comparison]) -> list[discord.Embed]:
    """Return an embed for each hero; long texts are cut, so that all fit into one message."""
    sides = sum(len(each.sides) for each in comparisons)
    max_length = min(_MAX_FIELD_LENGTH, _MAX_EMBEDS_LENGTH // max(1, sides))
    return [_comparison_embed(t, each, max_length) for each in comparisons]


def sample_embeds(t: Translator, verdict: Verdict) -> list[discord.Embed]:
    """Return an embed for each text of a check that is shown, with its fault."""
    return [
        discord.Embed(title=each.hero.capitalize(), colour=discord.Colour.from_str(palette.MODEL)).add_field(
            name=sample_title(t, each), value=_shortened(each.text, _MAX_FIELD_LENGTH) or "…", inline=False
        )
        for each in verdict.samples
    ]


def _comparison_embed(t: Translator, comparison: Comparison, max_length: int) -> discord.Embed:
    embed = discord.Embed(title=comparison.hero.capitalize(), colour=discord.Colour.from_str(palette.MODEL))
    for side in comparison.sides:
        text = side.text if isinstance(side.text, str) else t(side.text)
        embed.add_field(name=t(side.by), value=_shortened(text, max_length), inline=False)
    return embed


def _shortened(text: str, max_length: int) -> str:
    """Return a text with its markdown escaped, cut after a word."""
    escaped = escape_markdown(text)
    return escaped if len(escaped) <= max_length else f"{escaped[: max_length - 2].rsplit(' ', 1)[0]} …"
