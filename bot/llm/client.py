"""The model client: one way to every model, by the OpenAI API shape at a base URL."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar, cast

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from bot.errors import ServerError, Unavailable
from bot.prompts import Ask

log = logging.getLogger(__name__)

T = TypeVar("T")

_ATTEMPTS = 4
_LONGEST_PAUSE = 30.0  # seconds

# Connections stay open as long as the server keeps them: after the SDK's 5 s nearly every /hero would open
# a new one. (And simcord, which waits for timers that fall into its settle time, never meets this one.)
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

    async def complete(self, ask: Ask, *, model: str) -> Answer:
        """Ask once, and again (4 times at most) where the server was busy or out of reach.

        Raises Unavailable where it stays so, ServerError where the server refuses the question.
        """
        started = time.monotonic()
        completion = await patiently(lambda: self._create(ask, model))
        choice = completion.choices[0]
        usage = completion.usage
        return Answer(
            text=(ask.opening + (choice.message.content or "")).strip(),
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
            extra_body={"repeat_penalty": penalty} if penalty and self._extensions else None,
        )


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Await a call to the API; repeat it after a pause where that may help; put failures into words.

    Raises Unavailable with a sentence for the person, or ServerError with the server's reason for the log.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return await call()
        except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
            if attempt == _ATTEMPTS:
                raise Unavailable("The model is not answering right now. Try again in a minute.") from error
            pause = _pause(error, attempt)
            log.warning("model server: %s; trying again in %.1f s", error, pause)
            await asyncio.sleep(pause)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise Unavailable(
                "The model server refuses this installation's key. An operator must check OPENAI_API_KEY."
            ) from error
        except openai.NotFoundError as error:
            raise Unavailable(
                "The model server does not know what was asked for. An operator must check the models."
            ) from error
        except openai.OpenAIError as error:
            raise ServerError(f"The model server refused: {error}") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _pause(error: openai.OpenAIError, attempt: int) -> float:
    """Seconds to wait: what the server asks for, or else longer each time, with some chance in it."""
    if isinstance(error, openai.APIStatusError):
        asked = error.response.headers.get("retry-after", "")
        if asked.replace(".", "", 1).isdigit():
            return min(float(asked), _LONGEST_PAUSE)
    return min(2.0**attempt * random.uniform(0.2, 0.4), _LONGEST_PAUSE)  # noqa: S311


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
