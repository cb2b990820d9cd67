"""An electorate: simulated readers of duels, some far busier than others, and which of their votes count."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TASTE_SD = 0.15  # of the readers' lasting tastes around the electorate's mean
_TAIL = 1.2  # Pareto exponent of how busy they are: few give most of the votes


@dataclass(frozen=True, slots=True)
class Ballots:
    """Decided votes of many runs, in order, as arrays of shape (runs, duels).

    wins: the candidate was picked. first: it is the first vote of its reader in the run, which alone counts.
    """

    wins: "NDArray[np.bool_]"
    first: "NDArray[np.bool_]"


@dataclass(frozen=True, slots=True)
class Electorate:
    """So many readers (None: a new one for each duel) who pick the candidate with this chance on average."""

    readers: int | None
    preference: float = 0.5

    def vote(self, chance: "np.random.Generator", *, runs: int, duels: int) -> Ballots:
        """Let readers, drawn by how busy they are, vote in one duel after the other."""
        import numpy as np  # noqa: PLC0415  so that --help is quick

        drawn = chance.random((runs, duels))
        if self.readers is None:  # tastes of readers who vote once average out
            return Ballots(drawn < self.preference, np.ones((runs, duels), dtype=bool))
        tastes = chance.normal(self.preference, TASTE_SD, (runs, self.readers)).clip(0, 1)
        who = self._drawn(chance, runs, duels)
        return Ballots(drawn < np.take_along_axis(tastes, who, axis=1), _first(who, self.readers))

    def _drawn(self, chance: "np.random.Generator", runs: int, duels: int) -> "NDArray[np.intp]":
        """Who votes in each duel."""
        import numpy as np  # noqa: PLC0415

        busy = 1 + chance.pareto(_TAIL, (runs, self.readers or 0))
        upto = np.cumsum(busy / busy.sum(axis=1, keepdims=True), axis=1)
        upto[:, -1] = 1
        row = np.arange(runs)[:, None]
        found = np.searchsorted((upto + row).ravel(), (chance.random((runs, duels)) + row).ravel(), "right")
        places: NDArray[np.intp] = found.reshape(runs, duels) - row * upto.shape[1]
        return places.clip(0, upto.shape[1] - 1)


def _first(who: "NDArray[np.intp]", readers: int) -> "NDArray[Any]":
    """Where each reader of each run comes first."""
    import numpy as np  # noqa: PLC0415

    keys = who + readers * np.arange(len(who))[:, None]
    first = np.zeros(keys.size, dtype=bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return first.reshape(who.shape)
