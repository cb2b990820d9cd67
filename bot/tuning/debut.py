"""The debut of a tuned model: its loss chart, and three heroes written beside the base and the live model."""

import asyncio
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.llm.budget import Account
from bot.store.models import Model
from bot.tuning.comparison import Comparer, Comparison
from bot.tuning.loss_chart import draw_losses
from bot.tuning.losses import Losses

log = logging.getLogger(__name__)


class Debut:
    """Makes what a fine-tuning's end is told with, in a folder of its own below the data folder."""

    def __init__(self, comparer: Comparer, data_dir: Path) -> None:
        self._comparer = comparer
        self._data_dir = data_dir

    async def make(self, job_id: int, model: Model, live: Model | None, losses: Losses) -> dict[str, Any]:
        """Returns `heroes`, the comparisons, and `files`, paths within the data folder, the chart first."""
        folder = self._data_dir / "reports" / str(job_id)
        comparisons = await self._compare(job_id, model, live)
        made = [await asyncio.to_thread(_chart, folder, model, losses)]
        made.append(await asyncio.to_thread(_texts, folder, comparisons))
        files = [str(path.relative_to(self._data_dir)) for path in made if path]
        return {"heroes": [asdict(each) for each in comparisons], "files": files}

    async def _compare(self, job_id: int, model: Model, live: Model | None) -> list[Comparison]:
        if model.served_as is None:
            return []
        writers: dict[str, Model | None] = {"base": None}
        if live and live.id != model.id:
            writers[f"live: model {live.id}"] = live
        title = "new and live" if live and live.id == model.id else "candidate"
        writers[f"{title}: model {model.id}"] = model
        account = Account("tuning", job_id)
        return await self._comparer.compare(self._comparer.some_heroes(job_id), writers, account)


def _chart(folder: Path, model: Model, losses: Losses) -> Path | None:
    if not losses.train and not losses.valid:
        return None
    path = folder / "loss.png"
    try:
        draw_losses(path, title=f"Model {model.id}: {model.name}", losses=losses)
    except OSError:
        log.exception("model %d: no chart could be written", model.id)
        return None
    return path


def _texts(folder: Path, comparisons: list[Comparison]) -> Path | None:
    """All texts at full length: a message has room for the beginnings only."""
    if not comparisons:
        return None
    parts = [
        f"# {each.hero}\n\n" + "\n\n".join(f"**{side.by}**\n\n{side.text}" for side in each.sides)
        for each in comparisons
    ]
    path = folder / "heroes.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    except OSError:
        log.exception("the texts could not be written")
        return None
    return path
