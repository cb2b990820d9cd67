"""Chat load of concurrent clients: tokens per second, and time to the first token."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from openai import AsyncOpenAI

ANSWER_TOKENS = 120


@dataclass(frozen=True)
class ServedModel:
    """A model's name, and a client of the server that serves it."""

    client: AsyncOpenAI
    id: str


@dataclass(frozen=True)
class ChatTiming:
    """One chat: tokens of the answer, seconds to its first word, and seconds in total."""

    tokens: int
    first: float
    seconds: float


@dataclass(frozen=True)
class ChatRound:
    """Concurrent chats: tokens per second over all, median seconds to the first word, and all seconds."""

    tokens_per_second: float
    first: float
    seconds: float = 0.0


async def run_chats(model: ServedModel, questions: Iterator[str], *, streams: int, count: int) -> ChatRound:
    """Ask `count` questions, `streams` of them at a time."""
    prompts = [next(questions) for _ in range(count)]
    pending = iter(enumerate(prompts))
    timings: list[ChatTiming] = []

    async def stream() -> None:
        for number, question in pending:
            timings.append(await run_chat(model, question, seed=number))

    started = time.perf_counter()
    await asyncio.gather(*(stream() for _ in range(streams)))
    seconds = time.perf_counter() - started
    tokens = sum(timing.tokens for timing in timings)
    return ChatRound(tokens / seconds, median(timing.first for timing in timings), seconds)


async def run_chat(
    model: ServedModel, question: str, *, seed: int, tokens: int = ANSWER_TOKENS
) -> ChatTiming:
    """Ask one question and stream the answer."""
    started = time.perf_counter()
    first, count = None, 0
    async for chunk in await model.client.chat.completions.create(
        model=model.id,
        messages=[{"role": "user", "content": question}],
        max_completion_tokens=tokens,
        seed=seed,
        stream=True,
        stream_options={"include_usage": True},
    ):
        if first is None and chunk.choices and chunk.choices[0].delta.content:
            first = time.perf_counter() - started
        if chunk.usage:
            count = chunk.usage.completion_tokens
    seconds = time.perf_counter() - started
    return ChatTiming(count, seconds if first is None else first, seconds)
