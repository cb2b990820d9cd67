"""The baselines of a build: an article's loop, a semaphore over the SDK, and all calls as tasks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2
import openai
from openai import AsyncOpenAI, OpenAI

from bench.common.stopwatch import Elapsed, stopwatch
from bench.dataset.installation import MODEL

CONCURRENCY = 50


@dataclass(frozen=True, slots=True)
class ClientResult:
    """The texts, the number of calls lost to an exception, and the time."""

    texts: list[str]
    lost: int
    elapsed: Elapsed


def article_loop(url: str, questions: Sequence[str], csv: Path) -> Elapsed:
    """Call one after the other, append each answer to a data frame, and write a CSV file in the end."""
    import pandas as pd  # noqa: PLC0415  (memory that no other baseline needs)

    with stopwatch() as elapsed, OpenAI(base_url=url, api_key="none") as client:
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
    return elapsed


async def semaphore_client(
    url: str, questions: Sequence[str], http_client: httpx2.AsyncClient | None = None
) -> ClientResult:
    """Make all calls as tasks, 50 at a time, with the SDK's own retries and the results in a list.

    An exception loses its call alone; a plain gather would lose all.
    """
    slots = asyncio.Semaphore(CONCURRENCY)
    with stopwatch() as elapsed:
        async with AsyncOpenAI(base_url=url, api_key="none", http_client=http_client) as client:

            async def ask(question: str) -> str:
                async with slots:
                    completion = await client.chat.completions.create(
                        model=MODEL,
                        messages=[{"role": "user", "content": question}],
                        max_completion_tokens=500,
                    )
                return completion.choices[0].message.content or ""

            results = await asyncio.gather(*map(ask, questions), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, openai.APIError):
            raise result
    texts = [result for result in results if isinstance(result, str)]
    return ClientResult(texts, len(results) - len(texts), elapsed)


async def semaphore_client_aiohttp(url: str, questions: Sequence[str]) -> ClientResult:
    """Do the same over aiohttp."""
    return await semaphore_client(url, questions, openai.DefaultAioHttpClient())


async def wait_as_tasks(questions: Sequence[str]) -> None:
    """Make every call a task that waits for a semaphore, as gather does, and then cancel them all."""
    slots = asyncio.Semaphore(0)

    async def ask(question: str) -> str:
        async with slots:
            return question

    tasks = [asyncio.ensure_future(ask(question)) for question in questions]
    await asyncio.sleep(0)  # each task runs up to the semaphore
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
