"""The peers of a build: an article's loop, the client that most people write, and all calls as tasks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import openai
from openai import AsyncOpenAI, OpenAI

from bench.common.installation import MODEL
from bench.common.stopwatch import Spent, spent

AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """What asking came to: the texts, how many calls were lost to an exception, and what it took."""

    texts: list[str]
    lost: int
    took: Spent


def article(url: str, questions: Sequence[str], csv: Path) -> Spent:
    """One call after the other, a frame grown row by row, and a file in the end."""
    import pandas as pd  # noqa: PLC0415  (memory that no other peer has use for)

    with spent() as took, OpenAI(base_url=url, api_key="none") as client:
        frame = pd.DataFrame()
        for question in questions:
            completion = client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": question}], max_completion_tokens=500
            )
            choice = completion.choices[0]
            row = {
                "prompt": question,
                "response_txt": choice.message.content,
                "finish_reason": choice.finish_reason,
            }
            frame = pd.concat([frame, pd.DataFrame([row])], ignore_index=True)
        frame.to_csv(csv, index=False)
    return took


async def semaphore(
    url: str, questions: Sequence[str], http_client: httpx2.AsyncClient | None = None
) -> Outcome:
    """All calls as tasks, 50 at once, with the SDK's own retries; results in a list, nothing on the disk.

    An exception loses its call alone. (A plain gather would lose all.)
    """
    gate = asyncio.Semaphore(AT_ONCE)
    with spent() as took:
        async with AsyncOpenAI(base_url=url, api_key="none", http_client=http_client) as client:

            async def ask(question: str) -> str:
                async with gate:
                    completion = await client.chat.completions.create(
                        model=MODEL,
                        messages=[{"role": "user", "content": question}],
                        max_completion_tokens=500,
                    )
                return completion.choices[0].message.content or ""

            done = await asyncio.gather(*(ask(each) for each in questions), return_exceptions=True)
    texts = [each for each in done if isinstance(each, str)]
    for each in done:
        if isinstance(each, BaseException) and not isinstance(each, openai.APIError):
            raise each
    return Outcome(texts, len(done) - len(texts), took)


async def bare_aiohttp(url: str, questions: Sequence[str]) -> Outcome:
    """The same over aiohttp."""
    return await semaphore(url, questions, openai.DefaultAioHttpClient())


async def all_tasks(questions: Sequence[str]) -> None:
    """Every call as a task that waits before a semaphore, as gather makes them; none is let through."""
    gate = asyncio.Semaphore(0)

    async def ask(question: str) -> str:
        async with gate:
            return question

    tasks = [asyncio.ensure_future(ask(each)) for each in questions]
    await asyncio.sleep(0)  # each runs as far as the semaphore
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
