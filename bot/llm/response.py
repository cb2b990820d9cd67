"""Reads a server's answer to a chat request: complete, or streamed chunk by chunk."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from bot.i18n.message import mark
from bot.llm.retry import Malformed, Truncated
from bot.llm.server_sent_events import DONE, read_events
from bot.llm.stream import Stream
from bot.llm.thinking import ThinkingFilter

# seconds to wait for what follows a whole answer: the token counts, and the end of the body, after which the
# connection can be used again
_COUNTS_PAUSE = 5.0
_END_PAUSE = 1.0
_INEXACT = 0.02  # by this share a pause may be longer or shorter


@dataclass(frozen=True, slots=True)
class Completion:
    """The text, why it ended, and its tokens (prompt, completion) if the server counted them.

    What the model thought aloud is not in the text; thought tells that there was some.
    """

    text: str
    finish_reason: str
    tokens: tuple[int, int] | None = None
    thought: bool = False


class _Answer:
    """An answer as the server sends it: whole, or in chunks. Servers add fields, and leave some out."""

    def __init__(self) -> None:
        self.text = ""
        self.finish_reason = ""
        self.tokens: tuple[int, int] | None = None
        self.ended = False  # the server said that no more comes
        self._thought = False
        self._seen = False

    @property
    def is_whole(self) -> bool:
        """Whether no text can be missing: why it ended is known, or the server says that it did."""
        return bool(self.finish_reason) or (self.ended and (bool(self.text) or self._thought))

    def add(self, chunk: Any) -> None:
        """Add a chunk, or a whole answer. Raises Malformed if it is none."""
        if not isinstance(chunk, dict):
            raise Malformed(mark("it is not a chat completion"))
        if usage := chunk.get("usage"):
            self._count(usage)
        for choice in chunk.get("choices") or ():
            self._seen = True
            self._add_content(choice.get("delta") or choice.get("message") or {})
            self.finish_reason = choice.get("finish_reason") or self.finish_reason

    def _add_content(self, message: dict[str, Any]) -> None:
        if message.get("reasoning_content") or message.get("reasoning") or message.get("thinking"):
            self._thought = True
        content = message.get("content") or ""
        if isinstance(content, str):
            self.text += content
            return
        for part in content:  # some servers send the thinking and the text as parts
            self._thought = self._thought or part.get("type") in ("thinking", "reasoning")
            if part.get("type") in ("text", "output_text"):
                self.text += part.get("text") or ""

    def _count(self, usage: dict[str, Any]) -> None:
        counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if isinstance(counts[0], int) and isinstance(counts[1], int):
            self.tokens = counts[0], counts[1]
        details = usage.get("completion_tokens_details") or {}
        self._thought = self._thought or bool(details.get("reasoning_tokens"))

    def completion(self, thinking: ThinkingFilter, max_tokens: int) -> Completion:
        """Return the answer once it has ended. Raises Malformed if it is not whole."""
        if not self._seen:
            raise Malformed(mark("it is not a chat completion"))
        if not self.is_whole:
            raise Malformed(mark("it does not say why it ended"))
        used_up = self.tokens is not None and self.tokens[1] >= max_tokens
        reason = self.finish_reason or ("length" if used_up else "stop")
        text, thought = thinking.whole(self.text, cut_short=reason == "length")
        return Completion(text, reason, self.tokens, thought or self._thought)


def parse(content: bytes | str, thinking: ThinkingFilter, max_tokens: int) -> Completion:
    """Parse a complete answer. Raises Malformed if it is none."""
    with _malformed():
        body = json.loads(content)
    return completion_of(body, thinking, max_tokens)


def completion_of(body: object, thinking: ThinkingFilter, max_tokens: int) -> Completion:
    """Return what a complete answer's JSON holds. Raises Malformed if it is no answer.

    max_tokens: its limit, for servers that do not say why it ended.
    """
    answer = _Answer()
    with _malformed():
        if _is_error(body):
            raise Malformed(mark("it is an error"))
        answer.add(body)
    answer.ended = True
    return answer.completion(thinking, max_tokens)


class StreamReader:
    """Reads streamed answers.

    first_chunk, next_chunk: seconds to wait for the first chunk, and between two chunks.
    """

    def __init__(self, *, first_chunk: float, next_chunk: float) -> None:
        self._first_chunk = first_chunk
        self._next_chunk = next_chunk

    async def read(
        self,
        response: httpx2.Response,
        stream: Stream,
        render: Callable[[str], str],
        thinking: ThinkingFilter,
        max_tokens: int,
    ) -> Completion:
        """Read a response to its end, and put render(text so far) into the stream meanwhile.

        If the stream is stopped, or rejects the text, the text so far is the answer. What follows a whole
        answer is not waited for long. Raises Truncated if the response breaks off, or if no chunk comes in
        time.
        """
        answer, shown = _Answer(), ""
        now = asyncio.get_running_loop().time
        with _truncated_unless_whole(answer, stream):
            async with (
                aclosing(_chunks(response)) as chunks,
                asyncio.timeout(0 if stream.stopped else self._first_chunk) as stream.deadline,
            ):
                async for chunk in chunks:
                    if stream.stopped:
                        break
                    _add_chunk(answer, chunk)
                    pause = self._pause_after(answer)
                    # a timer for each of hundreds of chunks would be a fifth of what reading them costs
                    if abs(now() + pause - (stream.deadline.when() or 0.0)) > pause * _INEXACT:
                        stream.deadline.reschedule(now() + pause)
                    text = thinking.so_far(answer.text)
                    if text or shown:
                        stream.set_text(render(text))
                    shown = text
                    if stream.rejected:
                        break
        if stream.stopped and not answer.is_whole:
            return _stopped_answer(answer, shown)
        if stream.rejected and not answer.is_whole:
            return Completion(shown, "rejected", answer.tokens)
        completion = answer.completion(thinking, max_tokens)
        if completion.text != shown:
            stream.set_text(render(completion.text))
        return completion

    def _pause_after(self, answer: _Answer) -> float:
        if answer.ended:
            return min(self._next_chunk, _END_PAUSE)
        return min(self._next_chunk, _COUNTS_PAUSE) if answer.finish_reason else self._next_chunk


def _stopped_answer(answer: _Answer, text: str) -> Completion:
    if not text:
        raise Truncated("the stream was stopped before the first word")
    return Completion(text, "stopped", answer.tokens)


def _add_chunk(answer: _Answer, chunk: Any) -> None:
    """Add a chunk of a stream. Raises Truncated if the server broke it off with an error."""
    if answer.ended:
        return
    if chunk == DONE:
        answer.ended = True
        return
    if _is_error(chunk):
        raise Truncated(f"the stream ended in an error: {chunk}")
    answer.add(chunk)


def _is_error(chunk: Any) -> bool:
    """Return whether a chunk or an answer is an error, in one of the forms that servers give it."""
    if not isinstance(chunk, dict) or chunk.get("choices"):
        return False
    return chunk.get("object") == "error" or any(chunk.get(name) for name in ("error", "message", "detail"))


async def _chunks(response: httpx2.Response) -> AsyncGenerator[Any]:
    """Yield the chunks of a stream as parsed JSON, and DONE.

    The SDK makes objects of them at five times the cost, most of what a /hero costs. A server that does not
    stream sends the whole answer as one.
    """
    try:
        if "json" in response.headers.get("content-type", ""):
            yield json.loads(await response.aread())
            yield DONE
            return
        async with aclosing(read_events(response.aiter_bytes())) as events:
            async for event in events:  # read on after DONE, so that the connection stays open
                yield event
    finally:
        await response.aclose()


@contextmanager
def _malformed() -> Iterator[None]:
    """Turn what comes of fields of another shape into Malformed."""
    try:
        yield
    except json.JSONDecodeError as error:
        raise Malformed(mark("it is not JSON")) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Malformed(mark("it is not a chat completion")) from error


@contextmanager
def _truncated_unless_whole(answer: _Answer, stream: Stream) -> Iterator[None]:
    """Turn failures of reading a stream into Truncated; ignore those after the answer's end or a Stop."""
    try:
        with _malformed():
            yield
    except TimeoutError as error:
        if not (stream.stopped or answer.is_whole):
            raise Truncated("the stream fell silent") from error
    except httpx2.HTTPError as error:
        if not answer.is_whole:
            raise Truncated(f"the stream broke off: {error!r}") from error
    except Truncated:
        if not answer.is_whole:
            raise
    finally:
        stream.deadline = None
