"""A finding of the linter: what is wrong, and the fix for it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_MAX_QUOTED_CHARACTERS = 60  # of a text, in a message

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
    """

    severity: Severity
    message: str
    action: str = ""
    fix: Fix | None = None
    style: bool = False


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


def map_column(frame: "pd.DataFrame", column: str, function: Callable[[str], str]) -> "pd.DataFrame":
    """Return the examples with one column changed."""
    import pandas as pd  # noqa: PLC0415  takes a second

    texts = frame[column]
    changed = [function(text) for text in texts]
    return frame.assign(**{column: pd.Series(changed, texts.index, dtype=texts.dtype)})
