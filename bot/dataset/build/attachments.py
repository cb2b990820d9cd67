"""The files attached to the message of a finished build: a chart and a table."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot import palette
from bot.dataset.files.transfer import Transfer
from bot.store.datasets import Dataset

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_TABLE_TEXTS = 20_000  # a larger table may not fit into a Discord message
_MAX_BINS = 30  # of the histogram
# finish reasons of the API in words
_FINISH_REASONS = {"stop": "by itself", "length": "cut at the limit", "content_filter": "filtered"}


class Attachments:
    """Make a build's chart and table, in a folder of its own below the data folder."""

    def __init__(self, data_dir: Path, transfer: Transfer) -> None:
        self._data_dir = data_dir
        self._transfer = transfer

    async def make(
        self, job_id: int, dataset: Dataset, lengths: Mapping[int, int], finish_reasons: Mapping[str, int]
    ) -> list[str]:
        """Make the files and return their paths relative to the data folder, the chart first.

        lengths counts texts by their number of words, finish_reasons answers by finish reason.
        """
        folder = self._data_dir / "reports" / str(job_id)
        chart, table = folder / "lengths.png", folder / "out_openai_completion.csv"
        title = f"Dataset v{dataset.id}: {sum(lengths.values())} texts"
        if finish_reasons:
            title += f", {sum(finish_reasons.values())} answers"
        await asyncio.to_thread(
            draw_length_chart, chart, title=title, lengths=lengths, finish_reasons=finish_reasons
        )
        files = [chart]
        if sum(lengths.values()) <= _MAX_TABLE_TEXTS:
            await self._transfer.export(dataset.id, table, "article", overwrite=True)
            files.append(table)
        return [str(path.relative_to(self._data_dir)) for path in files]


def draw_length_chart(
    path: Path, *, title: str, lengths: Mapping[int, int], finish_reasons: Mapping[str, int]
) -> None:
    """Draw a PNG: a histogram of text lengths, and bars of finish reasons if a model answered."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy, so imported on use)

    figure = Figure(figsize=(8, 3.4), dpi=120, layout="constrained")
    figure.suptitle(title, fontsize=11)
    widths = (2, 1) if finish_reasons else (1,)
    words, *reasons = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    _draw_lengths(words, lengths)
    for axes in reasons:
        _draw_finish_reasons(axes, finish_reasons)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _draw_lengths(axes: "Axes", lengths: Mapping[int, int]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    shortest, longest = min(lengths, default=0), max(lengths, default=0)
    width = (longest - shortest) // _MAX_BINS + 1  # in whole words, so that all bins cover as many
    edges = range(shortest, longest + width + 1, width)
    axes.hist(list(lengths), bins=list(edges), weights=list(lengths.values()), color=palette.MODEL)
    axes.set_xlabel("words")
    axes.set_ylabel("texts")
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_finish_reasons(axes: "Axes", finish_reasons: Mapping[str, int]) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    names = sorted(finish_reasons, key=lambda name: finish_reasons[name])
    labels = [_FINISH_REASONS.get(name, name) for name in names]
    bars = axes.barh(labels, [finish_reasons[name] for name in names], color=palette.COUNT)
    axes.bar_label(bars, padding=3, fontsize=9)
    axes.margins(x=0.25)
    axes.set_xlabel("answers, by how they ended")
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
