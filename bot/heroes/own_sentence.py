"""The one sentence of a text that a small author writes itself: where it ends, and what it must not be."""

import re
from collections import Counter

from bot.config import FrozenModel

_LONG_WORD = 5  # letters; shorter words may come twice


class OwnSentence(FrozenModel):
    """The rules of data/heroes.toml for the sentence.

    breaks: the sentence ends before the first of these, because a small model loses the thread after it.
    longest: words, the drawn beginning of the sentence included. without: beginnings of words that it must
    not have.
    """

    breaks: tuple[str, ...] = ()
    longest: int | None = None
    without: tuple[str, ...] = ()

    def is_poor(self, sentence: str) -> bool:
        """Return whether a sentence makes its text too poor to train on.

        It does if it is longer than `longest`, has a digit or a word of `without`, or says a long word twice.
        """
        words = re.findall(r"[\w'’-]+", sentence.lower())  # noqa: RUF001 (texts use curly quotes)
        repeated = Counter(word for word in words if len(word) >= _LONG_WORD)
        return (
            (self.longest is not None and len(words) > self.longest)
            or any(character.isdigit() for character in sentence)
            or any(word.startswith(self.without) for word in words)
            or max(repeated.values(), default=0) > 1
        )
