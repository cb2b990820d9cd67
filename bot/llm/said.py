"""What a server said in answer to a chat: read whole, or word by word as it comes."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import openai
from openai import AsyncStream
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from bot.llm.patience import CutShort
from bot.llm.stream import Stream

_FIRST_WORD = 60.0  # seconds until it
_LONGEST_SILENCE = 15.0  # seconds between two words


@dataclass(slots=True)
class Said:
    """The text, why it ended, and the tokens where the server counted them."""

    text: str = ""
    finish_reason: str = ""
    usage: CompletionUsage | None = None


def whole(raw: Any) -> Said:
    """The SDK's raw answer, parsed. Raises CutShort where the body is none, or the text has no end."""
    try:
        completion = raw.parse()
    except ValueError as error:
        raise CutShort("the answer is no JSON") from error
    if not isinstance(completion, ChatCompletion) or not completion.choices:
        raise CutShort("the answer is no chat completion")
    choice = completion.choices[0]
    if not choice.finish_reason:
        raise CutShort("the answer says not why it ended")
    return Said(choice.message.content or "", choice.finish_reason, completion.usage)


async def listen(raw: Any, stream: Stream, so_far: Callable[[str], str]) -> Said:
    """Read a streamed answer; the stream is told what so_far makes of each beginning of the text.

    Where the stream is stopped, what there is by then is the answer. Raises CutShort where it breaks off, or
    where nothing comes for long.
    """
    said = Said()
    now = asyncio.get_running_loop().time
    with _in_words(stream):
        chunks: AsyncStream[ChatCompletionChunk] = raw.parse()
        async with chunks, asyncio.timeout(_FIRST_WORD) as stream.limit:
            async for chunk in chunks:
                if stream.stopped:
                    break
                stream.limit.reschedule(now() + _LONGEST_SILENCE)
                said.usage = chunk.usage or said.usage
                for choice in chunk.choices:
                    said.finish_reason = choice.finish_reason or said.finish_reason
                    if choice.delta.content:
                        said.text += choice.delta.content
                        stream.grow(so_far(said.text))
    if stream.stopped and said.text:
        said.finish_reason = said.finish_reason or "stopped"
    if not said.finish_reason:
        raise CutShort("the stream says not why it ended")
    return said


@contextmanager
def _in_words(stream: Stream) -> Iterator[None]:
    """Let an end by Stop pass; whatever else breaks a stream off is CutShort, or the SDK's own error."""
    try:
        yield
    except TimeoutError as error:
        if not stream.stopped:
            raise CutShort("the stream fell silent") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise CutShort("the stream is none of a chat") from error
    except openai.APIError as error:
        if isinstance(error, (openai.APIStatusError, openai.APIConnectionError)):
            raise
        raise CutShort(f"the stream ended in an error: {error.message}") from error
    finally:
        stream.limit = None
