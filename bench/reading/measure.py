"""Count verdicts: wins of the first side over the second, how far readers agree, and checks with them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.reading.sheet import Key, Sheet, Whose
from bench.reading.verdicts import Verdict
from bot.heroes.adherence import Answer
from bot.heroes.coherence import CHECKS, coherence
from bot.rating.thresholds import interval

CONFIDENCE = 0.95

Verdicts = Mapping[int, Verdict]
"""A reader's verdicts by the numbers of the pairs."""

Outcomes = Mapping[int, int]
"""By the numbers of the pairs: 1 if the first side won, -1 if the second did, 0 for a tie."""


@dataclass(frozen=True, slots=True)
class Share:
    """How often one of two things happened, and Wilson's interval for its share; None of none."""

    hits: int
    misses: int

    @property
    def share(self) -> float | None:
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else None

    @property
    def bounds(self) -> tuple[float, float] | tuple[None, None]:
        if not self.hits + self.misses:
            return None, None
        return interval(self.hits, self.misses, CONFIDENCE)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two readers agree on the pairs that both read.

    same: how many verdicts are the same. kappa: Cohen's, over A, B and tie as the readers saw them; None if
    both always gave the same one. decided: the pairs on which neither said tie, same_decided how many of
    these verdicts are the same.
    """

    pairs: int
    same: int
    kappa: float | None
    decided: int
    same_decided: int


def outcomes(verdicts: Verdicts, sides: Mapping[int, Whose]) -> dict[int, int]:
    """Return who won each pair, of one reader's verdicts."""
    won = {"first": 1, "second": -1}
    return {
        pair: 0 if verdict == "tie" else won[sides[pair]] * (1 if verdict == "A" else -1)
        for pair, verdict in verdicts.items()
    }


def together(readers: Sequence[Outcomes]) -> dict[int, int]:
    """Return who won each pair by most of its readers; a tie if as many are for either side.

    So each pair counts once, however many read it: the verdicts on one pair are not independent.
    """
    pairs = sorted({pair for reader in readers for pair in reader})
    votes = {pair: sum(reader.get(pair, 0) for reader in readers) for pair in pairs}
    return {pair: (vote > 0) - (vote < 0) for pair, vote in votes.items()}


def agreement(one: Verdicts, other: Verdicts) -> Agreement | None:
    """Return how far two readers agree; None if they read no pair both."""
    both = [(one[pair], other[pair]) for pair in one if pair in other]
    if not both:
        return None
    decided = [pair for pair in both if "tie" not in pair]
    same = _same(both)
    times = [Counter(verdicts) for verdicts in zip(*both, strict=True)]
    by_chance = sum(times[0][verdict] * times[1][verdict] for verdict in times[0]) / len(both) ** 2
    observed = same / len(both)
    kappa = (observed - by_chance) / (1 - by_chance) if by_chance < 1 else None
    return Agreement(len(both), same, kappa, len(decided), _same(decided))


def check_agreement(sheet: Sheet, key: Key, won: Outcomes) -> dict[str, Share]:
    """Return for each check how often it agrees with the readers.

    Counted are the pairs that were decided and that the check tells apart: it holds for one of the texts
    alone. It agrees if that text won.
    """
    held = [
        coherence(
            [Answer(pair.hero, pair.text(key.side(pair.number, whose)), "stop") for pair in sheet.pairs]
        )
        for whose in ("first", "second")
    ]
    counts: dict[str, list[bool]] = {check: [] for check in CHECKS}
    for pair, first, second in zip(sheet.pairs, *held, strict=True):
        for check in CHECKS:
            if won.get(pair.number, 0) and first[check] != second[check]:
                counts[check].append(first[check] == (won[pair.number] > 0))
    return {check: Share(sum(agreed), len(agreed) - sum(agreed)) for check, agreed in counts.items()}


def added(shares: Iterable[Share]) -> Share:
    """Return the counts of several sheets as one."""
    known = list(shares)
    return Share(sum(share.hits for share in known), sum(share.misses for share in known))


def _same(both: Iterable[tuple[Verdict, Verdict]]) -> int:
    return sum(one == other for one, other in both)
