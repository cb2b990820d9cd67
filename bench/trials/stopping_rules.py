"""Stopping rules for many simulated trials at once: the bot's own tests, and a z-test with peeking."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bot.rating.sequential_test import TESTS
from bot.store.trials import Test

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Z_CRITICAL = 1.959964  # a z-test at 5 %, two-sided
_Z_MIN_RESULTS = 10  # results before which nobody would trust it


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How runs ended, as arrays of shape (runs,): decided, for the candidate, and after how many results."""

    decided: "NDArray[np.bool_]"
    promoted: "NDArray[np.bool_]"
    results: "NDArray[np.int64]"


def evidence_rule(
    test: Test, wins: "NDArray[np.bool_]", counts: "NDArray[np.bool_]", max_results: int
) -> Outcomes:
    """Test after every result that counts, up to `max_results` of them, as a trial does."""
    won, lost = _running_counts(wins, counts)
    return _first_decisions(
        _evidence_table(test, max_results)[won.clip(max=max_results), lost.clip(max=max_results)],
        won,
        lost,
        max_results,
    )


def z_test_rule(wins: "NDArray[np.bool_]", counts: "NDArray[np.bool_]", max_results: int) -> Outcomes:
    """Test after every result with a test that is valid for a single look."""
    won, lost = _running_counts(wins, counts)
    total = won + lost
    return _first_decisions(
        (abs(won - lost) >= _Z_CRITICAL * total**0.5) & (total >= _Z_MIN_RESULTS), won, lost, max_results
    )


def _running_counts(
    wins: "NDArray[np.bool_]", counts: "NDArray[np.bool_]"
) -> tuple["NDArray[Any]", "NDArray[Any]"]:
    return (wins & counts).cumsum(axis=1), (~wins & counts).cumsum(axis=1)


def _first_decisions(
    decides: "NDArray[Any]", won: "NDArray[Any]", lost: "NDArray[Any]", max_results: int
) -> Outcomes:
    import numpy as np  # noqa: PLC0415  (heavy, and --help does not need it)

    decides = decides & (won + lost <= max_results)
    at, row = decides.argmax(axis=1), np.arange(len(decides))
    decided = decides[row, at]
    promoted = decided & (won[row, at] > lost[row, at])
    return Outcomes(decided, promoted, (won + lost)[row, at])


@cache
def _evidence_table(test: Test, max_results: int) -> "NDArray[np.bool_]":
    """Return the test's decision for every count of wins and losses, indexed [wins, losses]."""
    import numpy as np  # noqa: PLC0415

    return np.array(
        [
            [TESTS[test].decides(won, lost) for lost in range(max_results + 1)]
            for won in range(max_results + 1)
        ]
    )
