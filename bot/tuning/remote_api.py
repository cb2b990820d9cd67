"""The trainer: a server's side of a fine-tuning. Files are sent once, a training is started once."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import httpx2
import openai
from openai import AsyncOpenAI
from openai.pagination import AsyncCursorPage as Page
from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.errors import Forbidden, OutOfReach, ServerError, Unavailable, UnknownModel, UserError
from bot.llm.retry import (
    BACKGROUND,
    INTERACTIVE,
    NO_RETRY,
    RetryPolicy,
    error_text,
    expect_type,
    retry_after,
    with_retries,
)
from bot.store.job_schema import Method
from bot.tuning.providers import Provider
from bot.tuning.training_files import TrainingFile

log = logging.getLogger(__name__)

T = TypeVar("T")

_CLOCKS_APART = 300.0  # seconds by which the server's clock may differ from ours
_BEING_READ = frozenset({"pending", "running"})  # statuses of a file that no training takes yet
_MARK = "herosmith_job"
_SUFFIX = "herosmith-"


class Uncertain(Exception):
    """Whether a training was started cannot be told from what the server shows."""


@dataclass(frozen=True, slots=True)
class Training:
    """What a server is asked to do. mark is what it is found by again: no other training anywhere has it."""

    base: str
    method: Method
    epochs: int | None
    mark: str

    @property
    def suffix(self) -> str:
        """The part of the model's name that we choose: 18 characters without a dot fit everywhere."""
        return f"{_SUFFIX}{hashlib.sha256(self.mark.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class FineTuningApiTiming:
    """Time limits of the calls, in seconds."""

    timeout: float = 30.0
    start_timeout: float = 120.0  # of the call that starts a training
    upload_timeout: float = 600.0
    upload_pauses: tuple[float, ...] = (
        2.0,
        10.0,
        30.0,
        60.0,
        120.0,
    )  # before looking for the file
    max_pause: float = 60.0  # between retries


