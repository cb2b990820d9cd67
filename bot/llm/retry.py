"""Retries: repeat a call while that may help, and translate its failures into our own errors."""

import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import count
from typing import TypeVar

import openai

from bot.errors import Forbidden, OutOfReach, ServerError, Unavailable, UnknownModel
from bot.i18n.message import LocalizedMessage, mark
from bot.llm.rate_limiter import RateLimiter, parse_duration
from bot.llm.stream import Stream
from bot.logs import current_reference

log = logging.getLogger(__name__)

T = TypeVar("T")

NO_REASON = mark("it gave no reason")
_MALFORMED = mark(
    "The model server answers in a form that the bot does not understand: {reason}. An operator must "
    "check the server's address and the model."
)

_TRANSIENT = frozenset({408, 409, 425, 429})  # and all statuses from 500 on
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long and how often a failing call is repeated. Times are in seconds.

    max_seconds bounds the time since the first attempt. With honour_retry_after it bounds only the pauses of
    our own: waiting for the rate limiter, and for as long as the server asks (Retry-After), comes on top.
    Pauses grow from first_pause, doubling up to max_pause, times a random factor of 0.2 to 0.4.
    max_malformed bounds the answers of a shape that is not understood: each may have to be paid for, and the
    next one will hardly have another shape. in_background: nobody waits for the answer.
    """

    max_seconds: float
    max_attempts: int
    max_malformed: int = 3
    honour_retry_after: bool = False
    first_pause: float = 2.0
    max_pause: float = 60.0
    in_background: bool = False

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt (1 for the first) if the server asks for none."""
        longest = min(self.first_pause * 2.0 ** (attempt - 1), self.max_pause)
        return longest * random.uniform(0.2, 0.4)  # noqa: S311 (jitter)


INTERACTIVE = RetryPolicy(20, 8)  # a person is waiting
BACKGROUND = RetryPolicy(600, 30, max_malformed=5, honour_retry_after=True, in_background=True)
NO_RETRY = RetryPolicy(0, 1)  # for calls that must not be repeated blindly


class Truncated(Exception):
    """An answer broke off, or is not what was asked for."""


class Malformed(Truncated):
    """An answer came as a whole, in a shape that is not understood."""

    def __init__(self, reason: str) -> None:
        """reason: what is wrong with "it", the answer, as the catalogues know it."""
        super().__init__(f"the answer is not understood: {reason}")
        self.reason = LocalizedMessage(reason)

    @property
    def message(self) -> LocalizedMessage:
        """What to tell the person who asked."""
        return LocalizedMessage(_MALFORMED, reason=self.reason)


def expect_type(call: Callable[[], Awaitable[T]], kind: type[T]) -> Callable[[], Awaitable[T]]:
    """Wrap a call so that an answer of another type is a transient failure, such as a proxy's HTML page."""

    async def checked() -> T:
        try:
            answer = await call()
        except AttributeError as error:  # from the SDK, if a list has another shape
            raise Truncated(f"the answer is no {kind.__name__}") from error
        if not isinstance(answer, kind):
            raise Truncated(f"the answer is no {kind.__name__}")
        return answer

    return checked


async def with_retries(
    call: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    rate_limiter: RateLimiter | None = None,
    stream: Stream | None = None,
) -> T:
    """Await a call to the API, and repeat it while the policy allows.

    On a 429 the rate limiter is paused for everyone who shares it. Nothing is repeated once the stream is
    stopped. Raises UnknownModel or another Unavailable with a sentence for the person, ServerError with the
    server's reason for the log, or Stopped.
    """
    stream = stream or Stream()
    started, waited = time.monotonic(), 0.0
    malformed = 0
    for attempt in count(1):
        try:
            return await call()
        except (openai.APIError, Truncated) as error:
            stream.raise_if_stopped()
            _raise_unless_transient(error)
            malformed += isinstance(error, Malformed)
            if isinstance(error, Malformed) and malformed >= policy.max_malformed:
                raise Unavailable(error.message) from error
            requested = retry_after(error)
            pause = policy.pause(attempt) if requested is None else requested
            waited += 0.0 if requested is not None and policy.honour_retry_after else pause
            elapsed = waited if policy.honour_retry_after else time.monotonic() - started + pause
            if attempt >= policy.max_attempts or elapsed > policy.max_seconds:
                raise OutOfReach("The model is not answering right now. Try again in a minute.") from error
            log.warning("model server: %s; trying again in %.1f s", with_request_id(error), pause)
            if rate_limiter and isinstance(error, openai.RateLimitError):
                rate_limiter.pause(pause)  # the next attempt waits for its permit, as everyone does
            else:
                await stream.sleep(pause)
                stream.raise_if_stopped()
        except openai.OpenAIError as error:
            raise ServerError(f"The model server refused: {error}") from error
    raise AssertionError("unreachable: count() does not end")


def _raise_unless_transient(error: openai.APIError | Truncated) -> None:
    """Raise our own error for a failure that no retry would change."""
    if isinstance(error, (Truncated, openai.APIConnectionError, openai.APIResponseValidationError)):
        return
    status = error.status_code if isinstance(error, openai.APIStatusError) else 0
    if status == 402 or error.code in _NO_CREDIT or error.type in _NO_CREDIT:
        raise Unavailable(
            "The account at the model server has no credit left. An operator must top it up there."
        ) from error
    if status in (401, 403):
        refusal = Unavailable if status == 401 else Forbidden
        raise refusal(
            mark(
                "The model server refuses this installation's key. An operator must check the one that goes "
                "with its address: ENGINE_API_KEY, OPENAI_API_KEY or SERVING_API_KEY."
            )
        ) from error
    if status == 404 and lacks_v1(error):
        raise UnknownModel(
            "The model server does not know what was asked for. An operator must check its address, which "
            "ends in /v1 at most servers, and the models."
        ) from error
    if status in (404, 410):
        raise UnknownModel(
            "The model server does not know what was asked for. An operator must check the models."
        ) from error
    if status not in _TRANSIENT and status < 500:
        raise ServerError(f"The model server refused: {error_text(error)}") from error


def lacks_v1(error: BaseException | None) -> bool:
    """Return whether a server refused a call at an address without /v1, where few servers answer."""
    return isinstance(error, openai.APIStatusError) and "/v1" not in error.request.url.path


def with_request_id(error: BaseException) -> str:
    """Return an error for the log, with the id by which the server knows the request, if it told one."""
    request_id = error.request_id if isinstance(error, openai.APIStatusError) else None
    return (
        f"{error} (request {request_id})" if request_id and request_id != current_reference() else str(error)
    )


def error_text(error: openai.APIError) -> str:
    """Return the server's own message, without the SDK's wrapping."""
    message = error.body.get("message") if isinstance(error.body, dict) else None
    return str(message or error.message)


def retry_after(error: BaseException | None) -> float | None:
    """Return the seconds to wait that a response asks for in its headers; None if it does not."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with suppress(KeyError, ValueError):
            return parse_duration(headers[name]) * unit
    with suppress(KeyError, ValueError):
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    return None
