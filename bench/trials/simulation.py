"""Simulate many trials at once under each stopping rule: error rates, power, and duels until a decision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.trials.simulated_voters import Ballots, SimulatedVoters
from bench.trials.stopping_rules import Outcomes, evidence_rule, z_test_rule
from bot.rating.sequential_test import NEW_TRIALS
from bot.settings import Settings
from bot.store.trials import Test

if TYPE_CHECKING:
    import numpy as np

MAX_RESULTS = int(Settings.model_fields["trial_duels"].default)
"""Counted results after which a trial ends undecided."""
READER_COUNTS = (10, 30, 100)
PERCENTAGES = (60, 65, 70, 80, 90)
"""Of those who prefer the candidate, a new voter in each duel."""
TESTS_BY_PREFIX: dict[str, Test] = {"": NEW_TRIALS, "uniform_": "uniform"}
"""The tests on the same votes, by what the names of their figures begin with."""
_CHUNK = 1000  # runs in memory at a time


@dataclass(frozen=True, slots=True)
class Size:
    """The number of simulated trials, and the seeds and votes of the null run."""

    runs: int
    seeds: int
    votes: int


FULL = Size(runs=10_000, seeds=200, votes=100)
QUICK = Size(runs=1000, seeds=10, votes=30)


def simulate(size: Size, seed: int = 1) -> dict[str, Any]:
    """Return the figures by name: always the same ones for the same seed."""
    import numpy as np  # noqa: PLC0415  (heavy, and --help does not need it)

    rng = np.random.default_rng(seed)
    figures: dict[str, Any] = {}
    for prefix, outcomes in _decide_by_tests(rng, SimulatedVoters(None), size.runs):
        figures[f"{prefix}false_promotion"] = _share(outcomes, "decided")
        figures[f"{prefix}false_promotion_candidate"] = _share(outcomes, "promoted")
    (z_test,) = _decide(rng, SimulatedVoters(None), size.runs, [_peeked_z_test])
    figures["false_promotion_z_test"] = _share(z_test, "decided")
    for readers in READER_COUNTS:
        voters = SimulatedVoters(readers)
        for prefix, outcomes in _decide_by_tests(rng, voters, size.runs):
            figures[f"{prefix}false_promotion_correlated_{readers}"] = _share(outcomes, "decided")
        (every_vote,) = _decide(rng, voters, size.runs, [_every_vote_rule])
        figures[f"false_promotion_every_vote_{readers}"] = _share(every_vote, "decided")
        for prefix, outcomes in _decide_by_tests(rng, SimulatedVoters(readers, 0.65), size.runs):
            figures[f"{prefix}power_65_readers_{readers}"] = _share(outcomes, "promoted")
    for percent in PERCENTAGES:
        voters = SimulatedVoters(None, percent / 100)
        for prefix, outcomes in _decide_by_tests(rng, voters, size.runs):
            figures[f"{prefix}power_{percent}"] = _share(outcomes, "promoted")
            figures[f"{prefix}median_duels_{percent}"] = _median_results(outcomes)
    return figures | {"horizon": MAX_RESULTS, "runs": size.runs}


def _product_rule(test: Test, ballots: Ballots) -> Outcomes:
    return evidence_rule(test, ballots.wins, ballots.is_first, MAX_RESULTS)


def _every_vote_rule(ballots: Ballots) -> Outcomes:
    return evidence_rule(NEW_TRIALS, ballots.wins, ballots.is_first | True, MAX_RESULTS)


def _peeked_z_test(ballots: Ballots) -> Outcomes:
    return z_test_rule(ballots.wins, ballots.is_first, MAX_RESULTS)


def _decide_by_tests(
    rng: "np.random.Generator", voters: SimulatedVoters, runs: int
) -> list[tuple[str, list[Outcomes]]]:
    """Simulate trials, and return for each prefix how its test decides them."""
    rules = [partial(_product_rule, test) for test in TESTS_BY_PREFIX.values()]
    return list(zip(TESTS_BY_PREFIX, _decide(rng, voters, runs, rules), strict=True))


def _decide(
    rng: "np.random.Generator",
    voters: SimulatedVoters,
    runs: int,
    rules: Sequence[Callable[[Ballots], Outcomes]],
) -> list[list[Outcomes]]:
    """Simulate trials of MAX_RESULTS shown duels, and decide them by each rule, a chunk of runs at a time."""
    chunks: list[list[Outcomes]] = [[] for _ in rules]
    for start in range(0, runs, _CHUNK):
        ballots = voters.vote(rng, runs=min(_CHUNK, runs - start), duels=MAX_RESULTS)
        for outcomes, rule in zip(chunks, rules, strict=True):
            outcomes.append(rule(ballots))
    return chunks


def _share(chunks: list[Outcomes], field: str) -> float:
    """Return the share of the runs for which a field of Outcomes is true."""
    return float(
        sum(getattr(chunk, field).sum() for chunk in chunks) / sum(chunk.decided.size for chunk in chunks)
    )


def _median_results(chunks: list[Outcomes]) -> float | None:
    """Return the median of counted duels until a decision, or None if fewer than half of the runs decided."""
    import numpy as np  # noqa: PLC0415

    results = np.concatenate([np.where(chunk.decided, chunk.results, np.inf) for chunk in chunks])
    middle = float(np.median(results))
    return middle if middle < np.inf else None
