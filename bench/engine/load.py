"""Chat load of concurrent clients: tokens per second, time to the first token, and processor time."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from bench.common import processes
from bench.common.servers import RunningServer

ANSWER_TOKENS = 120


@dataclass(frozen=True)
class Prompt:
    """What is asked: messages, of which a last one of the assistant is continued, and parameters."""

    messages: Sequence[Any]
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"max_completion_tokens": ANSWER_TOKENS})

    def with_parameters(self, parameters: Mapping[str, Any]) -> "Prompt":
        """Return the same with further parameters."""
        return replace(self, parameters={**self.parameters, **parameters})


@dataclass(frozen=True)
class ServedModel:
    """A model's name, and the server that serves it."""

    server: RunningServer
    id: str


@dataclass(frozen=True)
class ChatTiming:
    """One chat: tokens of the answer, seconds to its first word, and seconds in total."""

    tokens: int
    first: float
    seconds: float


@dataclass(frozen=True)
class ChatRound:
    """Concurrent chats: tokens per second over all, and median seconds to the first word.

    cpu_per_token: processor seconds of the server, and of all processes that it started.
    """

    tokens_per_second: float
    first: float
    cpu_per_token: float


async def run_chats(model: ServedModel, prompts: Iterator[Prompt], *, streams: int, count: int) -> ChatRound:
    """Have `count` chats, `streams` of them at a time."""
    pending = iter(enumerate([next(prompts) for _ in range(count)]))
    timings: list[ChatTiming] = []

    async def stream() -> None:
        for number, prompt in pending:
            timings.append(await run_chat(model, prompt, seed=number))

    servers = processes.answering(model.server.process_id)
    started, cpu_started = time.perf_counter(), processes.cpu_seconds(servers)
    await asyncio.gather(*(stream() for _ in range(streams)))
    seconds = time.perf_counter() - started
    cpu = processes.cpu_seconds(servers) - cpu_started
    tokens = sum(timing.tokens for timing in timings)
    return ChatRound(tokens / seconds, median(timing.first for timing in timings), cpu / tokens)


async def run_chat(model: ServedModel, prompt: Prompt, *, seed: int) -> ChatTiming:
    """Have one chat and stream the answer."""
    started = time.perf_counter()
    first, count = None, 0
    async for chunk in await model.server.client.chat.completions.create(
        model=model.id,
        messages=list(prompt.messages),
        seed=seed,
        stream=True,
        stream_options={"include_usage": True},
        **prompt.parameters,
    ):
        if first is None and chunk.choices and chunk.choices[0].delta.content:
            first = time.perf_counter() - started
        if chunk.usage:
            count = chunk.usage.completion_tokens
    seconds = time.perf_counter() - started
    return ChatTiming(count, seconds if first is None else first, seconds)
