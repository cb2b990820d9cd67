"""A finding of the linter: what is wrong, and the fix for it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

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
    and may be applied after other fixes.
    """

    severity: Severity
    message: str
    action: str = ""
    fix: Fix | None = None


def info(message: str) -> Finding:
    """Return a finding that needs no fix."""
    return Finding(Severity.INFORMATION, message)
