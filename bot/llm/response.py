"""What a server said in answer to a chat: read whole, or word by word as it comes."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from openai.types.chat import ChatCompletion

from bot.llm.retry import Truncated
from bot.llm.stream import Stream

_FIRST_WORD = 60.0  # seconds until it
_LONGEST_SILENCE = 15.0  # seconds between two words


@dataclass(slots=True)
class Completion:
    """The text, why it ended, and the tokens of question and answer where the server counted them."""

    text: str = ""
    finish_reason: str = ""
    tokens: tuple[int, int] | None = None

    def take(self, chunk: dict[str, Any]) -> None:
        """Take in a piece of a stream. Raises CutShort where it is an error."""
        if error := chunk.get("error"):
            raise Truncated(f"the stream ended in an error: {error}")
        if usage := chunk.get("usage"):
            self.tokens = usage["prompt_tokens"], usage["completion_tokens"]
        for choice in chunk["choices"]:
            self.text += (choice.get("delta") or {}).get("content") or ""
            self.finish_reason = choice.get("finish_reason") or self.finish_reason


def parse(raw: Any) -> Completion:
    """The SDK's raw answer, parsed. Raises CutShort where the body is none, or the text has no end."""
    try:
        completion = raw.parse()
    except ValueError as error:
        raise Truncated("the answer is no JSON") from error
    if not isinstance(completion, ChatCompletion) or not completion.choices:
        raise Truncated("the answer is no chat completion")
    choice = completion.choices[0]
    if not choice.finish_reason:
        raise Truncated("the answer says not why it ended")
    usage = completion.usage
    tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else None
    return Completion(choice.message.content or "", choice.finish_reason, tokens)


async def read_stream(raw: Any, stream: Stream, so_far: Callable[[str], str]) -> Completion:
    """Read a streamed answer; the stream is told what so_far makes of each beginning of the text.

    Where the stream is stopped, what there is by then is the answer. Raises CutShort where it breaks off, or
    where nothing comes for long.
    """
    said = Completion()
    now = asyncio.get_running_loop().time
    with _in_words(stream):
        async with (
            aclosing(_chunks(raw.http_response)) as chunks,
            asyncio.timeout(0 if stream.stopped else _FIRST_WORD) as stream.deadline,
        ):
            async for chunk in chunks:
                if stream.stopped:
                    break
                stream.deadline.reschedule(now() + _LONGEST_SILENCE)
                said.take(chunk)
                stream.append(so_far(said.text))
    if stream.stopped and said.text:
        said.finish_reason = said.finish_reason or "stopped"
    if not said.finish_reason:
        raise Truncated("the stream says not why it ended")
    return said


async def _chunks(response: httpx2.Response) -> AsyncGenerator[dict[str, Any]]:
    """The chunks of a stream as they come over the wire.

    The SDK makes objects of them at five times the cost, most of what a /hero costs.
    """
    try:
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data != "[DONE]":  # what is left then is the end of the body: the connection stays open
                yield json.loads(data)
    finally:
        await response.aclose()


@contextmanager
def _in_words(stream: Stream) -> Iterator[None]:
    """Let an end by Stop pass; whatever else breaks a stream off is CutShort."""
    try:
        yield
    except TimeoutError as error:
        if not stream.stopped:
            raise Truncated("the stream fell silent") from error
    except httpx2.HTTPError as error:
        raise Truncated(f"the stream broke off: {error!r}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Truncated("the stream is none of a chat") from error
    finally:
        stream.deadline = None
