"""Models of one's own at the embedded engine: tune them on any files, list them, and chat with them.

They are no models of heroes: no registry knows them, so none of them ever answers /hero.
"""

import hashlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import Any, Literal, cast

import openai
from openai import AsyncOpenAI, AsyncStream
from openai.pagination import AsyncPage
from openai.types import Model
from openai.types.chat import ChatCompletionChunk
from openai.types.fine_tuning import FineTuningJob

from bot.chat import Message
from bot.errors import OutOfReach, ServerError, Unavailable, UserError
from bot.i18n.message import LocalizedMessage
from bot.llm.retry import INTERACTIVE, error_text, with_retries
from bot.store.job_schema import HeldOutLoss, Method
from bot.tuning.follow import OUT_OF_REACH, TrainingTiming, has_succeeded, poll_until, progress_since_resumed
from bot.tuning.losses import event_data, losses_from_events
from bot.tuning.model_names import model_name
from bot.tuning.providers import provider_of
from bot.tuning.remote_api import (
    METADATA_KEY,
    FineTuningApi,
    FineTuningApiTiming,
    PlannedWeights,
    TokenCounts,
    Training,
)
from bot.tuning.training_files import TrainingFile

_ENDED = frozenset({"succeeded", "failed", "cancelled"})
_NAMED_BY_BOT = re.compile(r"herosmith-[0-9a-f]{8}")  # as Training.suffix is, without a name by a person
_SAVE_LIMIT = 150.0  # seconds; the engine kills a trainer that saves for longer than two minutes

OWN_TEMPERATURE = 0.2
"""Of models that were trained on answers of one's own, which are to come back as they were learnt: at the
engine's 0.8, a small model often leaves them for likely words. Not 0, at which it may repeat itself."""

OnProgress = Callable[[int, int, LocalizedMessage], None]
"""Is told the steps done, the steps in all (0 while they are unknown) and the phase."""


