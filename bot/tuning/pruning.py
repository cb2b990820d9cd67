"""Free disk space at the embedded engine: files of retired models and of checkpoints that nobody needs."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from openai import AsyncOpenAI
from openai.types.fine_tuning import FineTuningJob

from bot.errors import HerosmithError, ServerError, UnknownModel
from bot.llm.retry import INTERACTIVE, with_retries
from bot.registry.adapter_download import AdapterDownload
from bot.registry.retention import needed_models
from bot.store import models
from bot.store.database import Database
from bot.store.models import Model
from bot.tuning.follow import has_ended
from bot.tuning.remote_api import FineTuningApi

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prunable:
    """Files that can be deleted, and their bytes as far as the engine tells them.

    name: the engine's name of a model or checkpoint. model: the retired model; None for a checkpoint.
    """

    name: str
    bytes: int
    model: Model | None


class Pruner:
    """Deletes by rule, never what may have to answer again, and no model that a person has tuned."""

    def __init__(
        self,
        db: Database,
        engine: AsyncOpenAI,
        fine_tuning: FineTuningApi,
        adapters: AdapterDownload,
        *,
        kept: int,
        enabled: bool,
    ) -> None:
        """Prune an engine; with enabled=False, as for a hosted API, there is nothing to prune.

        kept: how many retired models stay besides those needed.
        """
        self._db = db
        self._engine = engine
        self._fine_tuning = fine_tuning
        self._adapters = adapters
        self._kept = kept
        self.enabled = enabled

    async def plan(self) -> list[Prunable]:
        """Return what can be deleted, the oldest first; nothing at a hosted API, where models take no disk.

        Raises HerosmithError if the engine does not answer.
        """
        if not self.enabled:
            return []
        listed = await with_retries(self._list, INTERACTIVE)
        trainings = await self._fine_tuning.list_trainings()
        begun_from = {job.model for job in trainings if not has_ended(job)}
        retired = [each for each in await self._unneeded() if each.name in listed]
        found = [
            Prunable(each.name, await self._size(each.name), each)
            for each in retired
            if not any(base == each.name or base.startswith(f"{each.name}:") for base in begun_from)
        ]
        gone = {each.name for each in found}
        checkpoints = await self._checkpoints(trainings, begun_from)
        found += [
            Prunable(name, await self._size(name), None)
            for model, name in checkpoints
            if model not in gone and name not in listed
        ]
        return found

    async def prune(self) -> list[Prunable]:
        """Delete what can be deleted. Return it; what the engine would not delete stays for the next time.

        The adapter of a model that has one is kept, in the folder of adapters: it is small.
        """
        deleted = []
        for each in await self.plan():
            try:
                if await self._delete(each):
                    deleted.append(each)
            except (HerosmithError, OSError) as error:
                log.warning("%s is not deleted: %s", each.name, error)
        if deleted:
            freed = sum(each.bytes for each in deleted) / 1e6
            log.info("deleted %s, which freed %.0f MB", ", ".join(each.name for each in deleted), freed)
        return deleted

    async def _unneeded(self) -> list[Model]:
        """Return the retired models that do not have to stay, the oldest first."""
        async with self._db.read() as tx:
            needed = await needed_models(tx)
            retired = [each for each in await models.list_all(tx) if each.state == "retired"]
        free = [each for each in retired if each.name not in needed]
        rest = [each for each in free if each.pruned_at is None]
        kept = {each.id for each in rest[max(0, len(rest) - self._kept) :]}
        return [each for each in free if each.id not in kept]

    async def _checkpoints(
        self, trainings: Sequence[FineTuningJob], begun_from: set[str]
    ) -> list[tuple[str, str]]:
        """Return the checkpoints of this bot's ended trainings, each behind its model's name.

        Several bots may share an engine: each deletes its own alone.
        """
        async with self._db.read() as tx:
            ours = {each.name for each in await models.list_all(tx)}
        found = []
        for job in trainings:
            model = job.fine_tuned_model
            if model and model in ours and has_ended(job):
                names = await self._fine_tuning.checkpoints(job.id)
                found += [(model, name) for name in names if name not in begun_from]
        return found

    async def _delete(self, each: Prunable) -> bool:
        if each.model is not None:
            await self._keep_adapter(each.name)
            if not await self._mark(each.model):
                return False
        try:
            await with_retries(lambda: self._engine.models.delete(each.name), INTERACTIVE)
        except UnknownModel:
            return each.model is not None
        return True

    async def _keep_adapter(self, name: str) -> None:
        try:
            await self._adapters.fetch(name)
        except ServerError as error:
            log.info("%s has no adapter to keep: %s", name, error)  # all its weights were tuned

    async def _mark(self, model: Model) -> bool:
        """Note that a model's files are deleted, before they are: so it cannot go live meanwhile.

        Return False if it is needed by now.
        """
        now = time.time()
        async with self._db.write() as tx:
            current = await models.get(tx, model.id)
            if current is None or current.state != "retired" or current.name in await needed_models(tx):
                return False
            if current.pruned_at is None:
                await models.change(tx, model.id, pruned_at=now)
                await models.add_event(tx, model.id, "pruned", at=now)
        return True

    async def _list(self) -> set[str]:
        return {each.id async for each in self._engine.models.list()}

    async def _size(self, name: str) -> int:
        """Return the bytes of a model with its checkpoints, 0 if the engine does not tell them."""
        described = await with_retries(lambda: self._engine.models.retrieve(name), INTERACTIVE)
        found = (described.model_extra or {}).get("bytes")
        return found if isinstance(found, int) else 0
