"""Detect texts that repeat another text, exactly or nearly (MinHash over word shingles)."""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bot.i18n.message import mark

if TYPE_CHECKING:
    import rensa

EXACT_DUPLICATE = mark("the same as another")
NEAR_DUPLICATE = mark("much like another")

_SHINGLE_WORDS = 3
_SIMILARITY_THRESHOLD = 0.7  # Jaccard similarity of the shingles of two texts
_PERMUTATIONS, _BANDS = 128, 32


class DuplicateDetector:
    """Compare texts: exact duplicates among all texts, near duplicates among the texts of one hero.

    The same answer to another prompt may teach that prompt. Nearly the same answer to the same prompt teaches
    nothing. Memory stays small: eight bytes per text, and the MinHashes of one hero's texts at a time.
    """

    def __init__(self) -> None:
        self._seen_digests: set[int] = set()
        self._hero = ""
        self._minhashes = _new_deduplicator()

    def duplicate_reason(self, hero: str, text: str) -> str | None:
        """Return why a text is a duplicate. Return None if it is not, and remember the text.

        The texts of one hero must come one after the other.
        """
        if hero != self._hero:
            self._hero, self._minhashes = hero, _new_deduplicator()
        words = _words(text)
        digest = int.from_bytes(hashlib.sha256(" ".join(words).encode()).digest()[:8])
        if digest in self._seen_digests:
            return EXACT_DUPLICATE
        if not self._minhashes.add(str(digest), _minhash(words)):
            return NEAR_DUPLICATE
        self._seen_digests.add(digest)
        return None


def similar_to_any(texts: Sequence[str]) -> Callable[[str], bool]:
    """Return a predicate that tells whether a text is a duplicate of one of these, exactly or nearly."""
    if not texts:
        return lambda _: False
    known = _new_deduplicator()
    for number, text in enumerate(texts):
        known.add(str(number), _minhash(_words(text)))
    return lambda text: bool(known.is_duplicate("", _minhash(_words(text))))


def similarities(text: str, others: Sequence[str]) -> list[float]:
    """Return how much each of the others is like a text: their shingles' estimated Jaccard similarity."""
    own = _minhash(_words(text))
    return [float(own.jaccard(_minhash(_words(other)))) for other in others]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _new_deduplicator() -> "rensa.RMinHashDeduplicator":
    import rensa  # noqa: PLC0415 (imported on first use)

    return rensa.RMinHashDeduplicator(
        threshold=_SIMILARITY_THRESHOLD, num_perm=_PERMUTATIONS, use_lsh=True, num_bands=_BANDS, seed=1
    )


def _minhash(words: list[str]) -> "rensa.RMinHash":
    import rensa  # noqa: PLC0415

    shingles = list(map(" ".join, zip(*(words[at:] for at in range(_SHINGLE_WORDS)), strict=False)))
    minhash = rensa.RMinHash(num_perm=_PERMUTATIONS, seed=1)
    minhash.update(shingles or [" ".join(words)])
    return minhash
