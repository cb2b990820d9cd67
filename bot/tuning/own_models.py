"""Models of one's own at the embedded engine: tune them on any files, list them, and chat with them.

They are no models of heroes: no registry knows them, so none of them ever answers /hero.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Literal, cast

import openai
from openai import AsyncOpenAI, AsyncStream
from openai.pagination import AsyncPage
from openai.types import Model
from openai.types.chat import ChatCompletionChunk
from openai.types.fine_tuning import FineTuningJob

from bot.chat import Message
from bot.errors import OutOfReach, UserError
from bot.i18n.message import LocalizedMessage
from bot.llm.retry import INTERACTIVE, NO_RETRY, error_text, with_retries
from bot.store.job_schema import HeldOutLoss, Method
from bot.tuning.follow import OUT_OF_REACH, TrainingTiming, has_succeeded, poll_until, progress_of
from bot.tuning.losses import losses_from_events
from bot.tuning.providers import provider_of
from bot.tuning.remote_api import (
    FineTuningApi,
    FineTuningApiTiming,
    PlannedWeights,
    Training,
    Uncertain,
)
from bot.tuning.training_files import TrainingFile

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

        Raises UserError, with what there is, if there is none.
        """
        names = await self.names()
        if typed is None:
            return names[0]
        parts = [name for name in names if typed == name or typed in name.split(":")[2:]]
        if parts:
            return parts[-1]
        known = "".join(f"\n  {name}" for name in names)
        raise UserError("There is no model {typed}. There are:{known}", typed=typed, known=known)

    async def planned_weights(self, base: str) -> PlannedWeights | None:
        """Return what a training of a model would change; None if the engine does not say it.

        Raises UserError with the engine's reason if it can change neither all weights nor an adapter.
        """
        return await self._trainings.planned_weights(base)

    async def start(
        self, files: Sequence[TrainingFile], *, base: str, epochs: int | None, name: str, method: Method
    ) -> FineTuningJob:
        """Start a training and return it, or the one of the same files that still runs.

        Raises UserError with the engine's reason if it refuses.
        """
        key = hashlib.sha256(repr((sorted(file.name for file in files), base, epochs, name)).encode())
        training = Training(base, method, epochs, key.hexdigest(), name)
        ids: dict[str, str] = {file.part: await self._trainings.upload(file, since=0) for file in files}
        running = await self._find_running(training, ids)
        return running or await self._trainings.get(await self._trainings.start(training, ids))

    async def _find_running(self, training: Training, files: dict[str, str]) -> FineTuningJob | None:
        since = time.time() - 7 * 86_400
        try:
            found = await self._trainings.find(training, files, since=since, others=(), policy=NO_RETRY)
        except Uncertain:
            return None
        job = await self._trainings.get(found) if found else None
        return job if job and job.status not in ("succeeded", "failed", "cancelled") else None

    async def follow(self, job_id: str, on_progress: OnProgress) -> FineTuningJob:
        """Wait until a training succeeded and return it.

        Raises UserError with the reason if it failed, or if the engine is out of reach for minutes.
        """
        job = await self._trainings.get(job_id)
        if str(job.status) == "paused":
            await self._trainings.resume(job_id)

        seen = time.monotonic()

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
            on_progress(*progress_of(job, await self._trainings.newest_events(job_id)))
            return has_succeeded(job)

        await poll_until(is_over, self._timing)
        return job

    async def cancel(self, job_id: str) -> None:
        """Stop a training; nothing of it is kept."""
        await self._trainings.cancel(job_id)

    async def losses(self, job_id: str) -> HeldOutLoss:
        """Return the held-out loss before and after a training, as far as it was measured."""
        return losses_from_events(await self._trainings.all_events(job_id)).held_out

    async def answer(self, model: str, messages: Sequence[Message]) -> AsyncIterator[str]:
        """Yield a model's answer to a conversation, in parts.

        If it is too long for the model, its oldest turns are left out. Raises UserError with the engine's
        reason if there is no answer.
        """
        try:
            async for chunk in await self._begin_answer(model, list(messages)):
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    yield text
        except openai.APIConnectionError as error:
            raise UserError("The engine does not answer any more. Start this command again.") from error
        except openai.APIError as error:
            raise UserError("The engine refused: {reason}", reason=error_text(error)) from error

    async def _begin_answer(self, model: str, history: list[Message]) -> AsyncStream[ChatCompletionChunk]:
        while True:
            try:
                return await self._api.chat.completions.create(
                    model=model,
                    messages=cast(Any, history),  # the SDK has a type for each role
                    stream=True,
                )
            except openai.APIStatusError as error:
                if error.code != "context_length_exceeded" or not _forget_oldest(history):
                    raise


def _forget_oldest(history: list[Message]) -> bool:
    """Drop the oldest question with its answer; not the last question. Return whether there was one."""
    first = 1 if history[0]["role"] == "system" else 0
    if len(history) - first < 3:
        return False
    del history[first : first + 2]
    return True
