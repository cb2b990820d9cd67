"""Takes: the same hero written anew, from the same opening or in a tone."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from bot.config import FrozenModel
from bot.heroes.curation import Curation, sentences
from bot.heroes.hero import Hero

TONE_KEY = re.compile(r"[a-z][a-z-]{0,19}")  # it stands in the custom ids of buttons

_LONGEST_OPENING = 45  # words; a longer first sentence leaves too little to write anew


class Tone(FrozenModel):
    """A tone of data/heroes.toml.

    phrases: what takes the place of the profile's phrases of these kinds, for models that continue a text.
    instruction: what others are told.
    """

    instruction: str
    phrases: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]


@dataclass(frozen=True, slots=True)
class Take:
    """How a hero is to be written anew.

    parent_id: the description that it is another take of. opening: its first sentence, which the take begins
    with; empty if that is not fit to be kept. tone: a key of the profile's tones, None for no other tone.
    avoided: the parent's sentences, which the take must not repeat.
    """

    parent_id: int
    opening: str
    tone: str | None
    avoided: frozenset[str]


def take_of(parent_id: int, hero: Hero, text: str, curation: Curation, tone: str | None = None) -> Take:
    """Return another take of a description. Its opening is kept unless curation finds a fault in that."""
    opening, *others = sentences(curation.trim(text)) or ("",)
    is_fit = len(opening.split()) <= _LONGEST_OPENING and not curation.fault_in_beginning(hero, opening)
    return Take(
        parent_id, opening if is_fit else "", tone, frozenset([*others, *([] if is_fit else [opening])])
    )
