"""Attachments: the files that a build's end is told with."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bot.dataset.chart import draw_chart
from bot.dataset.transfer import Transfer
from bot.store.datasets import Dataset

_MOST_TEXTS = 20_000  # in a table that may still fit into a message


class Attachments:
    """Makes a build's chart and table, in a folder of its own below the data folder."""

    def __init__(self, data_dir: Path, transfer: Transfer) -> None:
        self._data_dir = data_dir
        self._transfer = transfer

    async def make(
        self, job_id: int, dataset: Dataset, lengths: Mapping[int, int], finish_reasons: Mapping[str, int]
    ) -> list[str]:
        """Make the files. Returns their paths within the data folder, the chart first."""
        folder = self._data_dir / "reports" / str(job_id)
        chart, table = folder / "lengths.png", folder / "out_openai_completion.csv"
        title = (
            f"Dataset v{dataset.id}: {sum(lengths.values())} texts, {sum(finish_reasons.values())} answers"
        )
        await asyncio.to_thread(
            draw_chart, chart, title=title, lengths=lengths, finish_reasons=finish_reasons
        )
        made = [chart]
        if sum(lengths.values()) <= _MOST_TEXTS:
            await self._transfer.export(dataset.id, table, "article", overwrite=True)
            made.append(table)
        return [str(path.relative_to(self._data_dir)) for path in made]
