"""How long the queries took: as a table beside the bare drivers, and as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.table import Table

from bench.common.report import comparison_table

BARE = "bare_driver"
"""The name under which a driver's own times stand: it selects a description by its id."""


@dataclass(slots=True)
class QueryTimes:
    """The times of one query on one database, in seconds.

    first: once after a start. scans: the large tables that it reads from end to end.
    """

    hot: bool
    first: float = 0.0
    seconds: list[float] = field(default_factory=list)
    scans: Sequence[str] = ()

    def percentile_ms(self, share: float) -> float:
        """Return the milliseconds within which this share of the queries was answered."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] * 1000


@dataclass(frozen=True, slots=True)
class Figures:
    """The times by database and query; the bare driver's are among them."""

    descriptions: int
    times: Mapping[str, Mapping[str, QueryTimes]]

    def worst_ms(self, *, hot: bool) -> float:
        """Return the slowest 99th percentile of the hot queries, or of the others."""
        return max(
            found.percentile_ms(0.99)
            for times in self.times.values()
            for name, found in times.items()
            if found.hot == hot and name != BARE
        )

    def summary(self) -> dict[str, object]:
        """Return the figures by name; those of each query by database."""
        return {
            "hot_rows": self.descriptions,
            "p99_ms_hot": round(self.worst_ms(hot=True), 3),
            "p99_ms_lists": round(self.worst_ms(hot=False), 3),
            "queries": {
                database: {
                    name: {
                        "p50_ms": round(found.percentile_ms(0.5), 3),
                        "p99_ms": round(found.percentile_ms(0.99), 3),
                        "first_ms": round(found.first * 1000, 3),
                        "over_bare": round(self._over_bare(database, name), 2),
                        "scans": list(found.scans),
                    }
                    for name, found in times.items()
                }
                for database, times in self.times.items()
            },
        }

    def _over_bare(self, database: str, name: str) -> float:
        """Return how many times as long as the bare driver's a query's median is."""
        times = self.times[database]
        return times[name].percentile_ms(0.5) / times[BARE].percentile_ms(0.5)

    def table(self, title: str) -> Table:
        """Return one row for each query, with the same columns for each database."""
        columns = [
            f"{name} {what}" for name in self.times for what in ("p50", "p99", "first", "bare drivers")
        ]
        table = comparison_table(
            f"{self.descriptions:,} descriptions, ten times as many votes; ms", *columns, title=title
        )
        first, *_ = self.times.values()
        for query in first:
            cells = []
            for database, times in self.times.items():
                found = times[query]
                cells += [
                    f"{found.percentile_ms(0.5):.1f}",
                    f"{found.percentile_ms(0.99):.1f}",
                    f"{found.first * 1000:,.0f}",
                    f"{self._over_bare(database, query):,.0f}",
                ]
            table.add_row(f"{query}{' *' if first[query].hot else ''}", *cells)
        return table
