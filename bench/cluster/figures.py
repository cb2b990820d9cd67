"""What was measured: as a table, each figure beside its bound, and as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from bench.cluster.resume import Resume
from bench.common.report import comparison_table
from bench.engine.load import ChatRound

ENGINE, ONE, TWO = "engine", "cluster, 1 replica", "cluster, 2 replicas"
_BOUND, _AIM = 1.3, 1.1
_FAILURE_SECONDS = 2.0
_ANSWER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Kill:
    """What a killed replica cost, of two under load; in seconds.

    broken: chats in flight that failed. lost: chats that began after the kill and failed. first_answer: until
    one of those had its first word.
    """

    broken: int
    lost: int
    slowest_failure: float
    first_answer: float


@dataclass(frozen=True)
class Figures:
    """Rounds by what answers and the number of streams, and the kills of a replica and of a worker."""

    rounds: Mapping[tuple[str, int], Sequence[ChatRound]]
    kill: Kill
    resume: Resume

    def ratio(self, name: str, other: str, streams: int) -> float:
        """Return how many times as many tokens a second `name` makes: the median of the rounds' ratios."""
        pairs = zip(self.rounds[name, streams], self.rounds[other, streams], strict=True)
        return median(ours.tokens_per_second / theirs.tokens_per_second for ours, theirs in pairs)

    def summary(self) -> dict[str, object]:
        """Return the figures by name."""
        return {
            "serve_overhead": round(self.ratio(ENGINE, ONE, 1), 3),
            "serve_overhead_8": round(self.ratio(ENGINE, ONE, 8), 3),
            "replicas_2_over_1": round(self.ratio(TWO, ONE, 16), 3),
            "lost_chats_on_kill": self.kill.lost,
            "broken_chats_on_kill": self.kill.broken,
            "failure_s": round(self.kill.slowest_failure, 2),
            "first_answer_s": round(self.kill.first_answer, 2),
            "resume_s": round(self.resume.seconds, 1),
            "equal_losses": self.resume.equal_losses,
        }

    def table(self, title: str) -> Table:
        """Return one row for each figure: its value, what stands beside it, and the ratio."""
        table = comparison_table("what", "measured", "beside it", "ratio", title=title)
        bound = f"bound {_BOUND:.1f}, aim {_AIM:.1f}"
        self._compare(table, ENGINE, ONE, 1, bound)
        self._compare(table, ENGINE, ONE, 8, bound)
        self._compare(table, TWO, ONE, 16, "no bound on one machine")
        table.add_section()
        kill = self.kill
        table.add_row("one of 2 replicas killed: chats in flight that failed", f"{kill.broken}", "", "")
        table.add_row(
            "the last of them failed after", f"{kill.slowest_failure:.1f} s", f"{_FAILURE_SECONDS} s", ""
        )
        table.add_row("chats that began later and failed", f"{kill.lost}", "0", "")
        table.add_row(
            "the first of them had its first word after",
            f"{kill.first_answer:.1f} s",
            f"{_ANSWER_SECONDS} s",
            "",
        )
        table.add_section()
        seconds, equal = self.resume.seconds, "equal" if self.resume.equal_losses else "others"
        table.add_row("a worker of a training killed: the next step after", f"{seconds:.1f} s", "", "")
        table.add_row("its losses, beside an undisturbed training's", equal, "equal", "")
        return table

    def _compare(self, table: Table, name: str, other: str, streams: int, bound: str) -> None:
        ours, theirs = self._tokens(name, streams), self._tokens(other, streams)
        ratio = self.ratio(name, other, streams)
        table.add_row(
            f"{name}, streams: {streams} ({bound})",
            f"{ours:.0f} tokens/s",
            f"{other}: {theirs:.0f} tokens/s",
            f"{ratio:.2f}",
        )

    def _tokens(self, name: str, streams: int) -> float:
        return median(each.tokens_per_second for each in self.rounds[name, streams])
