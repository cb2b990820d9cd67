"""The shape of the examples: the kind of task, and prefixes and suffixes that all texts share."""

from collections.abc import Iterable
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class Task(StrEnum):
    """What the examples teach, judged by their shape."""

    OPEN = "open-ended generation"
    CLASSIFICATION = "classification"
    CONDITIONAL = "conditional generation"


def task_of(frame: "pd.DataFrame") -> Task:
    """Return OPEN if all prompts are empty, CLASSIFICATION if a completion occurs over 3 times on average."""
    if (frame["prompt"] == "").all():
        return Task.OPEN
    if frame["completion"].nunique() < len(frame) / 3:
        return Task.CLASSIFICATION
    return Task.CONDITIONAL


def all_equal(texts: "pd.Series[str]") -> bool:
    """Return whether all texts are the same."""
    return bool((texts == texts.iloc[0]).all())


def common_prefix(texts: Iterable[str]) -> str:
    """Return the longest prefix that all texts share."""
    items = list(texts)  # the prefix that the smallest and the largest share is shared by all between them
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(min(items), max(items), strict=False))
    return "".join(letter for letter, _ in equal)


def common_suffix(texts: Iterable[str]) -> str:
    """Return the longest suffix that all texts share."""
    return common_prefix(text[::-1] for text in texts)[::-1]
