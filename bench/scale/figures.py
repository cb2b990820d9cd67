"""What was measured: as a table, each figure beside a bound or a baseline, and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.table import Table

from bench.common.report import comparison_table
from bench.store.figures import BARE
from bench.store.figures import Figures as StoreFigures
from bot.jobs.queue import WorkerTiming

_LONGEST_TAKEOVER_S = 20.0
_LONGEST_P99_MS = 20.0


@dataclass(frozen=True, slots=True)
class Run:
    """What so many bot processes did, a value for each round.

    per_second: /hero answered. bot_ms, database_ms, bench_ms: processor time of one /hero, of the bots, of
    PostgreSQL with all that it does (0 if it runs elsewhere), and of the simulated Discord and model.
    """

    processes: int
    per_second: list[float] = field(default_factory=list)
    bot_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)
    bench_ms: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GuildCosts:
    """What servers cost a bot process, a value for each round.

    few, many: its physical memory in MiB with few servers, and with so many more. message_us: microseconds of
    processor time for a message in a server that is not for the bot.
    """

    more: int
    few: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)
    message_us: list[float] = field(default_factory=list)

    @property
    def mib_per_thousand(self) -> float:
        """Return the memory of a thousand servers."""
        return (median(self.many) - median(self.few)) / self.more * 1000


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured. takeovers: in seconds."""

    runs: Sequence[Run]
    takeovers: Sequence[float]
    guilds: GuildCosts
    queries: StoreFigures

    def summary(self) -> dict[str, object]:
        """Return the figures by name; rates and processor times by the number of processes."""
        return {
            "interactions_per_s": {str(run.processes): round(median(run.per_second), 1) for run in self.runs},
            "takeover_s": round(median(self.takeovers), 2),
            "takeover_worst_s": round(max(self.takeovers), 2),
            "hot_rows": self.queries.descriptions,
            "p99_ms_hot": round(self.queries.worst_ms(hot=True), 3),
            "mib_per_1000_guilds": round(self.guilds.mib_per_thousand, 1),
            "message_us": round(median(self.guilds.message_us), 1),
            "cpu_ms": {
                str(run.processes): {
                    "bots": round(median(run.bot_ms), 2),
                    "database": round(median(run.database_ms), 2),
                    "bench": round(median(run.bench_ms), 2),
                }
                for run in self.runs
            },
            "queries": self.queries.summary()["queries"],
        }

    def table(self, title: str) -> Table:
        """Return one row for each figure: its value, what stands beside it, and the ratio."""
        table = comparison_table("what", "measured", "beside it", "ratio", title=title)
        self._rate_rows(table)
        table.add_section()
        seconds, silent = median(self.takeovers), WorkerTiming().stale_after
        table.add_row(
            f"a killed worker's build goes on, median of {len(self.takeovers)}",
            f"{seconds:.1f} s (worst {max(self.takeovers):.1f})",
            f"silent for {silent:.0f} s; bound {_LONGEST_TAKEOVER_S:.0f} s",
            f"{seconds / silent:.2f}",
        )
        self._guild_rows(table)
        table.add_section()
        self._query_rows(table)
        return table

    def _rate_rows(self, table: Table) -> None:
        alone = median(self.runs[0].per_second)
        for run in self.runs:
            bots, database, bench = (
                f"{median(each):.1f}" for each in (run.bot_ms, run.database_ms, run.bench_ms)
            )
            rate = median(run.per_second)
            table.add_row(
                f"/hero a second, bot processes: {run.processes}",
                f"{rate:.0f}",
                f"processor ms: bots {bots}, PostgreSQL {database}, Discord and model {bench}",
                f"{rate / alone:.2f}",
            )

    def _guild_rows(self, table: Table) -> None:
        guilds = self.guilds
        few, many = median(guilds.few), median(guilds.many)
        table.add_row(
            f"a bot's memory with {guilds.more:,} more servers",
            f"{many:.0f} MiB (+{guilds.mib_per_thousand:.1f} for 1,000)",
            f"with few: {few:.0f} MiB",
            f"{many / few:.2f}",
        )
        hero_us, message_us = median(self.runs[0].bot_ms) * 1000, median(guilds.message_us)
        table.add_row(
            "processor time for a message that is not for the bot",
            f"{message_us:.0f} µs",
            f"a /hero: {hero_us:,.0f} µs",
            f"{message_us / hero_us:.3f}",
        )

    def _query_rows(self, table: Table) -> None:
        for database, times in self.queries.times.items():
            hot = {name: each for name, each in times.items() if each.hot}
            name = max(hot, key=lambda each: hot[each].percentile_ms(0.99))
            worst, bare = hot[name].percentile_ms(0.99), times[BARE].percentile_ms(0.99)
            table.add_row(
                f"slowest hot query, {database}, {self.queries.descriptions:,} descriptions: {name}, p99",
                f"{worst:.1f} ms (bound {_LONGEST_P99_MS:.0f})",
                f"the bare driver's SELECT: {bare:.1f} ms",
                f"{worst / bare:.1f}",
            )
