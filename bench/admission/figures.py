"""How long admission took: as a table beside reading and curating alone, and as numbers."""

from dataclasses import dataclass

from rich.table import Table

from bench.common.report import comparison_table
from bench.common.stopwatch import Elapsed


@dataclass(slots=True)
class Timing:
    """How long one question took, and the longest pause of the event loop in seconds."""

    elapsed: Elapsed
    pause: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The times of each question, and of reading and curating alone."""

    descriptions: int
    admitted: int
    first: Timing
    again: Timing
    build: Timing
    alone: Elapsed

    @property
    def share_of_alone(self) -> float:
        return self.alone.cpu_seconds / self.first.elapsed.cpu_seconds

    def summary(self) -> dict[str, float]:
        """Return the figures by name."""
        figures: dict[str, float] = {"descriptions": self.descriptions, "admitted": self.admitted}
        for name, timing in (("status", self.first), ("status_again", self.again), ("build", self.build)):
            figures |= {
                f"{name}_s": timing.elapsed.seconds,
                f"{name}_cpu_s": timing.elapsed.cpu_seconds,
                f"{name}_pause_s": timing.pause,
            }
        figures |= {"alone_cpu_s": self.alone.cpu_seconds, "share_of_alone": self.share_of_alone}
        return {name: round(value, 4) for name, value in figures.items()}

    def table(self, title: str) -> Table:
        """Return one row for each question, and one for reading and curating alone."""
        table = comparison_table(
            f"{self.descriptions:,} rated, {self.admitted:,} admitted",
            "seconds",
            "processor",
            "longest pause",
            title=title,
        )
        timings = {
            "/dataset status after a start": self.first,
            "the same with other thresholds": self.again,
            "what a build lets in": self.build,
        }
        for name, timing in timings.items():
            elapsed = timing.elapsed
            table.add_row(
                name,
                f"{elapsed.seconds:.1f} s",
                f"{elapsed.cpu_seconds:.1f} s",
                f"{timing.pause * 1000:.0f} ms",
            )
        alone = self.alone
        table.add_row(
            "reading and curating alone", f"{alone.seconds:.1f} s", f"{alone.cpu_seconds:.1f} s", ""
        )
        return table
