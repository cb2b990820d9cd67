"""A finding of the linter: what is wrong, and the fix for it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.dataset.files.affixes import common_prefix

if TYPE_CHECKING:
    import pandas as pd

_MAX_QUOTED_CHARACTERS = 60  # of a text, in a message
_QUOTED_BEFORE_DIFFERENCE = 20

Fix = Callable[["pd.DataFrame"], "pd.DataFrame"]


class Severity(StrEnum):
    """How serious a finding is, and so who decides on its fix."""

    INFORMATION = "information"
    NECESSARY = "necessary"  # fixed without asking: training is impossible otherwise
    OPTIONAL = "optional"  # recommended: the user decides
    ERROR = "error"  # ends the run: only the user can fix it


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of a rule.

    action describes the fix in words. The fix holds what it needs of the data in which the problem was found,
    and may be applied after other fixes. style: a model learns from the examples without the fix as well.
    example: a text that the fix rewrites, before and after. places: where the examples stand that it drops.
    """

    severity: Severity
    message: str
    action: str = ""
    fix: Fix | None = None
    style: bool = False
    example: str = ""
    places: str = ""

    @property
    def change(self) -> str:
        """The action, with the example."""
        return f"{self.action}: {self.example}" if self.example else self.action


def info(message: str) -> Finding:
    """Return a finding that needs no fix."""
    return Finding(Severity.INFORMATION, message)


def count_text(number: int, noun: str) -> str:
    """Return `1 example` or `2 examples`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def quoted(text: str) -> str:
    """Quote a text as a Python literal, so that spaces and line breaks are visible."""
    cut = f"{text[:_MAX_QUOTED_CHARACTERS]}..." if len(text) > _MAX_QUOTED_CHARACTERS else text
    return repr(cut)


def rewriting_example(before: "pd.DataFrame", after: "pd.DataFrame") -> str:
    """Return the first text that a fix has rewritten, before and after; empty if it rewrote none."""
    kept = before.loc[after.index]
    for column in ("prompt", "completion"):
        changed = after.index[kept[column] != after[column]]
        if not changed.empty:
            return _difference(kept[column].loc[changed[0]], after[column].loc[changed[0]])
    return ""


def _difference(before: str, after: str) -> str:
    start = max(0, len(common_prefix([before, after])) - _QUOTED_BEFORE_DIFFERENCE)
    start = start if len(before) > _MAX_QUOTED_CHARACTERS else 0
    lead = "..." if start else ""
    return f"{quoted(lead + before[start:])} becomes {quoted(lead + after[start:])}"


def map_column(frame: "pd.DataFrame", column: str, function: Callable[[str], str]) -> "pd.DataFrame":
    """Return the examples with one column changed."""
    import pandas as pd  # noqa: PLC0415  takes a second

    texts = frame[column]
    changed = [function(text) for text in texts]
    return frame.assign(**{column: pd.Series(changed, texts.index, dtype=texts.dtype)})
