"""The model client: the one way to every model, through the OpenAI API shape at a base URL."""

import asyncio
import ssl
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, Protocol, TypeVar, get_args

import httpx2
import openai
from openai import AsyncOpenAI

from bot.chat import ChatRequest
from bot.errors import OutOfReach, OverBudget, Stopped, Unavailable, UnknownModel
from bot.histogram import Histogram
from bot.llm.bookings import Bookings, Charge
from bot.llm.budget import Account, Budget
from bot.llm.model_parameters import Extensions, SupportedParameters
from bot.llm.rate_limiter import Permit, RateLimiter
from bot.llm.replicas import Replica, Replicas
from bot.llm.response import Completion, StreamReader, parse
from bot.llm.retry import (
    BACKGROUND,
    INTERACTIVE,
    Malformed,
    RetryPolicy,
    Truncated,
    lacks_v1,
    retry_after,
    with_retries,
)
from bot.llm.stream import Stream
from bot.llm.thinking import ThinkingFilter
from bot.logs import REQUEST_ID_HEADER, current_reference
from bot.store.database import Database
from bot.store.shared_writes import WriteTask

T = TypeVar("T")

# Connections stay open as long as the server keeps them: after the SDK's 5 s nearly every /hero would open
# a new one.
_LIMITS = httpx2.Limits(max_connections=100, keepalive_expiry=86_400.0)


