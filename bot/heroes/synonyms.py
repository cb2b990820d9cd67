"""Synonyms: other words for genders and powers, in any language, and the word that each stands for."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from pydantic import Field

from bot.config import FrozenModel

_GAP = re.compile(r"[\s-]+")
_ACCENT = re.compile(
    "[\u0300-\u036f]"
)  # of Latin, Greek and Cyrillic letters; other scripts write vowels as marks
# people type the curly apostrophe, and have no key for the letter of "cœur"
_SAME = str.maketrans({"’": "'", "œ": "oe", "Œ": "oe"})  # noqa: RUF001

WordList = Mapping[str, tuple[str, ...]]
"""A known word, and the other words that stand for it."""


class LanguageSynonyms(FrozenModel):
    """The synonyms of one language."""

    genders: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    powers: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Lexicon:
    """Finds the known word that a typed one stands for, whatever its capitals, accents and hyphens."""

    def __init__(self, known: Iterable[str], synonyms: Iterable[WordList]) -> None:
        """Raise ValueError if a word stands for two. The synonyms of unknown words are left out."""
        self._known = {spelling_key(word): word for word in known}
        for word, others in (entry for words in synonyms for entry in words.items()):
            if self._known.get(spelling_key(word)) != word:
                continue
            for other in others:
                meant = self._known.setdefault(spelling_key(other), word)
                if meant != word:
                    raise ValueError(f"{other!r} cannot stand for {word!r}: it stands for {meant!r}")
        self.most_words = max((len(key.split()) for key in self._known), default=0)

    def find(self, typed: str) -> str | None:
        """Return the known word that a typed one is or stands for; None if there is none."""
        return self._known.get(spelling_key(typed))

    def starting_with(self, typed: str) -> set[str]:
        """Return the known words of which some spelling begins with what was typed."""
        beginning = spelling_key(typed)
        return {word for key, word in self._known.items() if key.startswith(beginning)}


def spelling_key(word: str) -> str:
    """Return what all spellings of a word have in common: `super strength` of `Super-Strength`.

    Accents do not matter: who types on a foreign keyboard, or in haste, leaves out those of `guérison`.
    """
    folded = unicodedata.normalize("NFC", word).translate(_SAME).casefold()
    without_accents = _ACCENT.sub("", unicodedata.normalize("NFD", folded))
    return _GAP.sub(" ", unicodedata.normalize("NFC", without_accents)).strip()
