"""Trainings at a model server: each is started once, even if the answer to the call was lost."""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import httpx2
import openai
from openai import AsyncOpenAI
from openai.pagination import AsyncCursorPage as Page
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint
from pydantic import BaseModel, ValidationError

from bot.errors import OutOfReach, ServerError, Unavailable, UnknownModel, UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.llm.retry import (
    BACKGROUND,
    INTERACTIVE,
    NO_RETRY,
    RetryPolicy,
    expect_type,
)
from bot.store.job_schema import Method
from bot.tuning.providers import Provider
from bot.tuning.remote_calls import FineTuningApiTiming, RemoteCalls, may_be_made_since
from bot.tuning.remote_files import RemoteFiles

log = logging.getLogger(__name__)

T = TypeVar("T")

_COUNTED_AT_ONCE = 50  # lines
_COUNTED_CHARACTERS = 600_000  # of lines: a request may have 4 MB, and a character six bytes in it
METADATA_KEY = "herosmith_job"
_SUFFIX_PREFIX = "herosmith-"


class Uncertain(Exception):
    """The server does not show whether a training was started."""


@dataclass(frozen=True, slots=True)
class Training:
    """What a server is asked to train. No other training anywhere has the same key: it is found by it.

    name is a part of the model's name that a person chose, None if we choose it.
    """

    base: str
    method: Method
    epochs: int | None
    key: str
    name: str | None = None

    @property
    def suffix(self) -> str:
        """Return our part of the model's name: every provider accepts 18 characters without a dot."""
        return self.name or f"{_SUFFIX_PREFIX}{hashlib.sha256(self.key.encode()).hexdigest()[:8]}"


class WeightsObstacle(BaseModel):
    """Why not all weights are tuned: figures in bytes, for `size` in parameters."""

    of: Literal["memory", "disk", "size"]
    needed: float
    available: float


class PlannedWeights(BaseModel):
    """What a training would change if it began now; an obstacle if that is an adapter unasked."""

    weights: Literal["all", "adapter"]
    obstacle: WeightsObstacle | None = None


class TokenCounts(BaseModel):
    """How many tokens examples have, and how many the model reads.

    tokens is None for an example that no training takes; errors then says why.
    """

    tokens: list[int | None]
    errors: list[str | None]
    max_tokens: int


