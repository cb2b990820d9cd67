"""Patience: a call repeated while that may help, and its failures put into words."""

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
from bot.i18n.message import mark
from bot.llm.rate_limiter import RateLimiter, parse_duration
from bot.llm.stream import Stream

log = logging.getLogger(__name__)

T = TypeVar("T")

NO_REASON = mark("it gave no reason")

_LONGEST_PAUSE = 60.0  # seconds
_PASSING = frozenset({408, 409, 425, 429})  # and all from 500 on
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long trouble is waited out, in seconds, and how many attempts are made.

    A person waits no longer than that in all. A job (as_told) waits besides for its turn, and as long as the
    server asks for (Retry-After), however long that is.
    """

    max_seconds: float
    max_attempts: int
    honour_retry_after: bool = False


# A person's attention is short, a job's long. ONCE is for what must not be repeated blindly.
INTERACTIVE, BACKGROUND, NO_RETRY = (
    RetryPolicy(20, 8),
    RetryPolicy(600, 30, honour_retry_after=True),
    RetryPolicy(0, 1),
)


class Truncated(Exception):
    """An answer ended before its end, or is none."""


def expect_type(call: Callable[[], Awaitable[T]], kind: type[T]) -> Callable[[], Awaitable[T]]:
    """The call, whose answer must be of a kind: a proxy's page with status 200 is none, and passes."""

    async def sure() -> T:
        try:
            answer = await call()
        except AttributeError as error:  # the SDK itself stumbles over a list that is none
            raise Truncated(f"the answer is no {kind.__name__}") from error
        if not isinstance(answer, kind):
            raise Truncated(f"the answer is no {kind.__name__}")
        return answer

    return sure


async def with_retries(
    call: Callable[[], Awaitable[T]],
    policy: RetryPolicy,
    rate_limiter: RateLimiter | None = None,
    stream: Stream | None = None,
) -> T:
    """Await a call to the API; repeat it where that may help; put failures into words.

    A pace holds back everyone that shares it for as long as a server's 429 asks for. Nothing is repeated once
    the stream is stopped. Raises UnknownModel or another Unavailable with a sentence for the person,
    ServerError with the server's reason for the log, or Stopped.
    """
    stream = stream or Stream()
    started, waited = time.monotonic(), 0.0
    for attempt in count(1):
        try:
            return await call()
        except (openai.APIError, Truncated) as error:
            stream.raise_if_stopped()
            _raise_unless_transient(error)
            told = retry_after(error)
            pause = min(2.0**attempt, _LONGEST_PAUSE) * random.uniform(0.2, 0.4) if told is None else told  # noqa: S311
            waited += 0.0 if told is not None and policy.honour_retry_after else pause
            trouble = waited if policy.honour_retry_after else time.monotonic() - started + pause
            if attempt >= policy.max_attempts or trouble > policy.max_seconds:
                raise OutOfReach("The model is not answering right now. Try again in a minute.") from error
            log.warning("model server: %s; trying again in %.1f s", error, pause)
            if rate_limiter and isinstance(error, openai.RateLimitError):
                rate_limiter.pause(pause)  # the next call's turn waits for it, as everyone's does
            else:
                await stream.sleep(pause)
                stream.raise_if_stopped()
        except openai.OpenAIError as error:
            raise ServerError(f"The model server refused: {error}") from error
    raise AssertionError("unreachable: count() does not end")


def _raise_unless_transient(error: openai.APIError | Truncated) -> None:
    """Put into words what no waiting mends."""
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
            mark("The model server refuses this installation's key. An operator must check OPENAI_API_KEY.")
        ) from error
    if status in (404, 410):
        raise UnknownModel(
            "The model server does not know what was asked for. An operator must check the models."
        ) from error
    if status not in _PASSING and status < 500:
        raise ServerError(f"The model server refused: {error_text(error)}") from error


def error_text(error: openai.APIError) -> str:
    """The server's reason in its own words, without the wrapping."""
    message = error.body.get("message") if isinstance(error.body, dict) else None
    return str(message or error.message)


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that the server asks to wait; None where it does not say."""
    if not isinstance(error, openai.APIStatusError):
        return None
    told = error.response.headers
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with suppress(KeyError, ValueError):
            return parse_duration(told[name]) * unit
    with suppress(KeyError, ValueError):
        return max(0.0, parsedate_to_datetime(told["retry-after"]).timestamp() - time.time())
    return None
