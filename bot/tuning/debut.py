"""The debut of a tuned model: it is registered, and shown by its losses and by three heroes it wrote."""

import asyncio
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from openai.types.fine_tuning import FineTuningJob

from bot.errors import UserError
from bot.llm.budget import Account
from bot.store.models import Model
from bot.tuning.comparison import Comparer, Comparison
from bot.tuning.forecast import FinetuneSpec
from bot.tuning.loss_chart import draw_losses
from bot.tuning.losses import Losses
from bot.tuning.providers import Provider
from bot.tuning.registry import Registry
from bot.tuning.serving import Serving

log = logging.getLogger(__name__)


class Debut:
    """Takes in what a server trained, and makes what the end of the job is told with."""

    def __init__(
        self,
        registry: Registry,
        provider: Provider,
        serving: Serving | None,
        comparer: Comparer,
        data_dir: Path,
    ) -> None:
        self._registry = registry
        self._provider = provider
        self._serving = serving
        self._comparer = comparer
        self._data_dir = data_dir

    async def register(
        self, job_id: int, spec: FinetuneSpec, remote: FineTuningJob, losses: Losses
    ) -> tuple[Model, Model | None]:
        """Enter the model and let it answer where chats go. Returns it and the one that was live before.

        Raises UserError where the server names no model, or the one that answers cannot load it.
        """
        deploy = self._provider.deploy
        name = remote.fine_tuned_model or (remote.id if deploy else None)
        if name is None:
            raise UserError("The model server says that it trained, but names no model. Ask its operator.")
        if self._serving:
            await self._serving.offer(name)
        live = await self._registry.live()
        model = await self._registry.register(
            name=name,
            base=spec.base,
            dataset_id=spec.dataset,
            job_id=job_id,
            metrics=losses.held_out,
            served_as=None if deploy else name,
        )
        return model, live

    def deploy(self, model: Model, remote_id: str) -> str | None:
        """What an operator must do before the model can be asked; None where it can be."""
        told = self._provider.deploy
        if told is None or model.served_as is not None:
            return None
        done = told.format(model=model.name, job=remote_id)
        return f"{done}, then tell by which name it is asked: `/models deployed model:{model.id} name:...`"

    async def show(self, job_id: int, model: Model, live: Model | None, losses: Losses) -> dict[str, Any]:
        """`heroes`, written by base, live and new model, and `files`, named within the data folder."""
        folder = self._data_dir / "reports" / str(job_id)
        comparisons = await self._compare(job_id, model, live)
        made = [
            await asyncio.to_thread(_chart, folder, model, losses),
            await asyncio.to_thread(_texts, folder, comparisons),
        ]
        files = [str(path.relative_to(self._data_dir)) for path in made if path]
        return {"heroes": [asdict(each) for each in comparisons], "files": files}

    async def _compare(self, job_id: int, model: Model, live: Model | None) -> list[Comparison]:
        if model.served_as is None:
            return []
        writers: dict[str, Model | None] = {"base": None}
        if live and live.id != model.id:
            writers[f"live: model {live.id}"] = live
        title = "new and live" if model.state == "live" else "candidate"
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
