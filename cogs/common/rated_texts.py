"""Rated texts in a list: the hero with its votes, and the text as a quote."""

from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import Translator
from bot.rating.scores import Scored
from cogs.common.markdown import escape_markdown, quote


def hero_line(scored: Scored, vocabulary: Vocabulary, t: Translator, *, rank: int | None = None) -> str:
    """Return the hero with its votes.

    Two thumbs of two are fewer than nine of ten by the score: a share of the votes would belie the rank.
    """
    hero = scored.description.hero
    title = vocabulary.team_title(scored.team, t) if scored.team else vocabulary.title(hero, t)
    place = "" if rank is None else f"{rank}. "
    return f"**{place}{escape_markdown(title.capitalize())}** · 👍 {scored.ups} 👎 {scored.downs}"


def quoted(scored: Scored, most: int) -> str:
    """Return the escaped text as a quote of one line, truncated."""
    return f"> {quote(scored.description.text, most)}"
