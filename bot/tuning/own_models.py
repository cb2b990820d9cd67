"""Models of one's own at the embedded engine: find them by what a person types, and delete them.

They are no models of heroes: no registry knows them, so none of them ever answers /hero.
"""

from collections.abc import Iterable

from openai import AsyncOpenAI
from openai.pagination import AsyncPage
from openai.types import Model
from openai.types.fine_tuning import FineTuningJob

from bot.errors import UserError
from bot.llm.retry import INTERACTIVE, with_retries
from bot.tuning.follow import has_ended
from bot.tuning.model_names import (
    described_training,
    find_model,
    find_training,
    is_deletable,
    model_name,
    require_deletable,
    short_name,
    training_name,
    trains_heroes,
)
from bot.tuning.remote_api import FineTuningApi


class OwnModels:
    """Lists, finds and deletes models of an engine."""

    def __init__(self, api: AsyncOpenAI, fine_tuning: FineTuningApi) -> None:
        self._api = api
        self._fine_tuning = fine_tuning

    async def names(self) -> list[str]:
        """Return the names of all models: the base first, then the tuned ones, oldest first."""
        base, *tuned = (await with_retries(self._list, INTERACTIVE)).data
        return [base.id, *(model.id for model in sorted(tuned, key=lambda model: model.created))]

    async def _list(self) -> AsyncPage[Model]:
        return await self._api.models.list()

    async def resolve(self, typed: str | None, *, to_delete: bool = False) -> str:
        """Return the model with a name, or the newest of which it is a part (`None`: the base).

        A name as `tune` was given it is found as well. Raises UserError, with what there is (to_delete: with
        what can be deleted), if there is none, or if its training is not finished.
        """
        names = await self.names()
        if typed is None:
            return names[0]
        if found := find_model(names, typed) or find_model(names, model_name(typed)):
            return found
        trainings = await self._fine_tuning.list_trainings()
        unfinished = [job for job in trainings if not has_ended(job) and not trains_heroes(job)]
        if job := find_training(unfinished, typed):
            raise UserError(
                "The model {name} is not finished: its training is {status}. To go on with it, start its "
                "training again as before.",
                name=training_name(job),
                status=str(job.status).replace("_", " "),
            )
        if not to_delete:
            known = _listed(short_name(names, name) for name in names)
            raise UserError("There is no model {typed}. There are:{known}", typed=typed, known=known)
        deletable = [short_name(names, name) for name in names if is_deletable(name)]
        if known := _listed([*deletable, *map(training_name, unfinished)]):
            raise UserError("There is no model {typed}. Can be deleted:{known}", typed=typed, known=known)
        raise UserError("There is no model {typed}, nor another one that can be deleted.", typed=typed)

    async def size(self, model: str) -> int | None:
        """Return how many bytes deleting a model would free; None if the engine does not say it."""
        described = await with_retries(lambda: self._api.models.retrieve(model), INTERACTIVE)
        found = (described.model_extra or {}).get("bytes")
        return found if isinstance(found, int) else None

    async def delete(self, model: str) -> None:
        """Delete a tuned model with the files that it learnt from. Raises UserError if it has to stay."""
        require_deletable(model)
        await self._require_unused(model)
        await self.delete_weights(model)
        for job in await self._fine_tuning.list_trainings():
            if job.fine_tuned_model == model:
                await self.delete_files([*files_of(job), *job.result_files])

    async def _require_unused(self, model: str) -> None:
        """Raise UserError if a training that has not ended begins from a model."""
        for job in await self._fine_tuning.list_trainings():
            begins_here = job.model == model or job.model.startswith(f"{model}:")  # from a checkpoint of it
            if begins_here and not has_ended(job):
                raise UserError(
                    "The model {model} has to stay: {training}, which is not finished, begins from it. End "
                    "that one first, or wait until it has ended.",
                    model=model,
                    training=described_training(job),
                )

    async def delete_weights(self, model: str) -> None:
        """Delete a model alone, such as a checkpoint of a training that has ended."""
        await with_retries(lambda: self._api.models.delete(model), INTERACTIVE)

    async def delete_files(self, files: Iterable[str]) -> None:
        """Delete uploaded files, unless a training that goes on or a model that is there learns from them."""
        there = set(await self.names())
        needed = {
            file
            for job in await self._fine_tuning.list_trainings()
            if (not has_ended(job) or job.fine_tuned_model in there)
            for file in files_of(job)
        }
        for file in files:
            if file not in needed:
                await self._fine_tuning.files.delete(file)


def _listed(names: Iterable[str]) -> str:
    return "".join(f"\n  {name}" for name in names)


def files_of(job: FineTuningJob) -> list[str]:
    """Return the uploaded files that a training learns from."""
    return [file for file in (job.training_file, job.validation_file) if file]
