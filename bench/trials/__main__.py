"""The flywheel's brake: how often votes without a preference promote, and how soon votes with one do.

    python -m bench.trials [--quick] [--json]

Simulated trials, looked at after every vote, under the product's own test and its rule of who counts; beside
them what a plain z-test would do, and what counting every vote would. The control run sends voters without a
preference through the product's own store and services.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bench.common import machine
from bench.trials.electorate import Ballots, Electorate
from bench.trials.null_run import Control, control
from bench.trials.stopping_rules import Verdicts, by_evidence, by_z_test
from bot.rating.sequential_test import EVIDENCE_THRESHOLD
from bot.settings import Settings

if TYPE_CHECKING:
    import numpy as np

MOST = int(Settings.model_fields["trial_duels"].default)  # counted results, after which a trial is undecided
CROWDS = (10, 30, 100)
_AT_ONCE = 1000  # runs in memory at a time


@dataclass(frozen=True, slots=True)
class Size:
    """How many trials are simulated, and how long the control run is."""

    runs: int
    seeds: int
    votes: int


FULL = Size(runs=10_000, seeds=200, votes=100)
QUICK = Size(runs=1000, seeds=10, votes=30)


def simulated(size: Size, seed: int = 1) -> dict[str, Any]:
    """The figures of simulated trials, the same for the same seed."""
    import numpy as np  # noqa: PLC0415  so that --help is quick

    chance = np.random.default_rng(seed)
    alike = _judged(chance, Electorate(None), size.runs, _ours)
    figures: dict[str, Any] = {
        "false_promotion": _share(alike, "decided"),
        "false_promotion_candidate": _share(alike, "promoted"),
        "false_promotion_z_test": _share(_judged(chance, Electorate(None), size.runs, _z_test), "decided"),
    }
    for readers in CROWDS:
        crowd = Electorate(readers)
        figures[f"false_promotion_correlated_{readers}"] = _share(
            _judged(chance, crowd, size.runs, _ours), "decided"
        )
        figures[f"false_promotion_every_vote_{readers}"] = _share(
            _judged(chance, crowd, size.runs, _every_vote), "decided"
        )
        preferring = Electorate(readers, 0.65)
        figures[f"power_65_readers_{readers}"] = _share(
            _judged(chance, preferring, size.runs, _ours), "promoted"
        )
    for percent in (60, 65):
        verdicts = _judged(chance, Electorate(None, percent / 100), size.runs, _ours)
        figures[f"power_{percent}"] = _share(verdicts, "promoted")
        figures[f"median_duels_{percent}"] = _median(verdicts)
    return figures | {"horizon": MOST, "runs": size.runs}


def _ours(ballots: Ballots) -> Verdicts:
    return by_evidence(ballots.wins, ballots.first, MOST)


def _every_vote(ballots: Ballots) -> Verdicts:
    return by_evidence(ballots.wins, ballots.first | True, MOST)


def _z_test(ballots: Ballots) -> Verdicts:
    return by_z_test(ballots.wins, ballots.first, MOST)


def _judged(
    chance: "np.random.Generator", electorate: Electorate, runs: int, judge: Callable[[Ballots], Verdicts]
) -> list[Verdicts]:
    """Trials of as many shown duels as may count at most, a part of the runs at a time."""
    parts = [min(_AT_ONCE, runs - at) for at in range(0, runs, _AT_ONCE)]
    return [judge(electorate.vote(chance, runs=part, duels=MOST)) for part in parts]


def _share(parts: list[Verdicts], what: str) -> float:
    """The share of runs of which it is true."""
    return float(sum(getattr(part, what).sum() for part in parts) / sum(part.decided.size for part in parts))


def _median(parts: list[Verdicts]) -> float | None:
    """Counted duels until the verdict; None where fewer than half of the runs came to one."""
    import numpy as np  # noqa: PLC0415

    took = np.concatenate([np.where(part.decided, part.results, np.inf) for part in parts])
    middle = float(np.median(took))
    return middle if middle < np.inf else None


def show(figures: dict[str, Any]) -> Table:
    """All figures, each beside a peer or a bound of the same run."""
    table = Table("figure", "this product", "beside it", title="Votes decide")
    for row in _rows(figures):
        table.add_row(*row)
    return table


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    bound = f"at most {100 / EVIDENCE_THRESHOLD:.0f} % (Ville)"
    z_test = f"z-test peeked at: {figures['false_promotion_z_test']:.1%}"
    yield "decided though none is preferred", f"{figures['false_promotion']:.1%}", f"{bound}; {z_test}"
    yield (
        "promoted though none is preferred",
        f"{figures['false_promotion_candidate']:.1%}",
        "half of that, by symmetry",
    )
    for readers in CROWDS:
        naive = figures[f"false_promotion_every_vote_{readers}"]
        yield (
            f"decided, {readers} readers with lasting tastes",
            f"{figures[f'false_promotion_correlated_{readers}']:.1%}",
            f"every vote counted: {naive:.1%}",
        )
    for percent in (60, 65):
        median = figures[f"median_duels_{percent}"]
        yield (
            f"promoted where {percent} % prefer it",
            f"{figures[f'power_{percent}']:.1%}",
            f"within {figures['horizon']} voters; half after {median:.0f}" if median else "half never",
        )
    for readers in CROWDS:
        yield (
            f"promoted where 65 % of {readers} readers prefer it",
            f"{figures[f'power_65_readers_{readers}']:.1%}",
            f"each counts once; {figures['horizon']} duels shown",
        )
    yield (
        "control run that promotes nothing",
        f"{figures['control_promotes_nothing']:.1%}",
        f"at least 95 %; {figures['control_seeds']} seeds of {figures['control_votes']} votes",
    )


def _controlled(found: Control) -> dict[str, Any]:
    return {
        "control_promotes_nothing": found.promotes_nothing,
        "control_outvoted": found.outvoted,
        "control_seeds": found.seeds,
        "control_votes": found.votes,
    }


def main() -> None:
    """Read the command line, run, and print the figures; with --json also as the last line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="1,000 trials in place of 10,000")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    chosen = parser.parse_args()
    size, started = QUICK if chosen.quick else FULL, time.monotonic()
    figures = simulated(size)
    print(f"simulated in {time.monotonic() - started:.0f} s", file=sys.stderr)
    figures |= _controlled(asyncio.run(control(size.seeds, size.votes)))
    figures |= {"seconds": round(time.monotonic() - started, 1), "machine": machine.describe()}
    Console(width=110).print(show(figures))
    if chosen.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
