"""Chats with an engine under test."""

from typing import Any

from openai import AsyncOpenAI
from pydantic import BaseModel

from tests.support.tiny_engine import TINY

PROMPT_TOKENS = 57
"""Tokens of USER in the chat template: its system message, the question, the start of the answer."""


USER: Any = [{"role": "user", "content": "40, woman, flight ->"}]


async def ask(client: AsyncOpenAI, messages: Any = USER, **options: Any) -> Any:
    return await client.chat.completions.create(
        model=TINY, messages=messages, **({"max_tokens": 12} | options)
    )


def assert_declared(model: BaseModel) -> None:
    """Assert that no field, at any depth, is undeclared."""
    assert not model.model_extra, model
    for value in model.__dict__.values():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, BaseModel):
                assert_declared(part)
