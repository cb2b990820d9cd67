"""The model client: the one way to every model, through the OpenAI API shape at a base URL."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import httpx2
import openai
from openai import AsyncOpenAI

from bot.chat import ChatRequest
from bot.errors import OutOfReach, Stopped, UnknownModel
from bot.llm.budget import Account, Budget, Charge
from bot.llm.model_parameters import SupportedParameters
from bot.llm.rate_limiter import Permit, RateLimiter
from bot.llm.response import Completion, parse, read_stream
from bot.llm.retry import BACKGROUND, INTERACTIVE, RetryPolicy, Truncated, retry_after, with_retries
from bot.llm.stream import Stream
from bot.store.database import Database, WriteTask

T = TypeVar("T")

_LONGEST_ANSWER = 60.0  # seconds
_SETTLE = 8.0  # seconds that calls in the air get to come home when the client closes

# Connections stay open as long as the server keeps them: after the SDK's 5 s nearly every /hero would open
# a new one.
_LIMITS = httpx2.Limits(max_connections=100, keepalive_expiry=86_400.0)


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A text with its opening, why it ended (stop, length or stopped), tokens as counted by the server.

    Where the server did not count, as of a stream that was stopped, tokens are the most that they may be.

    cost is in US dollars, None where the price is unknown; seconds is the time from the question on, attempts
    how many calls it took.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    seconds: float
    attempts: int


class CallRecord(Protocol):
    """Writes down a paid call: that it goes out, what came back and what it cost, or that nothing came.

    None is ever cut off half-way.
    """

    async def sent(self) -> None: ...

    async def answered(self, answer: ChatAnswer, charge: WriteTask[None]) -> None: ...

    async def failed(self) -> None: ...


class ModelClient:
    """Asks models. `extensions` says that the server takes repeat_penalty, as our engine does."""

    def __init__(self, api: AsyncOpenAI, db: Database, budget: Budget, *, extensions: bool) -> None:
        self.api = api
        self._db = db
        self._budget = budget
        self._extensions = extensions
        self._paces: dict[str, RateLimiter] = {}
        self._dialects: dict[str, SupportedParameters] = {}
        self._flying: set[asyncio.Task[Any]] = set()

    async def complete(
        self,
        request: ChatRequest,
        *,
        model: str,
        account: Account,
        retry_policy: RetryPolicy = INTERACTIVE,
        record: CallRecord | None = None,
        stream: Stream | None = None,
    ) -> ChatAnswer:
        """Ask, and ask again with patience where the server is busy or out of reach.

        A stream is told the text as it comes, and may stop it: what there is by then is the answer.
        Whoever stops waiting (a cancelled task) leaves a call that is out to come home and be recorded.
        Raises Unavailable where no answer is to be had, OverBudget where it could cost too much, ServerError
        where the server refuses the question, Stopped where the stream was stopped before the first word.
        """
        call = _Call(request, model, account, retry_policy, record, stream)
        pace = self.rate_limiter(model)
        try:
            return await with_retries(lambda: self._attempt(call, pace), retry_policy, pace, stream)
        except Stopped:
            if not (stream and stream.text):
                raise
            return self._answer(call, stream.text, "stopped", request.max_tokens)  # its call is booked
        except UnknownModel as error:
            raise UnknownModel(
                "The model server does not know the model {model}. An operator must check its name.",
                model=model,
            ) from error

    def rate_limiter(self, model: str) -> RateLimiter:
        """The pace at which a model may be asked, shared by all who ask it here."""
        return self._paces.setdefault(model, RateLimiter())

    def supported_parameters(self, model: str) -> SupportedParameters:
        """The parameters that a model takes, as far as it has told."""
        return self._dialects.setdefault(model, SupportedParameters(extensions=self._extensions))

    async def flagged(self, text: str) -> bool:
        """Whether the provider's moderation endpoint objects to a text."""
        verdict = await with_retries(lambda: self.api.moderations.create(input=text), BACKGROUND)
        return any(result.flagged for result in verdict.results)

    async def wait_for_bookings(self) -> None:
        """Wait until every call that is out has come home and is recorded."""
        await asyncio.gather(*self._flying, return_exceptions=True)

    async def _attempt(self, call: "_Call", pace: RateLimiter) -> ChatAnswer:
        """One call: hold what it may cost, wait for a turn; then ask, book and record, not to be cut off."""
        call.attempts += 1
        at_most = call.request.max_tokens
        async with self._budget.reserve(call.account, call.model, *at_most):
            turn = await call.run_until_stopped(
                _acquire_in_time(pace.acquire(sum(at_most)), call.retry_policy, pace)
            )
            return await self._complete_untruncated(self._request(call, pace, turn))

    async def _complete_untruncated(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        self._flying.add(task)
        task.add_done_callback(self._flying.discard)
        return await asyncio.shield(task)

    async def _request(self, call: "_Call", pace: RateLimiter, turn: Permit) -> ChatAnswer:
        record = call.record
        try:
            if record:
                await record.sent()
            raw = await self._create(call, pace, turn)
            said = (
                await read_stream(raw, call.stream, call.request.render_partial)
                if call.stream
                else parse(raw)
            )
            answer = self._read(call, said)
        except Exception as error:
            if _may_be_billed(error):
                await self._db.write_together(self._booking(call, *call.request.max_tokens))
            if record:
                await record.failed()
            raise
        finally:
            pace.release_probe()
        booking = self._booking(call, answer.prompt_tokens, answer.completion_tokens)
        if record:
            await record.answered(answer, booking)
        elif answer.cost != 0:
            await self._db.write_together(booking)
        return answer

    def _booking(self, call: "_Call", prompt_tokens: int, completion_tokens: int) -> WriteTask[None]:
        charge = Charge(call.account, call.model, prompt_tokens, completion_tokens)
        return WriteTask(self._budget.book_all, charge)

    def _read(self, call: "_Call", said: Completion) -> ChatAnswer:
        text, tokens = call.request.render(said.text), said.tokens or call.request.max_tokens
        return self._answer(call, text, said.finish_reason, tokens)

    def _answer(self, call: "_Call", text: str, finish_reason: str, tokens: tuple[int, int]) -> ChatAnswer:
        prompt_tokens, completion_tokens = tokens
        return ChatAnswer(
            text=text,
            finish_reason=finish_reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=self._budget.cost(call.model, prompt_tokens, completion_tokens),
            seconds=time.monotonic() - call.started,
            attempts=call.attempts,
        )

    async def _create(self, call: "_Call", pace: RateLimiter, turn: Permit) -> Any:
        """Call the API. Returns the SDK's raw response.

        What a model refuses is left out from then on, and the call goes out again at once.
        """
        dialect = self.supported_parameters(call.model)
        try:
            while True:
                arguments = dialect.arguments(call.request, streamed=call.stream is not None)
                try:
                    raw = await call.run_until_stopped(self._send(call, arguments))
                except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                    if not dialect.learn(error, arguments):
                        raise
                    call.attempts += 1
                else:
                    pace.update_from_headers(turn, raw.headers)
                    return raw
        except openai.APIStatusError as error:
            if isinstance(error, openai.RateLimitError):  # at once: others are about to go out
                pace.pause(retry_after(error) or 0.0)
            pace.update_from_headers(turn, error.response.headers)
            raise

    async def _send(self, call: "_Call", arguments: dict[str, Any]) -> Any:
        return await self.api.chat.completions.with_raw_response.create(
            model=call.model, messages=[], timeout=_LONGEST_ANSWER, **arguments
        )


@dataclass(slots=True)
class _Call:
    """One question on its way, over all its attempts."""

    request: ChatRequest
    model: str
    account: Account
    retry_policy: RetryPolicy
    record: CallRecord | None
    stream: Stream | None
    started: float = 0.0
    attempts: int = 0

    def __post_init__(self) -> None:
        self.started = time.monotonic()

    async def run_until_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        return await (self.stream.run_until_stopped(work) if self.stream else work)


def _may_be_billed(error: Exception) -> bool:
    """Whether a call without an answer may have to be paid for: it went out, and nothing refused it."""
    never_out = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
    lost = isinstance(error, openai.APIConnectionError) and not isinstance(error.__cause__, never_out)
    return lost or isinstance(error, (Truncated, Stopped))


async def _acquire_in_time(
    turn: Coroutine[Any, Any, Permit], patience: RetryPolicy, pace: RateLimiter
) -> Permit:
    """Wait for a turn: as long as it takes where told to, else within the patience."""
    try:
        if patience.honour_retry_after:
            return await turn
        async with asyncio.timeout(max(patience.max_seconds, 1.0)):
            return await turn
    except TimeoutError as error:
        if pace.paused_for > 1:
            raise OutOfReach(
                "The model is busy right now. Try again in a minute. The server asks to wait {time:.0f} s.",
                time=pace.paused_for,
            ) from error
        raise OutOfReach("The model is busy right now. Try again in a minute.") from error


def open_api(base_url: str | None, api_key: str) -> AsyncOpenAI:
    """The SDK at a base URL (None: OpenAI's own), to be closed by `async with`.

    Its retries stay off: they lose calls under rate limits, and each attempt must be ours to count.
    """
    return AsyncOpenAI(
        base_url=base_url,
        api_key=api_key,
        max_retries=0,
        timeout=300,
        http_client=openai.DefaultAioHttpClient(limits=_LIMITS),
    )


@asynccontextmanager
async def open_client(
    api: AsyncOpenAI, db: Database, budget: Budget, *, extensions: bool
) -> AsyncIterator[ModelClient]:
    """A client that lets calls under way come home before it closes."""
    client = ModelClient(api, db, budget, extensions=extensions)
    try:
        yield client
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE):
                await client.wait_for_bookings()
