"""Simulate many trials at once under each stopping rule: error rates, power, and duels until a decision."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.trials.simulated_voters import Ballots, SimulatedVoters
from bench.trials.stopping_rules import Outcomes, evidence_rule, z_test_rule
from bot.settings import Settings

if TYPE_CHECKING:
    import numpy as np

MAX_RESULTS = int(Settings.model_fields["trial_duels"].default)
"""Counted results after which a trial ends undecided."""
READER_COUNTS = (10, 30, 100)
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
    no_preference = _decide(rng, SimulatedVoters(None), size.runs, _product_rule)
    figures: dict[str, Any] = {
        "false_promotion": _share(no_preference, "decided"),
        "false_promotion_candidate": _share(no_preference, "promoted"),
        "false_promotion_z_test": _share(
            _decide(rng, SimulatedVoters(None), size.runs, _peeked_z_test), "decided"
        ),
    }
    for readers in READER_COUNTS:
        voters = SimulatedVoters(readers)
        figures[f"false_promotion_correlated_{readers}"] = _share(
            _decide(rng, voters, size.runs, _product_rule), "decided"
        )
        figures[f"false_promotion_every_vote_{readers}"] = _share(
            _decide(rng, voters, size.runs, _every_vote_rule), "decided"
        )
        preferring = SimulatedVoters(readers, 0.65)
        figures[f"power_65_readers_{readers}"] = _share(
            _decide(rng, preferring, size.runs, _product_rule), "promoted"
        )
    for percent in (60, 65):
        outcomes = _decide(rng, SimulatedVoters(None, percent / 100), size.runs, _product_rule)
        figures[f"power_{percent}"] = _share(outcomes, "promoted")
        figures[f"median_duels_{percent}"] = _median_results(outcomes)
    return figures | {"horizon": MAX_RESULTS, "runs": size.runs}


def _product_rule(ballots: Ballots) -> Outcomes:
    return evidence_rule(ballots.wins, ballots.is_first, MAX_RESULTS)


def _every_vote_rule(ballots: Ballots) -> Outcomes:
    return evidence_rule(ballots.wins, ballots.is_first | True, MAX_RESULTS)


def _peeked_z_test(ballots: Ballots) -> Outcomes:
    return z_test_rule(ballots.wins, ballots.is_first, MAX_RESULTS)


def _decide(
    rng: "np.random.Generator", voters: SimulatedVoters, runs: int, rule: Callable[[Ballots], Outcomes]
) -> list[Outcomes]:
    """Simulate trials of MAX_RESULTS shown duels, a chunk of the runs at a time."""
    chunks = [min(_CHUNK, runs - start) for start in range(0, runs, _CHUNK)]
    return [rule(voters.vote(rng, runs=chunk, duels=MAX_RESULTS)) for chunk in chunks]


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