def _parts(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield lines in parts that a server takes, and answers in seconds."""
    part: list[str] = []
    characters = 0
    for line in lines:
        characters += len(line)
        if part and (len(part) == _COUNTED_AT_ONCE or characters > _COUNTED_CHARACTERS):
            yield part
            part, characters = [], len(line)
        part.append(line)
    if part:
        yield part


class FineTuningApi:
    """Starts, finds, polls and stops trainings at one provider, on its `files`."""

    def __init__(
        self, api: AsyncOpenAI, provider: Provider, *, extra: dict[str, Any], timing: FineTuningApiTiming
    ) -> None:
        self._api = api.with_options(timeout=timing.timeout)
        self._start_api = api.with_options(timeout=timing.start_timeout)
        self._calls = RemoteCalls(provider, max_pause=timing.max_pause)
        self.files = RemoteFiles(api, self._calls, timing)
        self.provider = provider
        self._extra = extra

    async def start(self, training: Training, files: dict[str, str]) -> str:
        """Start a training with a single call, and return its id.

        The call is never repeated blindly: it may have started a training although its answer was lost.
        Raises OutOfReach then, and Forbidden if this organization may not train.
        """
        body = self.provider.create_request(
            base=training.base,
            method=training.method,
            epochs=training.epochs,
            files=files,
            suffix=training.suffix,
            metadata={METADATA_KEY: training.key},
            extra=self._extra,
        )
        model, file = body.pop("model"), body.pop("training_file")
        create = partial(
            self._start_api.fine_tuning.jobs.create, model=model, training_file=file, extra_body=body
        )
        try:
            started = await self._calls.permitted(expect_type(create, FineTuningJob), NO_RETRY)
        except UnknownModel as error:
            raise UserError(
                self.provider.wording(
                    engine=mark(
                        "The engine does not know {base}, or cannot train it. Run `{/finetune}` again with "
                        "another base-model, or correct BASE_MODEL."
                    ),
                    server=mark(
                        "The model server does not know {base}, or cannot train it. Run `{/finetune}` again "
                        "with another base-model, or correct BASE_MODEL."
                    ),
                ),
                base=training.base,
            ) from error
        return started.id

    async def planned_weights(self, base: str) -> PlannedWeights | None:
        """Return what a training of a model would change; None if the server does not say it.

        Raises UserError with the server's reason if it can change neither all weights nor an adapter.
        """
        if not self.provider.reports_weights:
            return None
        weights = self.provider.fixed_hyperparameters.get("weights", "auto")
        path = f"/models/{quote(base, safe=':')}/tuning?weights={weights}"
        try:
            answer = await self._calls.permitted(partial(self._api.get, path, cast_to=object), NO_RETRY)
            return PlannedWeights.model_validate(answer)
        except (Unavailable, UnknownModel, ValidationError) as error:  # or it is of an older version
            log.info("what a training of %s changes is not known: %s", base, error)
            return None

    async def token_counts(self, lines: Sequence[str], method: Method) -> TokenCounts | None:
        """Return how many tokens lines of a training file have; None if the server does not say it."""
        tokens: list[int | None] = []
        errors: list[str | None] = []
        limit = 0
        for part in _parts(lines):
            if len(part[0]) > _COUNTED_CHARACTERS:  # no request would take it
                tokens.append(None)
                too_long = LocalizedMessage("it has {characters:,} characters", characters=len(part[0]))
                errors.append(str(too_long))
                continue
            body = {"examples": [json.loads(line) for line in part], "method": method}
            post = partial(self._api.post, "/fine_tuning/token_counts", body=body, cast_to=object)
            try:
                answer = TokenCounts.model_validate(await self._calls.permitted(post, NO_RETRY))
            except (UserError, ValidationError) as error:  # it is of an older version, or refuses a line
                log.info("the tokens are not counted: %s", error)
                return None
            tokens += answer.tokens
            errors += answer.errors
            limit = answer.max_tokens
        return TokenCounts(tokens=tokens, errors=errors, max_tokens=limit)

    async def check_permitted(self) -> None:
        """Raise Forbidden if this organization may not even look at trainings, or another UserError.

        That it may look does not say that a new training would be taken: only to start one tells.
        """
        await self._calls.permitted(partial(self._api.fine_tuning.jobs.list, limit=1), NO_RETRY)

    async def list_trainings(self) -> list[FineTuningJob]:
        """Return the newest trainings, newest first; none if the server lists none."""
        with suppress(Uncertain):
            return await self._list_trainings(0.0, INTERACTIVE)
        return []

    async def checkpoints(self, remote_id: str) -> list[str]:
        """Return the names of the models that a training has saved; none if the server shows none."""

        async def page() -> Page[FineTuningJobCheckpoint]:
            return await self._api.fine_tuning.jobs.checkpoints.list(remote_id)

        with suppress(Unavailable, ServerError):
            found = await self._calls.with_retries(expect_type(page, Page), NO_RETRY)
            return [each.fine_tuned_model_checkpoint for each in found.data or ()]
        return []

    async def find(
        self,
        training: Training,
        files: dict[str, str],
        *,
        since: float,
        others: Iterable[str],
        policy: RetryPolicy = BACKGROUND,
    ) -> str | None:
        """Find the training that was started for a row whose id was not written down.

        since: the earliest time of the start call; others: ids that belong to other rows. Return None if the
        server lists none that could be it. Raises Uncertain if one of that time shows nothing to recognise it
        by.
        """
        unknown, others = False, frozenset(others)
        for found in await self._list_trainings(since, policy):
            if found.id in others:
                continue
            match _matches(training, files, found):
                case True:
                    return found.id
                case None:
                    unknown = True
        if unknown:
            raise Uncertain
        return None

    async def get(self, remote_id: str) -> FineTuningJob:
        """Return a training's current state."""
        retrieve = partial(self._api.fine_tuning.jobs.retrieve, remote_id)
        return await self._calls.with_retries(expect_type(retrieve, FineTuningJob), NO_RETRY)

    async def newest_events(self, remote_id: str) -> list[FineTuningJobEvent]:
        """Return the newest hundred events, newest first; none if the server shows none."""
        with suppress(Unavailable, ServerError):
            return list(
                (await self._calls.with_retries(self._events_page(remote_id, 100), NO_RETRY)).data or ()
            )
        return []

    async def all_events(self, remote_id: str) -> list[FineTuningJobEvent]:
        """Return all events; none if the server shows none, for the model is there without them."""
        with suppress(Unavailable, ServerError):
            page = await self._calls.with_retries(self._events_page(remote_id, 100), INTERACTIVE)
            events = list(page.data or ())
            while page.has_next_page():
                page = await self._calls.with_retries(page.get_next_page, INTERACTIVE)
                events += page.data or ()
            return events
        return []

    def _events_page(self, remote_id: str, most: int) -> Callable[[], Awaitable[Page[FineTuningJobEvent]]]:
        async def page() -> Page[FineTuningJobEvent]:
            return await self._api.fine_tuning.jobs.list_events(remote_id, limit=most)

        return expect_type(page, Page)

    async def pause(self, remote_id: str) -> bool:
        """Ask the server to hold a training. Return False if it cannot."""
        return await self._try(remote_id, "pause")

    async def resume(self, remote_id: str) -> bool:
        """Ask the server to continue a training that it holds. Return False if it cannot."""
        return await self._try(remote_id, "resume")

    async def cancel(self, remote_id: str) -> None:
        """Tell the server to stop a training."""
        await self._calls.with_retries(lambda: self._api.fine_tuning.jobs.cancel(remote_id), INTERACTIVE)

    async def _try(self, remote_id: str, change: Literal["pause", "resume"]) -> bool:
        jobs = self._api.fine_tuning.jobs
        call = jobs.pause if change == "pause" else jobs.resume
        try:
            await self._calls.with_retries(lambda: call(remote_id), INTERACTIVE)
        except (Unavailable, ServerError) as error:
            log.warning("training %s: no %s at the server: %s", remote_id, change, error)
            return False
        return True

    async def _list_trainings(self, since: float, policy: RetryPolicy) -> list[FineTuningJob]:
        """Return the trainings since a time. Raises Uncertain if the server cannot list them."""

        async def page() -> Page[FineTuningJob]:
            return await self._api.fine_tuning.jobs.list(limit=100)

        try:
            found = await self._calls.with_retries(expect_type(page, Page), policy)
        except (UnknownModel, ServerError) as error:
            raise Uncertain from error
        return [each for each in found.data or () if may_be_made_since(each.created_at, since)]


def may_have_started(error: OutOfReach) -> bool:
    """Return whether a failed start call may have started the training all the same."""
    cause = error.__cause__
    if isinstance(cause, openai.RateLimitError):
        return False
    refused = isinstance(cause, openai.APIConnectionError) and isinstance(
        cause.__cause__, httpx2.ConnectError
    )
    return not refused


def _matches(training: Training, files: dict[str, str], found: FineTuningJob) -> bool | None:
    """Return whether a training at the server is this one; None if nothing shows it.

    Some servers drop the metadata, some cut or drop the suffix, some do both.
    """
    key = (found.metadata or {}).get(METADATA_KEY)
    if key is not None:
        return key == training.key
    extra = found.model_extra or {}
    suffix = str(extra.get("suffix") or extra.get("user_provided_suffix") or "")
    if suffix == training.suffix:
        return True
    if not found.training_file:
        return None
    is_anothers = suffix.startswith(_SUFFIX_PREFIX) and not training.suffix.startswith(suffix)
    of_base = not found.model or found.model.startswith(training.base)  # includes dated versions
    return found.training_file == files["train"] and of_base and not is_anothers
