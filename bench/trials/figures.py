"""The figures of trials as a table, each beside a baseline or a bound of the same run."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from bench.trials.simulation import READER_COUNTS
from bot.rating.sequential_test import EVIDENCE_THRESHOLD


def trials_table(figures: dict[str, Any], title: str) -> Table:
    """Return one row for each figure."""
    table = Table("figure", "this product", "beside it", title=title)
    for row in _rows(figures):
        table.add_row(*row)
    return table


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    bound = f"at most {100 / EVIDENCE_THRESHOLD:.0f} % (Ville)"
    z_test = f"z-test peeked at: {figures['false_promotion_z_test']:.1%}"
    yield "decided without a preference", f"{figures['false_promotion']:.1%}", f"{bound}; {z_test}"
    yield (
        "promoted without a preference",
        f"{figures['false_promotion_candidate']:.1%}",
        "half of that, by symmetry",
    )
    for readers in READER_COUNTS:
        naive = figures[f"false_promotion_every_vote_{readers}"]
        yield (
            f"decided, {readers} readers with lasting tastes",
            f"{figures[f'false_promotion_correlated_{readers}']:.1%}",
            f"every vote counted: {naive:.1%}",
        )
    for percent in (60, 65):
        median = figures[f"median_duels_{percent}"]
        yield (
            f"promoted if {percent} % prefer it",
            f"{figures[f'power_{percent}']:.1%}",
            f"within {figures['horizon']} voters; half after {median:.0f}" if median else "half never",
        )
    for readers in READER_COUNTS:
        yield (
            f"promoted if 65 % of {readers} readers prefer it",
            f"{figures[f'power_65_readers_{readers}']:.1%}",
            f"each counts once; {figures['horizon']} duels shown",
        )
    yield (
        "null runs that promote nothing",
        f"{figures['control_promotes_nothing']:.1%}",
        f"at least 95 %; {figures['control_seeds']} seeds of {figures['control_votes']} votes",
    )
