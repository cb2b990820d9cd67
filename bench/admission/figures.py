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
class Alone:
    """Reading texts by sqlite3, and curating them: how many, how many passed, and how long both took."""

    texts: int
    passed: int
    reading: Elapsed
    curating: Elapsed

    @property
    def cpu_seconds(self) -> float:
        return self.reading.cpu_seconds + self.curating.cpu_seconds

    @property
    def curation_ms(self) -> float:
        """Processor milliseconds that curation of a text takes."""
        return self.curating.cpu_seconds / self.texts * 1000


@dataclass(frozen=True, slots=True)
class Figures:
    """The times of each question, and of reading and curating alone."""

    descriptions: int
    admitted: int
    first: Timing
    after_start: Timing
    again: Timing
    build: Timing
    alone: Alone

    @property
    def share_of_alone(self) -> float:
        """How much of the first question's processor time reading and curating alone take."""
        return self.alone.cpu_seconds / self.first.elapsed.cpu_seconds

    @property
    def _timings(self) -> dict[str, tuple[str, Timing]]:
        """The names of the questions in JSON and in words."""
        return {
            "status_first": ("/dataset status, the first time", self.first),
            "status": ("/dataset status after a start", self.after_start),
            "status_again": ("the same with other thresholds", self.again),
            "build": ("what a build lets in", self.build),
        }

    def summary(self) -> dict[str, float]:
        """Return the figures by name."""
        figures: dict[str, float] = {"descriptions": self.descriptions, "admitted": self.admitted}
        for name, (_, timing) in self._timings.items():
            figures |= {
                f"{name}_s": timing.elapsed.seconds,
                f"{name}_cpu_s": timing.elapsed.cpu_seconds,
                f"{name}_pause_s": timing.pause,
            }
        figures |= {
            "alone_cpu_s": self.alone.cpu_seconds,
            "share_of_alone": self.share_of_alone,
            "curation_ms": self.alone.curation_ms,
        }
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
        for name, timing in self._timings.values():
            elapsed = timing.elapsed
            table.add_row(
                name,
                f"{elapsed.seconds:.1f} s",
                f"{elapsed.cpu_seconds:.1f} s",
                f"{timing.pause * 1000:.0f} ms",
            )
        for name, elapsed in (
            ("reading alone", self.alone.reading),
            (f"curating alone, {self.alone.curation_ms:.2f} ms a text", self.alone.curating),
        ):
            table.add_row(name, f"{elapsed.seconds:.1f} s", f"{elapsed.cpu_seconds:.1f} s", "")
        return table
