"""What a check finds: a state with its cause, its cure and the file concerned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.i18n.message import LocalizedMessage

State = Literal["ok", "warning", "failed", "skipped"]

_EXIT_CODES: dict[State, int] = {"ok": 0, "skipped": 0, "warning": 1, "failed": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination.

    check: the check's name, the same in every version. cure: what to do, None if nothing has to be done.
    file: the path of the file that is concerned, as far as there is one.
    """

    check: str
    state: State
    cause: LocalizedMessage
    cure: LocalizedMessage | None = None
    file: str | None = None


def worst(findings: Sequence[Finding]) -> State:
    """Return the state of the whole: failed, warning or ok."""
    states: tuple[State, ...] = ("failed", "warning")
    return next((state for state in states if any(each.state == state for each in findings)), "ok")


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 2 if anything failed, 1 if there are warnings, else 0."""
    return max((_EXIT_CODES[each.state] for each in findings), default=0)
