"""The debut of a tuned model: it is registered, and shown by its losses and by three heroes it wrote."""

import asyncio
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from openai.types.fine_tuning import FineTuningJob

from bot.errors import HerosmithError, UserError
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


@dataclass(frozen=True, slots=True)
class Arrival:
    """A registered model, the one that was live before, and what must be done before it can be asked."""

    model: Model
    live: Model | None
    left_to_do: str | None


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
    ) -> Arrival:
        """Enter the model and let it answer where chats go.

        Where it cannot answer yet it is entered all the same. Raises UserError where the server names none.
        """
        name = remote.fine_tuned_model or (remote.id if self._provider.deploy else None)
        if name is None:
            raise UserError("The model server says that it trained, but names no model. Ask its operator.")
        step = self._provider.deploy or await self._refusal(name)
        live = await self._registry.live()
        model = await self._registry.register(
            name=name,
            base=spec.base,
            dataset_id=spec.dataset,
            job_id=job_id,
            metrics=losses.held_out,
            served_as=None if step else name,
        )
        if model.served_as is not None or step is None:
            return Arrival(model, live, None)
        done = step.format(model=name, job=remote.id)
        tell = f"{done}, then tell by which name it is asked: `/models deployed model:{model.id} name:...`"
        return Arrival(model, live, tell)

    async def _refusal(self, name: str) -> str | None:
        """What must be mended before a server elsewhere answers as the model; None where it does."""
        if self._serving is None:
            return None
        try:
            await self._serving.offer(name)
        except UserError as error:
            log.warning("%s is not served: %s", name, error, exc_info=error.__cause__)
            return f"mend what keeps it from being served ({_literal(str(error))})"
        except HerosmithError as error:
            log.warning("%s is not served: %s", name, error, exc_info=error.__cause__)
            return "mend what keeps it from being served (the log says what)"
        return None

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


def _literal(text: str) -> str:
    """The text with its braces kept by format()."""
    return text.replace("{", "{{").replace("}", "}}")


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
