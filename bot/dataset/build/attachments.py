"""The files attached to the message of a finished build: a chart and a table."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bot import palette
from bot.dataset.files.transfer import Transfer
from bot.store.datasets import Dataset

_MAX_TABLE_TEXTS = 20_000  # a larger table may not fit into a Discord message
_MAX_BINS = 30  # of the histogram


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
        title = (
            f"Dataset v{dataset.id}: {sum(lengths.values())} texts, {sum(finish_reasons.values())} answers"
        )
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
    """Draw a PNG: a histogram of text lengths, and bars of finish reasons."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy, so imported on use)
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure = Figure(figsize=(8, 3.4), dpi=120, layout="constrained")
    figure.suptitle(title, fontsize=11)
    words, reasons = figure.subplots(1, 2, width_ratios=(2, 1))
    shortest, longest = min(lengths, default=0), max(lengths, default=0)
    width = (longest - shortest) // _MAX_BINS + 1  # in whole words, so that all bins cover as many
    edges = range(shortest, longest + width + 1, width)
    words.hist(list(lengths), bins=list(edges), weights=list(lengths.values()), color=palette.MODEL)
    words.set_xlabel("words")
    words.set_ylabel("texts")
    names = sorted(finish_reasons, key=lambda name: finish_reasons[name])
    bars = reasons.barh(names, [finish_reasons[name] for name in names], color=palette.COUNT)
    reasons.bar_label(bars, padding=3, fontsize=9)
    reasons.margins(x=0.25)
    reasons.set_xlabel("answers, by finish reason")
    for axes in (words, reasons):
        axes.spines[["top", "right"]].set_visible(False)
    words.yaxis.set_major_locator(MaxNLocator(integer=True))
    reasons.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
