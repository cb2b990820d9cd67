"""Chats with an engine under test."""

from typing import Any

from openai import AsyncOpenAI

from tests.support.tiny_engine import TINY

PROMPT_TOKENS = 57
"""Tokens of USER in the chat template: its system message, the question, the start of the answer."""


USER: Any = [{"role": "user", "content": "40, woman, flight ->"}]


async def ask(client: AsyncOpenAI, messages: Any = USER, **options: Any) -> Any:
    return await client.chat.completions.create(
        model=TINY, messages=messages, **({"max_tokens": 12} | options)
    )
