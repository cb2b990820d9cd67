"""The files attached to the message of a finished build: a chart and a table."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bot import palette
from bot.dataset.files.transfer import Transfer
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.store.datasets import Dataset

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MAX_TABLE_TEXTS = 20_000  # a larger table may not fit into a Discord message
_MAX_BINS = 30  # of the histogram
# finish reasons of the API in words
_FINISH_REASONS = {
    "stop": mark("by itself"),
    "length": mark("cut at the limit"),
    "content_filter": mark("filtered"),
}


class Attachments:
    """Makes the files of finished builds, each build's in `reports/JOB/` of the data folder."""

    def __init__(self, data_dir: Path, transfer: Transfer, languages: Catalogues) -> None:
        self._data_dir = data_dir
        self._transfer = transfer
        self._languages = languages

    async def make(
        self,
        job_id: int,
        dataset: Dataset,
        lengths: Mapping[int, int],
        finish_reasons: Mapping[str, int],
        *,
        language: str,
    ) -> list[str]:
        """Make a build's chart, and a table of its examples if there are at most 20,000.

        lengths: how many texts of the dataset have so many words. finish_reasons: how many of the model's
        answers ended for which reason of the API, such as "stop"; empty if no model was asked. language: the
        code of the language of the chart's words, such as "de"; English if there is no catalogue for it.

        Return the paths relative to the data folder, the chart first. Files of an earlier run of the job are
        replaced. Raises OSError if they cannot be written.
        """
        folder = self._data_dir / "reports" / str(job_id)
        chart, table = folder / "lengths.png", folder / "out_openai_completion.csv"
        await asyncio.to_thread(
            draw_length_chart,
            chart,
            self._languages.translator_for(language),
            version=dataset.id,
            lengths=lengths,
            finish_reasons=finish_reasons,
        )
        files = [chart]
        if sum(lengths.values()) <= _MAX_TABLE_TEXTS:
            await self._transfer.export(dataset.id, table, "article", overwrite=True)
            files.append(table)
        return [str(path.relative_to(self._data_dir)) for path in files]


def draw_length_chart(
    path: Path, t: Translator, *, version: int, lengths: Mapping[int, int], finish_reasons: Mapping[str, int]
) -> None:
    """Draw a PNG of 960 x 408 pixels: a histogram of text lengths, and bars of finish reasons, if any.

    version is the dataset's; lengths and finish_reasons are those of Attachments.make(). Missing folders are
    made. Raises OSError if the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy, so imported on use)

    figure = Figure(figsize=(8, 3.4), dpi=120, layout="constrained")
    figure.suptitle(_title(t, version, sum(lengths.values()), sum(finish_reasons.values())), fontsize=11)
    widths = (2, 1) if finish_reasons else (1,)
    words, *reasons = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    _draw_lengths(words, t, lengths)
    for axes in reasons:
        _draw_finish_reasons(axes, t, finish_reasons)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _title(t: Translator, version: int, texts: int, answers: int) -> str:
    counts = [LocalizedMessage.counted("{number:,} text", "{number:,} texts", texts)]
    if answers:
        counts.append(LocalizedMessage.counted("{number:,} answer", "{number:,} answers", answers))
    return t("Dataset v{version}: {counts}", version=version, counts=counts)


def _draw_lengths(axes: "Axes", t: Translator, lengths: Mapping[int, int]) -> None:
    """Draw how many texts have so many words, in at most 31 bins of equal width."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    shortest, longest = min(lengths, default=0), max(lengths, default=0)
    width = (longest - shortest) // _MAX_BINS + 1  # in whole words, so that all bins cover as many
    edges = range(shortest, longest + width + 1, width)
    axes.hist(list(lengths), bins=list(edges), weights=list(lengths.values()), color=palette.MODEL)
    axes.set_xlabel(t("words in a text"))
    axes.set_ylabel(t("number of texts"))
    axes.spines[["top", "right"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))


def _draw_finish_reasons(axes: "Axes", t: Translator, finish_reasons: Mapping[str, int]) -> None:
    """Draw a bar for each finish reason, the most frequent on top; an unknown one by its name in the API."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    names = sorted(finish_reasons, key=lambda name: finish_reasons[name])
    labels = [t(_FINISH_REASONS[name]) if name in _FINISH_REASONS else name for name in names]
    counts = [finish_reasons[name] for name in names]
    bars = axes.barh(labels, counts, color=palette.COUNT)
    axes.bar_label(bars, [t("{number:,}", number=count) for count in counts], padding=3, fontsize=9)
    axes.margins(x=0.25)
    axes.set_xlabel(t("answers, by how they ended"))
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
