"""The model client: one way to every model, by the OpenAI API shape at a base URL."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TypeVar, cast

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from bot.errors import OutOfReach, ServerError, Unavailable, UnknownModel
from bot.prompts import Ask

log = logging.getLogger(__name__)

T = TypeVar("T")

# How many seconds of trouble are waited out: a person's attention is short, a job's long.
PERSON, JOB = 20.0, 600.0

_LONGEST_PAUSE = 60.0  # seconds
_LONGEST_ANSWER = 60.0
_NO_CREDIT = "insufficient_quota"

# Connections stay open as long as the server keeps them: after the SDK's 5 s nearly every /hero would open
# a new one, and the playground would wait for that timer before it shows an answer.
_LIMITS = httpx2.Limits(max_connections=100, keepalive_expiry=86_400.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """A text with its opening, why it ended (stop or length), tokens as counted by the server, seconds."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float


class ModelClient:
    """Asks models. `extensions` says that the server takes repeat_penalty, as our engine does."""

    def __init__(self, api: AsyncOpenAI, *, extensions: bool) -> None:
        self.api = api
        self._extensions = extensions

    async def complete(self, ask: Ask, *, model: str, patience: float = PERSON) -> Answer:
        """Ask once, and again for `patience` seconds where the server is busy or out of reach.

        Raises Unavailable where it stays so, ServerError where the server refuses the question.
        """
        started = time.monotonic()
        completion = await patiently(lambda: self._create(ask, model), patience=patience)
        choice = completion.choices[0]
        usage = completion.usage
        return Answer(
            text=ask.whole(choice.message.content or ""),
            finish_reason=choice.finish_reason,
            prompt_tokens=usage.prompt_tokens if usage else 0,
            completion_tokens=usage.completion_tokens if usage else 0,
            seconds=time.monotonic() - started,
        )

    async def _create(self, ask: Ask, model: str) -> ChatCompletion:
        penalty = ask.sampling.repeat_penalty
        return await self.api.chat.completions.create(
            model=model,
            messages=cast("list[ChatCompletionMessageParam]", list(ask.messages)),
            temperature=ask.sampling.temperature,
            top_p=ask.sampling.top_p,
            max_completion_tokens=ask.sampling.max_tokens,
            seed=openai.omit if ask.seed is None else ask.seed,
            timeout=_LONGEST_ANSWER,
            extra_body={"repeat_penalty": penalty} if penalty and self._extensions else None,
        )


async def patiently(call: Callable[[], Awaitable[T]], *, patience: float) -> T:
    """Await a call to the API; repeat it for `patience` seconds where that may help; put failures into words.

    Raises UnknownModel or another Unavailable with a sentence for the person, or ServerError with the
    server's reason for the log.
    """
    deadline = time.monotonic() + patience
    for attempt in count(1):
        try:
            return await call()
        except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
            if error.code == _NO_CREDIT:
                raise Unavailable("The account at the model server has no credit left.") from error
            pause = _pause(error, attempt)
            if time.monotonic() + pause > deadline:
                raise OutOfReach("The model is not answering right now. Try again in a minute.") from error
            log.warning("model server: %s; trying again in %.1f s", error, pause)
            await asyncio.sleep(pause)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise Unavailable(
                "The model server refuses this installation's key. An operator must check OPENAI_API_KEY."
            ) from error
        except openai.NotFoundError as error:
            raise UnknownModel(
                "The model server does not know what was asked for. An operator must check the models."
            ) from error
        except openai.OpenAIError as error:
            raise ServerError(f"The model server refused: {error}") from error
    raise AssertionError("unreachable: count() does not end")


def _pause(error: openai.APIError, attempt: int) -> float:
    """Seconds to wait: what the server asks for, or else longer each time, with some chance in it."""
    if isinstance(error, openai.APIStatusError):
        asked = error.response.headers.get("retry-after", "")
        if asked.replace(".", "", 1).isdigit():
            return float(asked)
    return min(2.0**attempt, _LONGEST_PAUSE) * random.uniform(0.2, 0.4)  # noqa: S311


@asynccontextmanager
async def open_client(base_url: str | None, api_key: str, *, extensions: bool) -> AsyncIterator[ModelClient]:
    """A client at a base URL (None: OpenAI's own), closed in the end.

    The SDK's retries stay off: they lose calls under rate limits, and each attempt must be ours to count.
    """
    async with AsyncOpenAI(
        base_url=base_url,
        api_key=api_key,
        max_retries=0,
        timeout=300,
        http_client=openai.DefaultAioHttpClient(limits=_LIMITS),
    ) as api:
        yield ModelClient(api, extensions=extensions)
