"""What was measured of each bot: as a table with a column for each, and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.table import Table

CONCURRENCY = 16
"""/hero commands in flight at a time when the rate is measured."""


@dataclass
class BotFigures:
    """What was measured of one bot process."""

    name: str
    ready_s: float
    idle_mib: float
    heavy: list[str]
    """Heavy libraries that it loaded."""
    first_start: "BotFigures | None" = None
    """What was measured of the start that created the database, if the bot has one."""
    calls_per_hero: dict[str, float] = field(default_factory=dict)
    """Calls to Discord for one /hero, by kind."""
    cpu_ms: list[float] = field(default_factory=list)
    """Of one /hero, for each round."""
    seconds: list[float] = field(default_factory=list)
    """From the command to the second thumb, of commands sent one by one."""
    acknowledged: list[float] = field(default_factory=list)
    """Seconds until the acknowledgement, of the same commands."""
    per_second: list[float] = field(default_factory=list)
    """Commands per second when many are in flight, for each round."""
    per_core_second: list[float] = field(default_factory=list)

    def percentile_ms(self, share: float) -> float:
        """Return the milliseconds within which this share of the commands was done."""
        return sorted(self.seconds)[int(share * (len(self.seconds) - 1))] * 1000


def interactions_table(bots: Sequence[BotFigures], title: str) -> Table:
    """Return one row for each figure, with a column for each bot."""
    names = {"bare": "bare discord.py", "streaming": "bare, streaming by the SDK", "herosmith": "Herosmith"}
    table = Table("", *(names[bot.name] for bot in bots), title=title)
    firsts = [bot.first_start for bot in bots]
    rows = {
        "CPU of a /hero, ms (median of rounds)": [f"{median(bot.cpu_ms):.1f}" for bot in bots],
        "a /hero, from typed to thumbs, p50, ms": [f"{bot.percentile_ms(0.5):.1f}" for bot in bots],
        "p99, ms": [f"{bot.percentile_ms(0.99):.1f}" for bot in bots],
        "acknowledged, worst, ms": [f"{max(bot.acknowledged) * 1000:.1f}" for bot in bots],
        f"/hero a second, {CONCURRENCY} at once": [f"{median(bot.per_second):.0f}" for bot in bots],
        "/hero a second of CPU": [f"{median(bot.per_core_second):.0f}" for bot in bots],
        "calls to Discord of a /hero": [_calls(bot) for bot in bots],
        "process start to ready, s": [f"{bot.ready_s:.2f}" for bot in bots],
        "the same, of the first start": [f"{first.ready_s:.2f}" if first else "" for first in firsts],
        "resident when idle, MiB": [f"{bot.idle_mib:.0f}" for bot in bots],
        "the same, after the first start": [f"{first.idle_mib:.0f}" if first else "" for first in firsts],
        "heavy libraries loaded": [", ".join(bot.heavy) or "none" for bot in bots],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _calls(bot: BotFigures) -> str:
    return ", ".join(f"{count:.2g} {name}" for name, count in sorted(bot.calls_per_hero.items()))


def summary(bots: Sequence[BotFigures]) -> dict[str, float]:
    """Return the figures by name. Baseline: the bare handler that streams; bound: the one that does not."""
    bare, streaming, ours = bots
    first, cpu = ours.first_start or ours, median(ours.cpu_ms)
    return {
        "overhead_vs_bare": round(cpu / median(streaming.cpu_ms), 3),
        "overhead_vs_bare_without_model": round(cpu / median(bare.cpu_ms), 3),
        "cpu_ms": round(cpu, 2),
        "p50_over_bare_ms": round(ours.percentile_ms(0.5) - streaming.percentile_ms(0.5), 2),
        "p99_over_bare_ms": round(ours.percentile_ms(0.99) - streaming.percentile_ms(0.99), 2),
        "interactions_per_s": round(median(ours.per_core_second), 1),
        "ready_s": round(ours.ready_s, 2),
        "idle_mib": round(ours.idle_mib, 1),
        "first_ready_s": round(first.ready_s, 2),
        "first_idle_mib": round(first.idle_mib, 1),
    }
