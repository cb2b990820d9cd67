"""Simulated voters in duels, some far more active than others, and which of their votes count."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREFERENCE_SD = 0.15  # of the readers' lasting preferences around the mean
_ACTIVITY_EXPONENT = 1.2  # Pareto exponent of the readers' activity: few cast most of the votes


@dataclass(frozen=True, slots=True)
class Ballots:
    """Votes of many runs, in order, as arrays of shape (runs, duels).

    wins: the candidate was picked. is_first: it is its reader's first vote in the run; only that one counts.
    """

    wins: "NDArray[np.bool_]"
    is_first: "NDArray[np.bool_]"


@dataclass(frozen=True, slots=True)
class SimulatedVoters:
    """Readers who pick the candidate with the probability `preference` on average.

    readers: how many there are; None for a new one in each duel.
    """

    readers: int | None
    preference: float = 0.5

    def vote(self, rng: "np.random.Generator", *, runs: int, duels: int) -> Ballots:
        """Let readers, drawn by their activity, vote in one duel after the other."""
        import numpy as np  # noqa: PLC0415  (heavy, and --help does not need it)

        drawn = rng.random((runs, duels))
        if self.readers is None:  # preferences of readers who vote once average out
            return Ballots(drawn < self.preference, np.ones((runs, duels), dtype=bool))
        preferences = rng.normal(self.preference, PREFERENCE_SD, (runs, self.readers)).clip(0, 1)
        voters = self._draw_voters(rng, runs, duels)
        return Ballots(
            drawn < np.take_along_axis(preferences, voters, axis=1), _first_votes(voters, self.readers)
        )

    def _draw_voters(self, rng: "np.random.Generator", runs: int, duels: int) -> "NDArray[np.intp]":
        """Return the index of the reader who votes in each duel."""
        import numpy as np  # noqa: PLC0415

        activity = 1 + rng.pareto(_ACTIVITY_EXPONENT, (runs, self.readers or 0))
        cumulative = np.cumsum(activity / activity.sum(axis=1, keepdims=True), axis=1)
        cumulative[:, -1] = 1
        row = np.arange(runs)[:, None]
        positions = np.searchsorted(
            (cumulative + row).ravel(), (rng.random((runs, duels)) + row).ravel(), "right"
        )
        readers: NDArray[np.intp] = positions.reshape(runs, duels) - row * cumulative.shape[1]
        return readers.clip(0, cumulative.shape[1] - 1)


def _first_votes(voters: "NDArray[np.intp]", readers: int) -> "NDArray[Any]":
    """Return a mask of the first vote of each reader in each run."""
    import numpy as np  # noqa: PLC0415

    keys = voters + readers * np.arange(len(voters))[:, None]
    first = np.zeros(keys.size, dtype=bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return first.reshape(voters.shape)
