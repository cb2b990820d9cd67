"""Shape: what can be told of all examples at once, without knowing what they mean."""

from collections.abc import Iterable
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class Task(StrEnum):
    """What the examples teach, as far as their shape tells."""

    OPEN = "open-ended generation"
    CLASSIFICATION = "classification"
    CONDITIONAL = "conditional generation"


def task_of(frame: "pd.DataFrame") -> Task:
    """Without prompts the task is open; completions that come more than thrice on average are classes."""
    if (frame["prompt"] == "").all():
        return Task.OPEN
    if frame["completion"].nunique() < len(frame) / 3:
        return Task.CLASSIFICATION
    return Task.CONDITIONAL


def alike(texts: "pd.Series[str]") -> bool:
    """Whether all texts are the same."""
    return bool((texts == texts.iloc[0]).all())


def common_start(texts: Iterable[str]) -> str:
    """The longest text with which all begin: where the first and the last in order agree, all between do."""
    every = list(texts)
    agreed = takewhile(lambda pair: pair[0] == pair[1], zip(min(every), max(every), strict=False))
    return "".join(letter for letter, _ in agreed)


def common_end(texts: Iterable[str]) -> str:
    """The longest text with which all end."""
    return common_start(text[::-1] for text in texts)[::-1]
