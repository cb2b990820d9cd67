"""Verdicts over many simulated trials at once: by the product's own test, and by a z-test peeked at."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bot.rating import sequential_test

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Z = 1.959964  # a z-test at 5 %, two-sided
_Z_FROM = 10  # results before which nobody would believe it


@dataclass(frozen=True, slots=True)
class Verdicts:
    """How runs ended, as arrays of shape (runs,): decided, for the candidate, after so many results."""

    decided: "NDArray[np.bool_]"
    promoted: "NDArray[np.bool_]"
    results: "NDArray[np.int64]"


def by_evidence(wins: "NDArray[np.bool_]", counts: "NDArray[np.bool_]", most: int) -> Verdicts:
    """Look after every result that counts, up to most of them, as a trial does."""
    won, lost = _running(wins, counts)
    return _verdicts(_decides(most)[won.clip(max=most), lost.clip(max=most)], won, lost, most)


def by_z_test(wins: "NDArray[np.bool_]", counts: "NDArray[np.bool_]", most: int) -> Verdicts:
    """Look after every result, believing whatever a test for one look would say."""
    won, lost = _running(wins, counts)
    total = won + lost
    return _verdicts((abs(won - lost) >= _Z * total**0.5) & (total >= _Z_FROM), won, lost, most)


def _running(wins: "NDArray[np.bool_]", counts: "NDArray[np.bool_]") -> tuple["NDArray[Any]", "NDArray[Any]"]:
    return (wins & counts).cumsum(axis=1), (~wins & counts).cumsum(axis=1)


def _verdicts(decides: "NDArray[Any]", won: "NDArray[Any]", lost: "NDArray[Any]", most: int) -> Verdicts:
    import numpy as np  # noqa: PLC0415  so that --help is quick

    decides = decides & (won + lost <= most)
    at, row = decides.argmax(axis=1), np.arange(len(decides))
    decided = decides[row, at]
    promoted = decided & (won[row, at] > lost[row, at])
    return Verdicts(decided, promoted, (won + lost)[row, at])


@cache
def _decides(most: int) -> "NDArray[np.bool_]":
    """The product's test of every count of wins and losses."""
    import numpy as np  # noqa: PLC0415

    return np.array(
        [[sequential_test.decides(won, lost) for lost in range(most + 1)] for won in range(most + 1)]
    )
