"""What the older fine-tuning formats add to prompts and texts: separators, a leading space, an ending.

In a chat, roles say where a prompt ends and where an answer does, so these come off. They are recognised by
their form, and by being the same in every row: a mark that a single text ends with may be its own.
"""

import re
import sys
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Self

_COMPARED_CHARACTERS = 200  # at either end of a text; longer than any separator

Remover = Callable[[str], str]

# An arrow; marks that stand alone, such as ###; a label on a line of its own, or one of the usual ones; a
# token for the end. A > without a shaft closes a tag, or compares.
_SEPARATOR = re.compile(
    r"(?:(?<![<=~-])[-=~]+[>→⇒➔➜]+|[→⇒➔➜]+"
    r"|(?:^|(?<=\s))(?:[-=#*~|+:]+|>{2,})"
    r"|#{2,}"
    r"|\n[^\n\w]*\w[^\n:]{0,40}:"
    r"|(?<=\s)(?:A|Answer|Completion|Description|Output|Response):"
    r"|<\|\w+\|>)\Z"
)
# A word in capitals; a token for the end; one mark three times or more.
_ENDING = re.compile(
    r"(?:(?<=\s)(?:END|STOP)"
    r"|\[(?:END|STOP|EOS)\]|</s>|<(?:END|EOS|end|eos)>|<\|\w+\|>"
    r"|(?P<mark>[#*+&$@%=~|-])(?P=mark){2,})\Z"
)


def without_separator(prompt: str) -> str:
    r"""Return a prompt without the separators at its end: `18, man, ice` of `18, man, ice\n\n###\n\n`."""
    head, tail = prompt[:-_COMPARED_CHARACTERS], prompt[-_COMPARED_CHARACTERS:]
    return head + _without_marks(tail, _SEPARATOR)


class SharedAffixes:
    """The blanks that all texts begin with, and the marks that all of them end with.

    Texts are added one by one; blank ones do not count. Memory use does not grow with their number.
    """

    def __init__(self, marks: re.Pattern[str], texts: Iterable[str]) -> None:
        self._marks = marks
        self._start: str | None = None  # what all texts begin and end with, whatever it is
        self._end = ""
        self._shortest, self._shortest_length = "", sys.maxsize  # its length without blanks around it
        self._least = sys.maxsize  # characters of a text, with its blanks
        self._closes_comment = False  # whether a text ends with a comment of HTML, whose end is no arrow
        for text in texts:
            self.add(text)

    @classmethod
    def of_prompts(cls, prompts: Iterable[str] = ()) -> Self:
        """Look for blanks and separators."""
        return cls(_SEPARATOR, prompts)

    @classmethod
    def of_texts(cls, texts: Iterable[str] = ()) -> Self:
        """Look for blanks and endings."""
        return cls(_ENDING, texts)

    def add(self, text: str) -> None:
        content = text.strip()
        if not content:
            return
        self._least = min(self._least, len(text))
        self._closes_comment = self._closes_comment or _ends_with_comment(content)
        if self._start is None:
            self._start, self._end = text[:_COMPARED_CHARACTERS], text[-_COMPARED_CHARACTERS:]
        if len(content) < self._shortest_length:
            self._shortest, self._shortest_length = text, len(content)
        if not text.startswith(self._start):
            self._start = common_prefix((self._start, text[:_COMPARED_CHARACTERS]))
        if not text.endswith(self._end):
            self._end = common_suffix((self._end, text[-_COMPARED_CHARACTERS:]))

    @property
    def prefix(self) -> str:
        """The blanks at the beginning of every text."""
        start = self._start or ""
        return start[: len(start) - len(start.lstrip())]

    @property
    def suffix(self) -> str:
        """The marks and blanks at the end of every text. Empty if a text would be nothing without them."""
        end = self._end[max(0, len(self.prefix) + len(self._end) - self._least) :]  # what comes off is no end
        if self._closes_comment:
            return ""
        # a letter before it: a mark with which it begins, such as + of C++, has stood alone in no text
        found = end[len(_without_marks(f"a{end}", self._marks)) - 1 :]
        return found if self._shortest.removesuffix(found).strip() else ""

    def describe(self) -> str:
        """Return `begins with ' ' and ends with ' END'`, or an empty text if nothing is shared."""
        parts = {"begins with": self.prefix, "ends with": self.suffix}
        return " and ".join(f"{verb} {part!r}" for verb, part in parts.items() if part)

    def remover(self) -> Remover | None:
        """Return what takes them off a text; None if nothing is shared."""
        prefix, suffix = self.prefix, self.suffix
        if not prefix and not suffix:
            return None
        return lambda text: text.removeprefix(prefix).removesuffix(suffix)


def common_prefix(texts: Iterable[str]) -> str:
    """Return the longest prefix that all texts share."""
    items = list(texts)  # the prefix that the smallest and the largest share is shared by all between them
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(min(items), max(items), strict=False))
    return "".join(letter for letter, _ in equal)


def common_suffix(texts: Iterable[str]) -> str:
    """Return the longest suffix that all texts share."""
    return common_prefix(text[::-1] for text in texts)[::-1]


def _ends_with_comment(text: str) -> bool:
    return text.endswith("-->") and text.rfind("<!--") > text.rfind("-->", 0, -3)


def _without_marks(text: str, marks: re.Pattern[str]) -> str:
    """Cut marks and blanks off the end of a text, one after the other."""
    text = text.rstrip()
    while found := marks.search(text):
        text = text[: found.start()].rstrip()
    return text
