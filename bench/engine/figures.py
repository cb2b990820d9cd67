"""The figures of one run: as a table with a bound or a baseline beside each, and as plain numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from bench.common.machine import MatrixPeak
from bench.common.report import comparison_table
from bench.engine.load import ChatRound
from bench.engine.model_size import ModelSize
from bench.engine.training import TrainingRun

STREAMS = (1, 4, 8)

Rounds = Mapping[tuple[str, int], Sequence[ChatRound]]
"""Rounds of chat by model (base, tuned, llama.cpp) and number of streams, equally many for each."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything measured in one run. Memory is resident; `llama.cpp` is its own server with its defaults."""

    bandwidth: float
    """Bytes per second that all cores together can read."""
    peak: MatrixPeak
    base: ModelSize
    tuned: ModelSize
    learned_share: float
    """The share of the training tokens that is learned."""
    rounds: Rounds
    serve_mib: float
    """Memory of the engine with the base and two tuned models loaded."""
    baseline_mib: float
    """Memory of llama.cpp with the base alone."""
    supervised: TrainingRun
    dpo: TrainingRun
    quiet_seconds: float
    """Median of short chats without a training; `busy_seconds`: while a training runs."""
    busy_seconds: float

    def tokens_per_second(self, model: str, streams: int) -> float:
        """Return the median over the rounds."""
        return median(each.tokens_per_second for each in self.rounds[model, streams])

    def ratio(self, model: str, other: str, streams: int) -> float:
        """Return how much faster `model` is than `other`: the median of the ratios of the rounds."""
        pairs = zip(self.rounds[model, streams], self.rounds[other, streams], strict=True)
        return median(ours.tokens_per_second / theirs.tokens_per_second for ours, theirs in pairs)

    def bound(self, size: ModelSize, streams: int) -> float:
        """Return the tokens/s if reading the weights were all the work; one pass serves all streams.

        The KV cache of each chat is read as well, but is small beside the weights here.
        """
        return streams * self.bandwidth / size.weight_bytes

    @property
    def tuned_over_base(self) -> float:
        """The lowest ratio over all numbers of streams."""
        return min(self.ratio("tuned", "base", streams) for streams in STREAMS)

    @property
    def train_gflops(self) -> float:
        """GFLOP/s of the supervised training."""
        return self.supervised.tokens_per_second * self.base.training_flops(self.learned_share) / 1e9

    def summary(self) -> dict[str, float]:
        """Return the figures by name. Bandwidth share and first word are the base's with one stream."""
        figures = {
            "tuned_over_base": self.tuned_over_base,
            "share_of_bandwidth_bound": self.tokens_per_second("base", 1) / self.bound(self.base, 1),
            "ttft_ms": self._first_ms("base", 1),
            "serve_mib": self.serve_mib,
            "train_tok_s": self.supervised.tokens_per_second,
            "train_share_of_peak": self.train_gflops / self.peak.gflops,
            "train_gib": self.supervised.peak_gib,
            "dpo_gib": self.dpo.peak_gib,
            "chat_latency_ratio_while_training": self.busy_seconds / self.quiet_seconds,
        }
        return {name: round(value, 4) for name, value in figures.items()}

    def table(self, title: str) -> Table:
        """Return one row for each figure: its value, its bound or baseline, and the ratio."""
        table = comparison_table("what", "measured", "beside it", "share", title=title)
        for streams in STREAMS:
            self._chat_rows(table, streams)
            table.add_section()
        table.add_row("engine: base + 2 tuned", f"{self.serve_mib:.0f} MiB", *self._memory_baseline())
        flops = self.base.training_flops(self.learned_share) / 1e6
        table.add_row(
            f"training ({flops:.0f} MFLOP a token)",
            f"{self.supervised.tokens_per_second:.0f} tok/s = {self.train_gflops:.0f} GFLOP/s",
            f"{self.peak.dtype} product: {self.peak.gflops:.0f} GFLOP/s",
            f"{self.train_gflops / self.peak.gflops:.2f}",
        )
        for name, job in (("supervised", self.supervised), ("dpo", self.dpo)):
            weights_gib = self.base.weight_bytes / 2**30
            table.add_row(
                f"trainer's memory, {name}",
                f"{job.peak_gib:.2f} GiB",
                f"packed weights: {weights_gib:.2f} GiB",
                f"{job.peak_gib / weights_gib:.0f} x",
            )
        table.add_row(
            "short chat while training",
            f"{self.busy_seconds * 1e3:.0f} ms",
            f"without: {self.quiet_seconds * 1e3:.0f} ms",
            f"{self.busy_seconds / self.quiet_seconds:.2f}",
        )
        return table

    def _chat_rows(self, table: Table, streams: int) -> None:
        at = f"{streams} stream{'s' if streams > 1 else ''}"
        for name, size in (("base", self.base), ("tuned", self.tuned)):
            speed, bound = self.tokens_per_second(name, streams), self.bound(size, streams)
            table.add_row(
                f"{name}, {at}",
                f"{speed:.1f} tok/s",
                f"memory bound: {bound:.0f} tok/s",
                f"{speed / bound:.2f}",
            )
        for name, other in (("tuned", "base"), ("base", "llama.cpp")):
            table.add_row(
                f"{name} over {other}, {at}",
                f"{self.tokens_per_second(name, streams):.1f} tok/s",
                f"{other}: {self.tokens_per_second(other, streams):.1f} tok/s",
                f"{self.ratio(name, other, streams):.2f}",
            )
        first, baseline = self._first_ms("base", streams), self._first_ms("llama.cpp", streams)
        table.add_row(
            f"first word, base, {at}",
            f"{first:.0f} ms",
            f"llama.cpp: {baseline:.0f} ms",
            f"{first / baseline:.2f}",
        )

    def _first_ms(self, model: str, streams: int) -> float:
        return median(each.first for each in self.rounds[model, streams]) * 1e3

    def _memory_baseline(self) -> tuple[str, str]:
        return (
            f"llama.cpp, base alone: {self.baseline_mib:.0f} MiB",
            f"{self.serve_mib / self.baseline_mib:.2f}",
        )
