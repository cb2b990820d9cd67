"""The figures of trials as a table, each beside a baseline or a bound of the same run."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from bench.trials.simulation import PERCENTAGES, READER_COUNTS
from bot.rating.sequential_test import EVIDENCE_THRESHOLD


def trials_table(figures: dict[str, Any], title: str) -> Table:
    """Return one row for each figure."""
    table = Table("figure", "this product", "the uniform test", "beside it", title=title)
    for row in _rows(figures):
        table.add_row(*row)
    return table


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    bound = f"at most {100 / EVIDENCE_THRESHOLD:.0f} % (Ville)"
    z_test = f"z-test peeked at: {figures['false_promotion_z_test']:.1%}"
    yield "decided without a preference", *_shares(figures, "false_promotion"), f"{bound}; {z_test}"
    yield (
        "promoted without a preference",
        *_shares(figures, "false_promotion_candidate"),
        "half of that, by symmetry",
    )
    for readers in READER_COUNTS:
        naive = figures[f"false_promotion_every_vote_{readers}"]
        yield (
            f"decided, {readers} readers with lasting tastes",
            *_shares(figures, f"false_promotion_correlated_{readers}"),
            f"every vote counted: {naive:.1%}",
        )
    for percent in PERCENTAGES:
        share, uniform_share = _shares(figures, f"power_{percent}")
        yield (
            f"promoted if {percent} % prefer it",
            f"{share}, {_half(figures[f'median_duels_{percent}'])}",
            f"{uniform_share}, {_half(figures[f'uniform_median_duels_{percent}'])}",
            f"within {figures['horizon']} voters",
        )
    for readers in READER_COUNTS:
        yield (
            f"promoted if 65 % of {readers} readers prefer it",
            *_shares(figures, f"power_65_readers_{readers}"),
            f"each counts once; {figures['horizon']} duels shown",
        )
    yield (
        "null runs that promote nothing",
        f"{figures['control_promotes_nothing']:.1%}",
        "",
        f"at least 95 %; {figures['control_seeds']} seeds of {figures['control_votes']} votes",
    )


def _shares(figures: dict[str, Any], name: str) -> tuple[str, str]:
    """Return a share under the product's test, and under the uniform one."""
    return f"{figures[name]:.1%}", f"{figures[f'uniform_{name}']:.1%}"


def _half(median: float | None) -> str:
    return f"half after {median:.0f}" if median else "half never"
