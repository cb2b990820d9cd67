"""The shape of the examples: the kind of task, and prefixes and suffixes that all texts share."""

import re
from collections.abc import Iterable
from enum import Enum, auto
from typing import TYPE_CHECKING

from bot.dataset.files.affixes import common_prefix

if TYPE_CHECKING:
    import pandas as pd

_WORD_END = re.compile(r"[\w'’-]*\Z")  # noqa: RUF001 (people type the curly apostrophe)
_WORD_START = re.compile(r"[\w'’-]")  # noqa: RUF001


class Task(Enum):
    """What the examples teach, judged by their shape."""

    OPEN = auto()  # texts without prompts
    CLASSIFICATION = auto()  # the same few completions
    CONDITIONAL = auto()  # a text for each prompt


def task_of(frame: "pd.DataFrame") -> Task:
    """Return OPEN if all prompts are empty, CLASSIFICATION if a completion occurs over 3 times on average."""
    if (frame["prompt"] == "").all():
        return Task.OPEN
    return Task.CONDITIONAL if _has_distinct(frame["completion"], len(frame) / 3) else Task.CLASSIFICATION


def _has_distinct(texts: Iterable[str], number: float) -> bool:
    """Return whether so many texts differ, without looking at more than it takes."""
    found = set[str]()
    for text in texts:
        found.add(text)
        if len(found) >= number:
            return True
    return False


def all_equal(texts: "pd.Series[str]") -> bool:
    """Return whether all texts are the same."""
    return bool((texts == texts.iloc[0]).all())


def common_beginning(texts: Iterable[str]) -> str:
    """Return the longest prefix that all texts share and that ends no word of theirs in its midst."""
    items = list(texts)
    prefix = common_prefix(items)
    end = len(prefix)
    if any(_WORD_START.match(text, end) for text in items):
        return _WORD_END.sub("", prefix)
    return prefix
