"""Conversations with any model of the embedded engine."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk

from bot.chat import Message
from bot.errors import OutOfReach, Unavailable, UserError
from bot.llm.retry import error_text
from bot.tuning.model_names import is_of_heroes, is_tuned

OWN_TEMPERATURE = 0.2
"""Of models that were trained on answers of one's own, which are to come back as they were learnt: at the
engine's 0.8, a small model often leaves them for likely words. Not 0, at which it may repeat itself."""


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """A piece of an answer; the last one says why it ends there: stop, or length if it was cut."""

    text: str
    finish_reason: str | None = None


async def answer(
    api: AsyncOpenAI,
    model: str,
    messages: Sequence[Message],
    *,
    temperature: float | None = None,
    seed: int | None = None,
) -> AsyncIterator[AnswerPart]:
    """Yield a model's answer to a conversation, in parts.

    temperature: None is OWN_TEMPERATURE for a model of one's own, and the engine's for others. If the
    conversation is too long for the model, its oldest turns are left out. Raises OutOfReach if the engine
    ended, perhaps in the midst of the answer, Unavailable if it runs but sends nothing for minutes, and
    UserError with its reason if it refuses.
    """
    ended: Exception | None = None
    try:
        async for chunk in await _begin(api, model, list(messages), temperature, seed):
            for choice in chunk.choices:
                yield AnswerPart(choice.delta.content or "", choice.finish_reason)
                if choice.finish_reason:
                    return
    except (openai.APIConnectionError, httpx2.HTTPError) as error:  # the SDK wraps none within a stream
        if _is_slow(error):
            raise Unavailable(
                "The engine has sent nothing for minutes: this machine may be too busy for it. Try again "
                "later."
            ) from error
        ended = error
    except openai.APIError as error:
        if error.code == "context_length_exceeded":  # of the last question alone
            raise UserError(
                "That is longer than the model can read: shorten it. The engine says: {reason}",
                reason=error_text(error),
            ) from error
        raise UserError("The engine refused: {reason}", reason=error_text(error)) from error
    raise OutOfReach("The engine does not answer any more. Start this command again.") from ended


def _is_slow(error: Exception) -> bool:
    """Return whether the engine was reached, but sent nothing for too long."""
    cause = error.__cause__ if isinstance(error, openai.APIError) else error
    # the client's transport takes a refused connection for one that was not made in time
    return isinstance(cause, httpx2.TimeoutException) and not isinstance(cause, httpx2.ConnectTimeout)


async def _begin(
    api: AsyncOpenAI, model: str, history: list[Message], temperature: float | None, seed: int | None
) -> AsyncStream[ChatCompletionChunk]:
    if temperature is None and is_tuned(model) and not is_of_heroes(model):
        temperature = OWN_TEMPERATURE
    while True:
        try:
            return await api.chat.completions.create(
                model=model,
                messages=cast(Any, history),  # the SDK has a type for each role
                stream=True,
                temperature=openai.omit if temperature is None else temperature,
                seed=openai.omit if seed is None else seed,
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
