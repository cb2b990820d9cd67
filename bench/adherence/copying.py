"""How much of a text is copied: its longest run of words that stands in a text of the training set."""

import re
from collections.abc import Iterable

LONG_RUN = 12
"""Words in a row that are no chance: a text that has them is counted as copied from."""


class TrainingSet:
    """The texts that a model learnt from, to look runs of words up in."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = "\n".join(f" {' '.join(_words(text))} " for text in texts)  # no run goes on in the next

    def longest_copied(self, text: str) -> int:
        """Return the number of words of the longest run that text and training set have in common."""
        words = _words(text)
        longest = 0
        for start in range(len(words)):
            while start + longest < len(words) and self._has(words[start : start + longest + 1]):
                longest += 1
        return longest

    def _has(self, run: list[str]) -> bool:
        return f" {' '.join(run)} " in self._texts


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
