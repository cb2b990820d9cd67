"""Likeness: which texts say what another one has said already."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bot.i18n.message import mark

if TYPE_CHECKING:
    import rensa

NEAR_DUPLICATE = mark("much like another")

_SHINGLE = 3  # words
_ALIKE = 0.7  # of the shingles of both texts, so many in common
_PERMUTATIONS, _BANDS = 128, 32


class DuplicateDetector:
    """Compares texts: exact repeats with all that were seen, near ones with those of the same hero.

    The same answer to another question may teach that question; nearly the same answer to the same one
    teaches nothing. Memory is small: eight bytes for a text, and the fingerprints of one hero's texts at a
    time.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._hero = ""
        self._near = _fingerprints()

    def duplicate_reason(self, hero: str, text: str) -> str | None:
        """Why a text says nothing new; None where it does, and from then on it is known.

        The texts of one hero must come one after the other.
        """
        if hero != self._hero:
            self._hero, self._near = hero, _fingerprints()
        words = _words(text)
        whole = int.from_bytes(hashlib.sha256(" ".join(words).encode()).digest()[:8])
        if whole in self._seen:
            return mark("the same as another")
        if not self._near.add(str(whole), _fingerprint(words)):
            return NEAR_DUPLICATE
        self._seen.add(whole)
        return None


def similar_to_any(texts: Sequence[str]) -> Callable[[str], bool]:
    """A test whether a text says what one of these says, in the same words or nearly."""
    if not texts:
        return lambda _: False
    known = _fingerprints()
    for number, text in enumerate(texts):
        known.add(str(number), _fingerprint(_words(text)))
    return lambda text: bool(known.is_duplicate("", _fingerprint(_words(text))))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _fingerprints() -> "rensa.RMinHashDeduplicator":
    import rensa  # noqa: PLC0415 (where it is used)

    return rensa.RMinHashDeduplicator(
        threshold=_ALIKE, num_perm=_PERMUTATIONS, use_lsh=True, num_bands=_BANDS, seed=1
    )


def _fingerprint(words: list[str]) -> "rensa.RMinHash":
    import rensa  # noqa: PLC0415

    shingles = [" ".join(words[at : at + _SHINGLE]) for at in range(max(1, len(words) - _SHINGLE + 1))]
    minhash = rensa.RMinHash(num_perm=_PERMUTATIONS, seed=1)
    minhash.update(shingles)
    return minhash
