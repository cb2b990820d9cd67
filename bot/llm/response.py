"""Reads a server's answer to a chat request: complete, or streamed chunk by chunk."""

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


@dataclass(slots=True)
class Completion:
    """The text, why it ended, and its tokens (prompt, completion) if the server counted them."""

    text: str = ""
    finish_reason: str = ""
    tokens: tuple[int, int] | None = None

    def add_chunk(self, chunk: dict[str, Any]) -> None:
        """Append a chunk of a stream. Raises Truncated if it is an error."""
        if error := chunk.get("error"):
            raise Truncated(f"the stream ended in an error: {error}")
        if usage := chunk.get("usage"):
            self.tokens = usage["prompt_tokens"], usage["completion_tokens"]
        for choice in chunk["choices"]:
            self.text += (choice.get("delta") or {}).get("content") or ""
            self.finish_reason = choice.get("finish_reason") or self.finish_reason


def parse(raw: Any) -> Completion:
    """Parse the SDK's raw response. Raises Truncated if it is no completion, or has no finish reason."""
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


class StreamReader:
    """Reads streamed answers.

    first_chunk, next_chunk: seconds to wait for the first chunk, and between two chunks.
    """

    def __init__(self, *, first_chunk: float, next_chunk: float) -> None:
        self._first_chunk = first_chunk
        self._next_chunk = next_chunk

    async def read(self, raw: Any, stream: Stream, render: Callable[[str], str]) -> Completion:
        """Read the SDK's raw response to its end, and put render(text so far) into the stream meanwhile.

        If the stream is stopped, the text so far is the answer. Raises Truncated if the response breaks off,
        or if no chunk comes in time.
        """
        completion = Completion()
        now = asyncio.get_running_loop().time
        with _truncated_unless_stopped(stream):
            async with (
                aclosing(_chunks(raw.http_response)) as chunks,
                asyncio.timeout(0 if stream.stopped else self._first_chunk) as stream.deadline,
            ):
                async for chunk in chunks:
                    if stream.stopped:
                        break
                    stream.deadline.reschedule(now() + self._next_chunk)
                    completion.add_chunk(chunk)
                    stream.set_text(render(completion.text))
        if stream.stopped and completion.text:
            completion.finish_reason = completion.finish_reason or "stopped"
        if not completion.finish_reason:
            raise Truncated("the stream says not why it ended")
        return completion


async def _chunks(response: httpx2.Response) -> AsyncGenerator[dict[str, Any]]:
    """Yield the chunks of a stream of server-sent events as parsed JSON.

    The SDK makes objects of them at five times the cost, most of what a /hero costs.
    """
    try:
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if data != "[DONE]":  # read on to the end of the body, so that the connection stays open
                yield json.loads(data)
    finally:
        await response.aclose()


@contextmanager
def _truncated_unless_stopped(stream: Stream) -> Iterator[None]:
    """Turn every failure of reading a stream into Truncated; ignore the time-out that Stop causes."""
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
