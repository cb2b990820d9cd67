"""Finding: what one check has found, and what can be done about it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Fix = Callable[["pd.DataFrame"], "pd.DataFrame"]


class Kind(StrEnum):
    INFORMATION = "information"
    NECESSARY = "necessary"  # fixed without asking: nothing can train otherwise
    OPTIONAL = "optional"  # recommended: the person decides
    ERROR = "error"  # ends the checks: only a person can mend it


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, what would be done about it in words, and the fix that does it.

    The fix holds what it needs of the data in which the fault was found. It may be applied after others.
    """

    kind: Kind
    text: str
    action: str = ""
    fix: Fix | None = None


def information(text: str) -> Finding:
    return Finding(Kind.INFORMATION, text)