class OwnModels:
    """Trains, lists and asks models at an engine."""

    def __init__(
        self,
        api: AsyncOpenAI,
        timing: TrainingTiming | None = None,
        *,
        weights: Literal["auto", "all", "adapter"] = "auto",
    ) -> None:
        """Use an engine, and tell it what to train; auto leaves the choice to it."""
        self._api = api
        self._timing = timing or TrainingTiming(poll=0.5, slowest_poll=3.0)
        self._trainings = FineTuningApi(
            api, provider_of(None, hosted=False, weights=weights), extra={}, timing=FineTuningApiTiming()
        )

    async def names(self) -> list[str]:
        """Return the names of all models: the base first, then the tuned ones, oldest first."""
        base, *tuned = (await with_retries(self._list_models, INTERACTIVE)).data
        return [base.id, *(model.id for model in sorted(tuned, key=lambda model: model.created))]

    async def _list_models(self) -> AsyncPage[Model]:
        return await self._api.models.list()

    async def resolve(self, typed: str | None) -> str:
        """Return the model with a name, or the newest of which it is a part (`None`: the base).

        A name as `tune` was given it is found as well. Raises UserError, with what there is, if there is
        none, or if its training is not finished.
        """
        names = await self.names()
        if typed is None:
            return names[0]
        if found := find_model(names, typed) or find_model(names, model_name(typed)):
            return found
        if job := find_training(await self.unfinished_of_ones_own(), typed):
            raise UserError(
                "The model {name} is not finished: its training is {status}. To go on with it, start its "
                "training again as before.",
                name=training_name(job),
                status=str(job.status).replace("_", " "),
            )
        known = "".join(f"\n  {short_name(names, name)}" for name in names)
        raise UserError("There is no model {typed}. There are:{known}", typed=typed, known=known)

    async def planned_weights(self, base: str) -> PlannedWeights | None:
        """Return what a training of a model would change; None if the engine does not say it.

        Raises UserError with the engine's reason if it can change neither all weights nor an adapter.
        """
        return await self._trainings.planned_weights(base)

    async def token_counts(self, lines: Sequence[str]) -> TokenCounts | None:
        """Return how many tokens lines of a training file have; None if the engine does not say it."""
        return await self._trainings.token_counts(lines)

    async def start(self, training: Training, files: Sequence[TrainingFile]) -> FineTuningJob:
        """Upload the files, start a training of them and return it.

        Raises UserError with the engine's reason if it refuses; then it keeps no file.
        """
        ids: dict[str, str] = {file.part: await self._trainings.upload(file, since=0) for file in files}
        try:
            return await self._trainings.get(await self._trainings.start(training, ids))
        except UserError:
            await self._delete_files(ids.values())
            raise

    async def unfinished(self) -> list[FineTuningJob]:
        """Return the trainings that have not ended, in the order in which the engine takes them."""
        found = [job for job in await self._trainings.list_trainings() if job.status not in _ENDED]
        found.reverse()  # the oldest first, also of those of one second
        return sorted(found, key=lambda job: (job.status != "running", job.created_at))

    async def unfinished_of_ones_own(self) -> list[FineTuningJob]:
        """Return the same without trainings of heroes, which the bot's own jobs follow."""
        return [job for job in await self.unfinished() if not _NAMED_BY_BOT.fullmatch(training_name(job))]

    async def in_training(self) -> list[str]:
        """Return the names of the trainings of one's own that go on now, or wait for their turn."""
        unfinished = await self.unfinished_of_ones_own()
        return [training_name(job) for job in unfinished if str(job.status) != "paused"]

    async def follow(self, job_id: str, on_progress: OnProgress) -> FineTuningJob:
        """Wait until a training succeeded and return it.

        Raises UserError with the reason if it failed, or if the engine is out of reach for minutes.
        """
        job = await self._trainings.get(job_id)
        if str(job.status) == "paused":
            await self._trainings.resume(job_id)

        seen = time.monotonic()

        async def phase_of_waiting(phase: LocalizedMessage) -> LocalizedMessage:
            """Name what the engine trains first, if the training waits for its turn."""
            if job.status != "queued":
                return phase
            others = takewhile(lambda other: other.id != job_id, await self.unfinished())
            if ahead := [_described(other) for other in others if str(other.status) != "paused"]:
                return LocalizedMessage("waiting for its turn, after {names}", names=", ".join(ahead))
            return phase

        async def is_over() -> bool:
            nonlocal job, seen
            try:
                job = await self._trainings.get(job_id)
            except OutOfReach:  # it may be starting again, and will go on with the training
                if time.monotonic() - seen > self._timing.missing_limit:
                    raise
                on_progress(0, 0, OUT_OF_REACH)
                return False
            seen = time.monotonic()
            done, total, phase = progress_since_resumed(job, await self._trainings.newest_events(job_id))
            on_progress(done, total, await phase_of_waiting(phase))
            return has_succeeded(job)

        try:
            await poll_until(is_over, self._timing)
        except UserError:
            if job.status in _ENDED:
                await self._clear(job)
            raise
        return job

    async def pause(self, job_id: str) -> bool:
        """Pause a training, and wait until what it has learnt is saved. To follow it again goes on with it.

        Return False if it could not be paused: it has ended, or the engine is out of reach.
        """
        job = await self._trainings.get(job_id)

        async def is_checked() -> bool:  # before, it cannot be paused
            nonlocal job
            job = await self._trainings.get(job_id)
            return str(job.status) != "validating_files"

        await poll_until(is_checked, self._timing)
        saved_before = await self._times_saved(job_id)
        if not await self._trainings.pause(job_id):
            return False
        deadline = time.monotonic() + _SAVE_LIMIT

        async def is_saved() -> bool:
            return await self._times_saved(job_id) > saved_before or time.monotonic() > deadline

        if job.status == "running":
            await poll_until(is_saved, self._timing)
        return True

    async def _times_saved(self, job_id: str) -> int:
        return sum("paused" in event_data(event) for event in await self._trainings.all_events(job_id))

    async def cancel(self, job: FineTuningJob) -> None:
        """End a training for good; nothing of it is kept."""
        await self._trainings.cancel(job.id)
        await self._clear(job)

    async def size(self, model: str) -> int | None:
        """Return how many bytes deleting a model would free; None if the engine does not say it."""
        described = await with_retries(lambda: self._api.models.retrieve(model), INTERACTIVE)
        found = (described.model_extra or {}).get("bytes")
        return found if isinstance(found, int) else None

    async def delete(self, model: str) -> None:
        """Delete a tuned model with the files that it learnt from. Raises UserError if it has to stay."""
        require_deletable(model)
        await with_retries(lambda: self._api.models.delete(model), INTERACTIVE)
        for job in await self._trainings.list_trainings():
            if job.fine_tuned_model == model:
                await self._delete_files([*_files_of(job), *job.result_files])

    async def _clear(self, job: FineTuningJob) -> None:
        """Delete what a training without a model has left: its files, and the models of its epochs."""
        for checkpoint in await self._trainings.checkpoints(job.id):
            with suppress(Unavailable, ServerError):
                await with_retries(partial(self._api.models.delete, checkpoint), INTERACTIVE)
        await self._delete_files(_files_of(job))

    async def _delete_files(self, files: Iterable[str]) -> None:
        """Delete uploaded files, unless a training that goes on or a model that is there learns from them."""
        there = set(await self.names())
        needed = {
            file
            for job in await self._trainings.list_trainings()
            if (job.status not in _ENDED or job.fine_tuned_model in there)
            for file in _files_of(job)
        }
        for file in files:
            if file not in needed:
                await self._trainings.delete_file(file)

    async def losses(self, job_id: str) -> HeldOutLoss:
        """Return the held-out loss before and after a training, as far as it was measured."""
        return losses_from_events(await self._trainings.all_events(job_id)).held_out

    async def answer(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> AsyncIterator[str]:
        """Yield a model's answer to a conversation, in parts.

        temperature: None is OWN_TEMPERATURE for a model of one's own, and the engine's for others. If the
        conversation is too long for the model, its oldest turns are left out. Raises UserError with the
        engine's reason if there is no answer.
        """
        try:
            async for chunk in await self._begin_answer(model, list(messages), temperature, seed):
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    yield text
        except openai.APIConnectionError as error:
            raise UserError("The engine does not answer any more. Start this command again.") from error
        except openai.APIError as error:
            raise UserError("The engine refused: {reason}", reason=error_text(error)) from error

    async def _begin_answer(
        self, model: str, history: list[Message], temperature: float | None, seed: int | None
    ) -> AsyncStream[ChatCompletionChunk]:
        if temperature is None and model.startswith("ft:") and not is_of_heroes(model):
            temperature = OWN_TEMPERATURE
        while True:
            try:
                return await self._api.chat.completions.create(
                    model=model,
                    messages=cast(Any, history),  # the SDK has a type for each role
                    stream=True,
                    temperature=openai.omit if temperature is None else temperature,
                    seed=openai.omit if seed is None else seed,
                )
            except openai.APIStatusError as error:
                if error.code != "context_length_exceeded" or not _forget_oldest(history):
                    raise


def plan_training(
    files: Sequence[TrainingFile], *, base: str, epochs: int | None, name: str, method: Method
) -> Training:
    """Return a training of files; the same of everything is the same training, by its key."""
    key = hashlib.sha256(repr((sorted(file.name for file in files), base, epochs, name)).encode())
    return Training(base, method, epochs, key.hexdigest(), name)


def training_name(job: FineTuningJob) -> str:
    """Return what a person called the model of a training."""
    return str((job.model_extra or {}).get("user_provided_suffix") or job.id)


def find_training(jobs: Iterable[FineTuningJob], typed: str) -> FineTuningJob | None:
    """Return the training of a model with a name, also of one as `tune` was given it."""
    return next((job for job in jobs if training_name(job) in (typed, model_name(typed))), None)


def require_deletable(model: str) -> None:
    """Raise UserError for the base, and for a model of heroes: the bot would still list it."""
    if not model.startswith("ft:"):
        raise UserError("{model} is the base: it cannot be deleted.", model=model)
    if is_of_heroes(model):
        raise UserError(
            "{model} is a model of heroes, which the bot keeps. {/models retire} takes it out of service.",
            model=model,
        )


def is_of_heroes(model: str) -> bool:
    """Return whether a tuned model is one of the bot's, which named it itself."""
    return any(map(_NAMED_BY_BOT.fullmatch, model.split(":")[2:]))


def is_training(job: FineTuningJob, training: Training) -> bool:
    """Return whether a job of the engine is a training that was planned."""
    return (job.metadata or {}).get(METADATA_KEY) == training.key


def _described(job: FineTuningJob) -> str:
    name = training_name(job)
    return "a training of heroes" if _NAMED_BY_BOT.fullmatch(name) else f"the training '{name}'"


def _files_of(job: FineTuningJob) -> list[str]:
    return [file for file in (job.training_file, job.validation_file) if file]


def short_name(names: Sequence[str], model: str) -> str:
    """Return what to type for a model: the shortest part of its name by which it is found among all names."""
    parts = (*model.split(":")[2:], model)  # ft:BASE:NAME:ID
    return next((part for part in parts if find_model(names, part) == model), model)


def find_model(names: Sequence[str], typed: str) -> str | None:
    """Return the model with a name, else the newest of which it is a part."""
    if typed in names:
        return typed
    return next((name for name in reversed(names) if typed in name.split(":")[2:]), None)


def _forget_oldest(history: list[Message]) -> bool:
    """Drop the oldest question with its answer; not the last question. Return whether there was one."""
    first = 1 if history[0]["role"] == "system" else 0
    if len(history) - first < 3:
        return False
    del history[first : first + 2]
    return True