class FineTuningApi:
    """Sends files, starts, finds, watches and stops trainings at one provider."""

    def __init__(
        self, api: AsyncOpenAI, provider: Provider, *, extra: dict[str, Any], timing: FineTuningApiTiming
    ) -> None:
        self._api = api.with_options(timeout=timing.timeout)
        self._starting = api.with_options(timeout=timing.start_timeout)
        self._sending = api.with_options(timeout=timing.upload_timeout)
        self._upload_pauses = timing.upload_pauses
        self._max_pause = timing.max_pause
        self.provider = provider
        self._extra = extra

    async def upload(self, file: TrainingFile, *, since: float) -> str:
        """The server's name of a file: sent now, or before (known by name, or by content alone).

        since is the time from which on it may have been sent.
        """
        create = partial(self._sending.files.create, file=(file.name, file.content), purpose="fine-tune")
        upload = expect_type(create, FileObject)
        for pause in self._upload_pauses:
            found = await self._sent_before(file, since)
            if found:
                return found.id
            try:
                return (await self._permitted(upload, NO_RETRY)).id
            except UnknownModel as error:
                raise UserError(self.provider.no_training) from error
            except OutOfReach as error:  # the answer that got lost may have been that it arrived
                wait = max(pause, retry_after(error.__cause__) or 0.0)
                log.warning("%s: did it arrive? looking in %.0f s", file.name, wait)
                await asyncio.sleep(wait)
        raise OutOfReach("The model server did not take the dataset. Run /finetune again later.")

    async def is_read(self, file_id: str) -> bool:
        """Whether the server has read a file. Raises UserError where it found a fault in it."""
        file = await self._with_retries(
            expect_type(partial(self._api.files.retrieve, file_id), FileObject), BACKGROUND
        )
        if file.status == "error":
            raise UserError(
                "The model server refuses the file: {reason}",
                reason=file.status_details or "no reason was given",
            )
        return file.status not in _BEING_READ

    async def start(self, training: Training, files: dict[str, str]) -> str:
        """Ask once for a training to be started; returns its name there.

        Never repeated blindly: an answer that gets lost may have been that it has started. Raises OutOfReach
        then, and Forbidden in the provider's words where this organization may not train.
        """
        body = self.provider.create_request(
            base=training.base,
            method=training.method,
            epochs=training.epochs,
            files=files,
            suffix=training.suffix,
            metadata={_MARK: training.mark},
            extra=self._extra,
        )
        model, file = body.pop("model"), body.pop("training_file")
        create = partial(
            self._starting.fine_tuning.jobs.create, model=model, training_file=file, extra_body=body
        )
        try:
            started = await self._permitted(expect_type(create, FineTuningJob), NO_RETRY)
        except UnknownModel as error:
            raise UserError(
                "The model server does not know {base}, or cannot train it. Run /finetune again with "
                "another base-model, or correct BASE_MODEL.",
                base=training.base,
            ) from error
        return started.id

    async def find(
        self,
        training: Training,
        files: dict[str, str],
        *,
        since: float,
        others: Iterable[str],
        policy: RetryPolicy = BACKGROUND,
    ) -> str | None:
        """The training that was started for a row, though nobody lived or heard to write its name down.

        since is the time from which on it may have been asked for, others are names that belong to other
        rows. None where the server shows none that could be it. Raises Uncertain where one of that time shows
        nothing by which it could be told.
        """
        unknown, others = False, frozenset(others)
        for each in await self._recent(since, policy):
            if each.id in others:
                continue
            match _is(training, files, each):
                case True:
                    return each.id
                case None:
                    unknown = True
        if unknown:
            raise Uncertain
        return None

    async def get(self, remote_id: str) -> FineTuningJob:
        """A training as it stands."""
        retrieve = partial(self._api.fine_tuning.jobs.retrieve, remote_id)
        return await self._with_retries(expect_type(retrieve, FineTuningJob), NO_RETRY)

    async def newest_events(self, remote_id: str) -> list[FineTuningJobEvent]:
        """The newest events, the newest first; none where the server has none to show."""
        with suppress(Unavailable, ServerError):
            return list((await self._with_retries(self._page_of_events(remote_id, 20), NO_RETRY)).data or ())
        return []

    async def all_events(self, remote_id: str) -> list[FineTuningJobEvent]:
        """Every event; none where the server has none to show: the model is there without them."""
        with suppress(Unavailable, ServerError):
            page = await self._with_retries(self._page_of_events(remote_id, 100), INTERACTIVE)
            events = list(page.data or ())
            while page.has_next_page():
                page = await self._with_retries(page.get_next_page, INTERACTIVE)
                events += page.data or ()
            return events
        return []

    def _page_of_events(self, remote_id: str, most: int) -> Callable[[], Awaitable[Page[FineTuningJobEvent]]]:
        async def page() -> Page[FineTuningJobEvent]:
            return await self._api.fine_tuning.jobs.list_events(remote_id, limit=most)

        return expect_type(page, Page)

    async def result(self, file_id: str) -> bytes:
        """A result file's content; empty where it cannot be had, for the model is there without it."""
        with suppress(Unavailable, ServerError):
            return await self._with_retries(partial(self._content, file_id), INTERACTIVE)
        return b""

    async def pause(self, remote_id: str) -> bool:
        """Ask the server to hold a training. False where it cannot."""
        return await self._asked(remote_id, "pause")

    async def resume(self, remote_id: str) -> bool:
        """Ask the server to go on with a training that it holds. False where it cannot."""
        return await self._asked(remote_id, "resume")

    async def cancel(self, remote_id: str) -> None:
        """Tell the server to stop a training."""
        await self._with_retries(lambda: self._api.fine_tuning.jobs.cancel(remote_id), INTERACTIVE)

    async def _asked(self, remote_id: str, what: str) -> bool:
        jobs = self._api.fine_tuning.jobs
        ask = jobs.pause if what == "pause" else jobs.resume
        try:
            await self._with_retries(lambda: ask(remote_id), INTERACTIVE)
        except (Unavailable, ServerError) as error:
            log.warning("training %s: no %s at the server: %s", remote_id, what, error)
            return False
        return True

    async def _with_retries(self, call: Callable[[], Awaitable[T]], policy: RetryPolicy) -> T:
        return await with_retries(call, replace(policy, max_pause=self._max_pause))

    async def _permitted(self, call: Callable[[], Awaitable[T]], policy: RetryPolicy) -> T:
        """A call that only those may make who may train; what the server refuses is told in its own words."""
        try:
            return await self._with_retries(call, policy)
        except Forbidden as error:
            raise Forbidden(self.provider.refusal) from error
        except ServerError as error:
            told = error.__cause__
            reason = error_text(told) if isinstance(told, openai.APIError) else str(told)
            raise UserError("The model server refused: {reason}", reason=reason) from error

    async def _sent_before(self, file: TrainingFile, since: float) -> FileObject | None:
        """A file of that name at the server, or one whose name got lost there but not its content."""
        nameless = []
        for each in await self._files():
            if each.filename == file.name and each.status != "error":
                return each
            if _since(each.created_at, since) and each.bytes == len(file.content):
                nameless.append(each)
        for each in nameless:
            with suppress(Unavailable, ServerError):
                content = await self._with_retries(partial(self._content, each.id), INTERACTIVE)
                if content == file.content:
                    return each
        return None

    async def _files(self) -> list[FileObject]:
        """The newest files; none where the server lists none."""

        async def page() -> Page[FileObject]:
            return await self._api.files.list(purpose="fine-tune")

        try:
            return list((await self._with_retries(expect_type(page, Page), BACKGROUND)).data or ())
        except (UnknownModel, Forbidden, ServerError) as error:
            log.info("the server lists no files: %s", error)
            return []

    async def _content(self, file_id: str) -> bytes:
        return (await self._api.files.content(file_id)).content

    async def _recent(self, since: float, policy: RetryPolicy) -> list[FineTuningJob]:
        """The server's trainings from a time on. Raises Uncertain where it lists none."""

        async def page() -> Page[FineTuningJob]:
            return await self._api.fine_tuning.jobs.list(limit=100)

        try:
            found = await self._with_retries(expect_type(page, Page), policy)
        except (UnknownModel, ServerError) as error:
            raise Uncertain from error
        return [each for each in found.data or () if _since(each.created_at, since)]


