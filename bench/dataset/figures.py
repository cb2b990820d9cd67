"""The figures of building datasets: as a table with a baseline or bound beside each, and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from bench.common.report import comparison_table

BURST, PER_SECOND = 30, 30.0  # the rate limit: calls at once, and refill per second


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds of one build by each client, for each round; the article's loop runs once."""

    calls: int
    latency_ms: float
    article_calls: int
    article: float
    semaphore: Sequence[float]
    writing: Sequence[float]
    job: Sequence[float]

    @property
    def article_seconds(self) -> float:
        """Seconds of the article's loop over all calls, extrapolated if fewer were made."""
        return self.article * self.calls / self.article_calls

    def speedup(self, seconds: Sequence[float]) -> float:
        """Return how much faster this is than the article's loop: the median over the rounds."""
        return median(self.article_seconds / ours for ours in seconds)

    @property
    def over_semaphore(self) -> float:
        """Seconds of writing over seconds of the semaphore: the median of the ratios of the rounds."""
        return median(ours / theirs for ours, theirs in zip(self.writing, self.semaphore, strict=True))


@dataclass(frozen=True, slots=True)
class RateLimitedRun:
    """One client under the rate limit: its seconds, the calls refused (429), and those lost for good."""

    seconds: float
    refused: int
    lost: int


@dataclass(frozen=True, kw_only=True)
class RateLimited:
    """The same calls under a rate limit, for each round."""

    calls: int
    ours: Sequence[RateLimitedRun]
    semaphore: Sequence[RateLimitedRun]

    @property
    def ideal(self) -> float:
        """The fewest seconds that the limit allows."""
        return (self.calls - BURST) / PER_SECOND

    def over_ideal(self, rounds: Sequence[RateLimitedRun]) -> float:
        """Return the median of the seconds over the ideal."""
        return median(run.seconds for run in rounds) / self.ideal


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One large build, and the same calls as tasks: peak MiB, and MiB before the first slot."""

    examples: int
    asked: int
    mib: float
    opened_mib: float
    seconds: float
    busy_seconds: float
    tasks_mib: float
    tasks_opened_mib: float

    @property
    def key(self) -> str:
        """The JSON key of the peak: it names the number of examples."""
        return f"mib_at_{self.examples // 1000}k"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Processor milliseconds per call of the client's process with all its threads, for each round."""

    calls: int
    ours: Sequence[float]
    bare: Sequence[float]
    bare_aiohttp: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything measured in one run."""

    speed: Speed
    rate_limited: RateLimited
    memory: Memory
    cost: Cost

    def summary(self) -> dict[str, float]:
        """Return the figures by name: the main ones first, then those they derive from."""
        speed, limited, memory, cost = self.speed, self.rate_limited, self.memory, self.cost
        figures = {
            "speedup_over_article": speed.speedup(speed.writing),
            "over_ideal": limited.over_ideal(limited.ours),
            "rate_limited": max(run.refused for run in limited.ours),
            memory.key: memory.mib,
            "cpu_ms_per_call": median(cost.ours),
            "bare_cpu_ms_per_call": median(cost.bare),
            "bare_aiohttp_cpu_ms_per_call": median(cost.bare_aiohttp),
            "speedup_of_whole_job": speed.speedup(speed.job),
            "article_seconds": speed.article_seconds,
            "article_calls_made": speed.article_calls,
            "semaphore_seconds": median(speed.semaphore),
            "writing_seconds": median(speed.writing),
            "job_seconds": median(speed.job),
            "writing_over_semaphore": speed.over_semaphore,
            "ideal_seconds": limited.ideal,
            "limited_seconds": median(run.seconds for run in limited.ours),
            "limited_lost": max(run.lost for run in limited.ours),
            "semaphore_over_ideal": limited.over_ideal(limited.semaphore),
            "semaphore_rate_limited": median(run.refused for run in limited.semaphore),
            "semaphore_lost": median(run.lost for run in limited.semaphore),
            "mib_opened": memory.opened_mib,
            "large_job_seconds": memory.seconds,
            "large_job_busy_seconds": memory.busy_seconds,
            "tasks_mib": memory.tasks_mib,
            "tasks_mib_opened": memory.tasks_opened_mib,
        }
        return {name: round(value, 4) for name, value in figures.items()}

    def table(self, title: str) -> Table:
        """Return one row for each figure: its value, its baseline or bound, and the ratio."""
        table = comparison_table("what", "measured", "beside it", "ratio", title=title)
        for rows in (self._speed_rows, self._rate_limited_rows, self._memory_rows, self._cost_rows):
            rows(table)
            table.add_section()
        return table

    def _speed_rows(self, table: Table) -> None:
        speed = self.speed
        of = f"{speed.calls} calls of {speed.latency_ms:.0f} ms"
        counted = (
            f", counted up from {speed.article_calls} calls" if speed.article_calls < speed.calls else ""
        )
        article = f"article's loop: {speed.article_seconds:.1f} s{counted}"
        for name, seconds in (
            ("written and kept", speed.writing),
            ("the whole job, frozen", speed.job),
            ("the semaphore's, kept nowhere", speed.semaphore),
        ):
            table.add_row(
                f"{of}, {name}", f"{median(seconds):.2f} s", article, f"{speed.speedup(seconds):.1f} x"
            )
        table.add_row(
            f"{of}, written and kept",
            f"{median(speed.writing):.2f} s",
            f"semaphore: {median(speed.semaphore):.2f} s",
            f"{speed.over_semaphore:.2f}",
        )

    def _rate_limited_rows(self, table: Table) -> None:
        limited = self.rate_limited
        for name, rounds in (("written and kept", limited.ours), ("semaphore", limited.semaphore)):
            seconds = median(run.seconds for run in rounds)
            refused = ", ".join(str(run.refused) for run in rounds)
            lost = ", ".join(str(run.lost) for run in rounds)
            table.add_row(
                f"{limited.calls} calls at {PER_SECOND:.0f} a second, {name}",
                f"{seconds:.2f} s; refused (429): {refused}; lost: {lost}",
                f"the limit allows {limited.ideal:.1f} s",
                f"{limited.over_ideal(rounds):.3f}",
            )

    def _memory_rows(self, table: Table) -> None:
        memory = self.memory
        table.add_row(
            f"peak, job of {memory.examples:,} with {memory.asked:,} asked for",
            f"{memory.mib:.0f} MiB ({memory.opened_mib:.0f} when opened)",
            f"as tasks alone: {memory.tasks_mib:.0f} MiB",
            f"{memory.mib / memory.tasks_mib:.2f}",
        )
        table.add_row(
            "its time",
            f"{memory.seconds:.0f} s",
            f"processor: {memory.busy_seconds:.0f} s",
            "",
            end_section=True,
        )

    def _cost_rows(self, table: Table) -> None:
        cost = self.cost
        for name, bare in (("httpx", cost.bare), ("aiohttp", cost.bare_aiohttp)):
            table.add_row(
                f"processor time a call, of {cost.calls}",
                f"{median(cost.ours):.2f} ms",
                f"bare SDK over {name}: {median(bare):.2f} ms",
                f"{median(cost.ours) / median(bare):.2f}",
            )