@dataclass(frozen=True, slots=True)
class ClientTiming:
    """Time limits of calls to a model, in seconds.

    answer: for the response to begin, and for an answer that is not streamed; background: the same where the
    server lets others go first; first_chunk, next_chunk: of a stream; close: for calls in flight when the
    client closes; give_up: to book those that have not ended by then.
    """

    answer: float = 60.0
    background: float = 180.0
    first_chunk: float = 60.0
    next_chunk: float = 15.0
    close: float = 8.0
    give_up: float = 2.0


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A text with its opening, and what it took.

    finish_reason is stop, length, stopped (by a person) or rejected (by the stream's check). Tokens are as
    the server counted them, or the most they may be if it did not, as for a stream that was ended here. cost
    is in US dollars, None if the price is unknown; seconds counts from complete() on, attempts the requests
    sent. thought: tokens went into thinking, which is not in the text. The text is empty if the answer was,
    whatever its opening.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    seconds: float
    attempts: int
    thought: bool = False


class CallRecord(Protocol):
    """Records a paid call: that it is sent, and its answer with the charge, or its failure.

    No method is ever cancelled half-way. answered() and failed() may raise Unavailable to end the call, and
    with it what it is part of.
    """

    async def sent(self) -> None: ...

    async def answered(self, answer: ChatAnswer, charge: WriteTask[None]) -> None: ...

    async def failed(self, error: Exception) -> None: ...


Outcome = Literal["answered", "stopped", "over_budget", "unavailable", "failed"]
_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(slots=True)
class CallStatistics:
    """What was asked of models since the start, by model; seconds counts answers only."""

    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    seconds: dict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    prompt_tokens: Counter[str] = field(default_factory=Counter)
    completion_tokens: Counter[str] = field(default_factory=Counter)

    def expect(self, model: str) -> None:
        """Begin the counts of a model at zero: Prometheus sees no increase from nothing to one."""
        for outcome in _OUTCOMES:
            self.outcomes[model, outcome] += 0

    def count_answer(self, model: str, answer: ChatAnswer) -> None:
        self.outcomes[model, "answered"] += 1
        self.seconds[model].observe(answer.seconds)
        self.prompt_tokens[model] += answer.prompt_tokens
        self.completion_tokens[model] += answer.completion_tokens

    def count_failure(self, model: str, error: Exception) -> None:
        self.outcomes[model, _outcome(error)] += 1


def _outcome(error: Exception) -> Outcome:
    if isinstance(error, Stopped):
        return "stopped"
    if isinstance(error, OverBudget):
        return "over_budget"
    return "unavailable" if isinstance(error, Unavailable) else "failed"


class ModelClient:
    """Sends chat requests. extensions: what the servers take beyond OpenAI's API."""

    def __init__(
        self,
        replicas: Replicas,
        db: Database,
        budget: Budget,
        bookings: Bookings,
        *,
        extensions: Extensions,
        timing: ClientTiming,
    ) -> None:
        self.replicas = replicas
        self.api = replicas.apis[0]  # for what is no chat
        self.statistics = CallStatistics()
        self._db = db
        self._budget = budget
        self._bookings = bookings
        self._extensions = extensions
        self._timing = timing
        self._reader = StreamReader(first_chunk=timing.first_chunk, next_chunk=timing.next_chunk)
        self._rate_limiters: dict[str, RateLimiter] = {}
        self._parameters: dict[str, SupportedParameters] = {}
        self._thinking: dict[str, ThinkingFilter] = {}
        self._in_flight: set[asyncio.Task[Any]] = set()

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
        """Send a chat request, within budget and rate limit, and again if the failure is transient.

        With a stream, the answer is streamed into it; if somebody stops it, or its check rejects the text,
        the text so far is the answer. If the caller is cancelled, a call that is already sent still completes
        and is booked. Raises Unavailable if no answer is to be had, OverBudget if it could cost too much,
        ServerError if the server refuses the request, Stopped if the stream was stopped before the first
        word.
        """
        self.statistics.expect(model)
        call = _Call(request, model, account, retry_policy, record, stream)
        try:
            answer = await self._complete(call)
        except Exception as error:
            self.statistics.count_failure(model, error)
            raise
        self.statistics.count_answer(model, answer)
        return answer

    async def _complete(self, call: "_Call") -> ChatAnswer:
        limiter, stream = self.rate_limiter(call.model), call.stream
        try:
            return await with_retries(
                lambda: self._attempt(call, limiter), call.retry_policy, limiter, stream
            )
        except Stopped:
            if not (stream and stream.text):
                raise
            shown = Completion(stream.text, "stopped")
            return self._answer(call, stream.text, shown)  # its call is booked
        except UnknownModel as error:
            if lacks_v1(error.__cause__):
                raise
            raise UnknownModel(
                "No server here knows the model {model}. An operator must check its name.",
                model=call.model,
            ) from error

    def rate_limiter(self, model: str) -> RateLimiter:
        """Return a model's rate limiter, which all calls to it share."""
        return self._rate_limiters.setdefault(model, RateLimiter())

    def supported_parameters(self, model: str) -> SupportedParameters:
        """Return the parameters that a model accepts, as far as its refusals have told."""
        return self._parameters.setdefault(model, SupportedParameters(self._extensions))

    async def flagged(self, text: str) -> bool:
        """Return whether the provider's moderation endpoint flags a text."""
        moderation = await with_retries(lambda: self.api.moderations.create(input=text), BACKGROUND)
        return any(result.flagged for result in moderation.results)

    async def wait_for_bookings(self) -> None:
        """Wait until every call in flight has ended and is booked."""
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def drain(self, seconds: float) -> None:
        """Wait so long for calls in flight, even if this task is cancelled again meanwhile.

        What is stopped before they are written is asked, and paid for, once more.
        """
        bookings = asyncio.create_task(self.wait_for_bookings())
        end = time.monotonic() + seconds
        cancelled: asyncio.CancelledError | None = None
        while not bookings.done() and time.monotonic() < end:
            try:
                await asyncio.wait({bookings}, timeout=end - time.monotonic())
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled:
            raise cancelled

    async def close(self) -> None:
        """Wait for calls in flight, then give up those that have not ended.

        What was given up may be billed, so it is booked at the most that it can cost.
        """
        try:
            await self.drain(self._timing.close)
        finally:
            given_up = set(self._in_flight)
            for task in given_up:
                task.cancel()
            if given_up:
                await asyncio.wait(given_up, timeout=self._timing.give_up)

    async def _attempt(self, call: "_Call", limiter: RateLimiter) -> ChatAnswer:
        """Reserve the maximum cost, wait for a permit, then send the request without being cancelled."""
        call.attempts += 1
        max_tokens = call.request.token_estimate
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._budget.reserve(call.account, call.model, *max_tokens))
            permit = await call.run_until_stopped(
                _acquire_within_policy(limiter, sum(max_tokens), call.retry_policy)
            )
            reserved = stack.pop_all()  # as long as the call lasts, whether its caller waits or not
        return await self._uncancelled(self._send_and_book(call, limiter, permit, reserved))

    async def _uncancelled(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work that goes on if the caller is cancelled."""
        task = asyncio.ensure_future(work)
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return await asyncio.shield(task)

    async def _send_and_book(
        self, call: "_Call", limiter: RateLimiter, permit: Permit, reserved: AsyncExitStack
    ) -> ChatAnswer:
        record = call.record
        async with reserved:
            try:
                await self._budget.confirm(call.account)
                if record:
                    await record.sent()
                answer = await self._send_or_give_up(call, limiter, permit)
            except Exception as error:
                if _may_be_billed(error):
                    await self._book_most(call)
                if record:
                    await record.failed(error)
                raise
            finally:
                limiter.release_probe()
            charge = self._charge(call, answer.prompt_tokens, answer.completion_tokens)
            if record:
                await record.answered(answer, charge)
            elif answer.cost != 0:
                await self._db.write_together(charge)
            return answer

    async def _send_or_give_up(self, call: "_Call", limiter: RateLimiter, permit: Permit) -> ChatAnswer:
        """Send a call. If it is given up because this client closes, book the most that it may cost."""
        try:
            return await self._send(call, limiter, permit)
        except asyncio.CancelledError as error:
            await self._book_most(call)
            if call.record:  # as booked: the next run would book what it finds under way
                with suppress(Unavailable):
                    await call.record.failed(Truncated(repr(error)))
            raise

    async def _book_most(self, call: "_Call") -> None:
        """Book a call that may be billed, though nobody hears what it cost."""
        if self._budget.prices.cost(call.model, *call.request.token_estimate) != 0:
            await self._db.write_together(self._charge(call, *call.request.token_estimate))

    async def _send(self, call: "_Call", limiter: RateLimiter, permit: Permit) -> ChatAnswer:
        """Send the request to one server after the other, until one answers or none is left.

        If none does, the error is that of one that is in reach and lacks the model: it can be loaded there.
        """
        errors: list[openai.APIError] = []
        for replica in self.replicas.in_order(call.model):
            call.attempts += bool(errors)
            try:
                return await self._send_to(replica, call, limiter, permit)
            except openai.APIError as error:
                if not self.replicas.may_pass_over(replica, call.model, error):
                    raise
                errors.append(error)
        raise next((each for each in errors if isinstance(each, openai.NotFoundError)), errors[-1])

    async def _send_to(
        self, replica: Replica, call: "_Call", limiter: RateLimiter, permit: Permit
    ) -> ChatAnswer:
        with replica.use():
            raw = await self._create_completion(replica.api, call, limiter, permit)
            try:
                answer = await self._read(raw, call, limiter)
            except Malformed:
                raise
            except Truncated as error:
                self.replicas.note_failure(replica, error)
                raise
        self.replicas.note_answer(replica, call.model)
        return answer

    async def _read(self, raw: Any, call: "_Call", limiter: RateLimiter) -> ChatAnswer:
        thinking = self._thinking.setdefault(call.model, ThinkingFilter())
        max_tokens = call.request.sampling.max_tokens
        if call.stream:
            limiter.end_probe()  # a person waits: the others need not wait for this answer's end
            render = call.request.render_partial
            completion = await self._reader.read(raw.http_response, call.stream, render, thinking, max_tokens)
        else:
            completion = parse(raw.content, thinking, max_tokens)
            if completion.text:
                limiter.end_probe()
        return self._answer(call, call.request.render(completion.text), completion)

    async def _create_completion(
        self, api: AsyncOpenAI, call: "_Call", limiter: RateLimiter, permit: Permit
    ) -> Any:
        """Call the API and return the SDK's raw response.

        If the model refuses a parameter, the request is sent again at once without it.
        """
        parameters = self.supported_parameters(call.model)
        try:
            while True:
                arguments = parameters.arguments(
                    call.request,
                    streamed=call.stream is not None,
                    in_background=call.retry_policy.in_background,
                )
                try:
                    raw = await call.run_until_stopped(self._post(api, call, arguments))
                except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                    if not parameters.learn(error, arguments):
                        raise
                    call.attempts += 1
                else:
                    limiter.update_from_headers(permit, raw.headers)
                    return raw
        except openai.APIStatusError as error:
            limiter.end_probe()
            if isinstance(error, openai.RateLimitError):  # at once: others are about to be sent
                limiter.pause(retry_after(error) or 0.0)
            limiter.update_from_headers(permit, error.response.headers)
            raise

    async def _post(self, api: AsyncOpenAI, call: "_Call", arguments: dict[str, Any]) -> Any:
        gives_way = call.retry_policy.in_background and self._extensions.background
        seconds = self._timing.background if gives_way else self._timing.answer
        timeout = httpx2.Timeout(seconds, connect=self.replicas.connect_timeout or seconds)
        return await api.chat.completions.with_raw_response.create(
            model=call.model, messages=[], timeout=timeout, **arguments
        )

    def _charge(self, call: "_Call", prompt_tokens: int, completion_tokens: int) -> WriteTask[None]:
        charge = Charge(call.account, call.model, prompt_tokens, completion_tokens)
        return WriteTask(self._bookings.book_all, charge)

    def _answer(self, call: "_Call", text: str, completion: Completion) -> ChatAnswer:
        prompt_tokens, completion_tokens = completion.tokens or call.request.token_estimate
        reason, ending = completion.finish_reason, call.request.ending
        if reason == "stopped" and ending and text.endswith(ending):
            reason = "stop"  # only what the request leaves out anyway was still being written
        return ChatAnswer(
            text=text,
            finish_reason=reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=self._budget.prices.cost(call.model, prompt_tokens, completion_tokens),
            seconds=time.monotonic() - call.started,
            attempts=call.attempts,
            thought=completion.thought,
        )


@dataclass(slots=True)
class _Call:
    """One call of complete(), over all its attempts."""

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
    """Return whether a failed call may be billed: it was sent, and the server did not refuse it."""
    never_sent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
    lost = isinstance(error, openai.APIConnectionError) and not isinstance(error.__cause__, never_sent)
    return lost or isinstance(error, (Truncated, Stopped))


async def _acquire_within_policy(limiter: RateLimiter, tokens: int, policy: RetryPolicy) -> Permit:
    """Wait for a permit: without limit if the policy honours Retry-After, else within its max_seconds."""
    try:
        if policy.honour_retry_after:
            return await limiter.acquire(tokens)
        async with asyncio.timeout(max(policy.max_seconds, 1.0)):
            return await limiter.acquire(tokens)
    except TimeoutError as error:
        if limiter.paused_for > 1:
            raise OutOfReach(
                "The model is busy right now. Try again in a minute. The server asks to wait {time:.0f} s.",
                time=limiter.paused_for,
            ) from error
        raise OutOfReach("The model is busy right now. Try again in a minute.") from error


def open_api(base_url: str | None, api_key: str) -> AsyncOpenAI:
    """Return the SDK's client at a base URL (None: OpenAI's own), to be closed by `async with`.

    Its own retries are off: they lose calls under rate limits, and each attempt must be ours to count.
    """
    return AsyncOpenAI(
        base_url=base_url,
        api_key=api_key,
        max_retries=0,
        timeout=300,
        http_client=openai.DefaultAioHttpClient(
            limits=_LIMITS, verify=_tls_context(), event_hooks={"request": [_add_reference]}
        ),
    )


async def _add_reference(request: httpx2.Request) -> None:
    """Tell the server under which reference our logs have this request: the engine logs it under the same."""
    if reference := current_reference():
        request.headers[REQUEST_ID_HEADER] = reference


@cache
def _tls_context() -> ssl.SSLContext:
    """Return one context for all clients of the process: reading the certificates takes 20 ms."""
    return httpx2.create_ssl_context()


@asynccontextmanager
async def open_client(
    replicas: Replicas,
    db: Database,
    budget: Budget,
    bookings: Bookings,
    *,
    extensions: Extensions,
    timing: ClientTiming,
) -> AsyncIterator[ModelClient]:
    """Open a client that lets calls in flight complete before it closes."""
    client = ModelClient(replicas, db, budget, bookings, extensions=extensions, timing=timing)
    try:
        yield client
    finally:
        await client.close()
