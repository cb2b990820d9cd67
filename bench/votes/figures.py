"""What keeping votes took: as a table beside SQLite alone, and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from bench.common.report import comparison_table
from bench.common.stopwatch import Elapsed

CONCURRENCY = 5_000
"""Voters who click at once."""


@dataclass(frozen=True)
class Figures:
    """The times of each round: of the store, and of SQLite alone."""

    clicks: int
    store: Sequence[Elapsed]
    raw: Sequence[Elapsed]

    @property
    def votes_per_s(self) -> float:
        return self.clicks / median(elapsed.seconds for elapsed in self.store)

    @property
    def share_of_raw(self) -> float:
        """The median of the ratios of the rounds."""
        return median(raw.seconds / ours.seconds for ours, raw in zip(self.store, self.raw, strict=True))

    def cpu_us(self, rounds: Sequence[Elapsed]) -> float:
        """Return the processor time per vote in microseconds: the median over the rounds."""
        return median(elapsed.cpu_seconds for elapsed in rounds) / self.clicks * 1e6

    def summary(self) -> dict[str, float]:
        """Return the figures by name."""
        figures = {
            "votes_per_s": self.votes_per_s,
            "share_of_raw_sqlite": self.share_of_raw,
            "cpu_us_per_vote": self.cpu_us(self.store),
            "raw_cpu_us_per_vote": self.cpu_us(self.raw),
        }
        return {name: round(value, 4) for name, value in figures.items()}

    def table(self, title: str) -> Table:
        """Return one row for each figure: of the store, of sqlite3 alone, and their ratio."""
        table = comparison_table("what", "the store", "sqlite3 alone", "share", title=title)
        raw = self.clicks / median(elapsed.seconds for elapsed in self.raw)
        table.add_row(
            f"votes a second, {CONCURRENCY:,} at once, each on the disk",
            f"{self.votes_per_s:,.0f}",
            f"{raw:,.0f}",
            f"{self.share_of_raw:.2f}",
        )
        ours, theirs = self.cpu_us(self.store), self.cpu_us(self.raw)
        table.add_row(
            "processor time a vote", f"{ours:.0f} µs", f"{theirs:.0f} µs", f"{ours / theirs:.1f} times"
        )
        return table
