"""Batches of an engine under test."""

import json
from collections.abc import Iterable
from typing import Any, Final

from openai import AsyncOpenAI
from openai.types import Batch

from tests.support.engine_process import jsonl
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY

CHAT: Final = "/v1/chat/completions"
FINAL = frozenset({"completed", "failed", "expired", "cancelled"})


def line(custom_id: str, *, url: str = CHAT, **fields: Any) -> dict[str, Any]:
    """Return one request; `fields` replace those of its body."""
    body: dict[str, Any] = {"model": TINY, "max_tokens": 4, "temperature": 0}
    if url == CHAT:
        body["messages"] = [{"role": "user", "content": custom_id}]
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body | fields}


async def upload(client: AsyncOpenAI, lines: Iterable[Any]) -> str:
    return (await client.files.create(file=jsonl(lines), purpose="batch")).id


async def start(client: AsyncOpenAI, lines: Iterable[Any], *, endpoint: Any = CHAT) -> Batch:
    file = await upload(client, lines)
    return await client.batches.create(input_file_id=file, endpoint=endpoint, completion_window="24h")


async def until_answered(client: AsyncOpenAI, batch: Batch, number: int) -> None:
    """Wait until so many requests have a result."""

    async def answered() -> bool:
        counts = (await client.batches.retrieve(batch.id)).request_counts
        return counts is not None and counts.completed + counts.failed >= number

    await eventually(answered, what=f"{number} requests of {batch.id} are answered", timeout=60)


async def until_final(client: AsyncOpenAI, batch: Batch) -> Batch:
    """Wait until a batch has ended, and return it."""

    async def ended() -> bool:
        nonlocal batch
        batch = await client.batches.retrieve(batch.id)
        return batch.status in FINAL

    await eventually(ended, what=f"{batch.id} ends", timeout=120)
    return batch


async def results(client: AsyncOpenAI, file: str | None) -> list[dict[str, Any]]:
    """Return the lines of an output or error file; none if there is no file."""
    if file is None:
        return []
    text = (await client.files.content(file)).text
    assert text.endswith("\n")
    return [json.loads(each) for each in text.splitlines()]
