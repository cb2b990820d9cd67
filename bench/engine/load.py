"""Chat as many clients at once bring it: how many tokens a second come, and when the first one does."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from openai import AsyncOpenAI

ANSWER_TOKENS = 120


@dataclass(frozen=True)
class Model:
    """A model on a server, as clients reach it."""

    client: AsyncOpenAI
    id: str


@dataclass(frozen=True)
class Answer:
    """What one chat took: tokens of the answer, and seconds to its first word and in all."""

    tokens: int
    first: float
    seconds: float


@dataclass(frozen=True)
class Round:
    """What some chats at once came to: tokens/s over all of them, and the median seconds to a first word."""

    tokens_per_second: float
    first: float


async def chats(model: Model, questions: Iterator[str], *, streams: int, count: int) -> Round:
    """Ask `count` questions, `streams` at a time."""
    asked = [next(questions) for _ in range(count)]
    waiting = iter(enumerate(asked))
    answers: list[Answer] = []

    async def stream() -> None:
        for number, question in waiting:
            answers.append(await chat(model, question, seed=number))

    started = time.perf_counter()
    await asyncio.gather(*(stream() for _ in range(streams)))
    seconds = time.perf_counter() - started
    return Round(
        sum(answer.tokens for answer in answers) / seconds, median(answer.first for answer in answers)
    )


async def chat(model: Model, question: str, *, seed: int, tokens: int = ANSWER_TOKENS) -> Answer:
    """Ask one question, as a stream."""
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
    return Answer(count, seconds if first is None else first, seconds)