def may_have_started(error: OutOfReach) -> bool:
    """Whether a call that failed may have been carried out all the same."""
    cause = error.__cause__
    if isinstance(cause, openai.RateLimitError):
        return False
    refused = isinstance(cause, openai.APIConnectionError) and isinstance(
        cause.__cause__, httpx2.ConnectError
    )
    return not refused


def _since(made: float | None, since: float) -> bool:
    """Whether something may have been made from a time on, by the server's clock."""
    return made is None or made >= since - _CLOCKS_APART


def _is(training: Training, files: dict[str, str], found: FineTuningJob) -> bool | None:
    """Whether a training at the server is the one that was asked for; None where nothing tells.

    Some servers drop the metadata, some cut or drop the suffix, some both.
    """
    mark = (found.metadata or {}).get(_MARK)
    if mark is not None:
        return mark == training.mark
    extra = found.model_extra or {}
    suffix = str(extra.get("suffix") or extra.get("user_provided_suffix") or "")
    if suffix == training.suffix:
        return True
    if not found.training_file:
        return None
    anothers = suffix.startswith(_SUFFIX) and not training.suffix.startswith(suffix)
    of_base = not found.model or found.model.startswith(training.base)  # dated versions of it, too
    return found.training_file == files["train"] and of_base and not anothers
