"""The figures of one run: as a table with a bound or a peer beside each, and as plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from bench.common import machine
from bench.common.machine import MatrixPeak
from bench.common.report import comparison_table
from bench.engine.first_loop import FirstLoop
from bench.engine.serving import Serving
from bench.engine.training_steps import Training


@dataclass(frozen=True)
class Figures:
    """Everything measured in one run; None: that part was not asked for."""

    peak: MatrixPeak
    load: float
    """The machine's load before anything was measured."""
    serving: Serving | None
    training: Training | None
    loop: FirstLoop | None

    def summary(self) -> dict[str, Any]:
        """Return the figures by name."""
        figures: dict[str, Any] = {
            "processor": machine.instructions(),
            "load": self.load,
            "peak_gflops": self.peak.gflops,
            "peak_training_gflops": self.peak.training_gflops,
        }
        if self.serving:
            figures |= {"bandwidth_gb_s": self.serving.bandwidth / 1e9} | self.serving.summary()
        if self.training:
            figures |= self.training.summary(self.peak)
        if self.loop:
            figures |= self.loop.summary()
        return _rounded(figures)

    def table(self, title: str) -> Table:
        """Return one row for each figure: its value, its bound or peer, and the ratio."""
        table = comparison_table("what", "measured", "beside it", "ratio", title=title)
        for part in (self.serving, self.training, self.loop):
            if isinstance(part, Training):
                part.add_rows(table, self.peak)
            elif part:
                part.add_rows(table)
            table.add_section()
        return table


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
