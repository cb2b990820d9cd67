"""Structured answers of the packaged weights: right in form, and about what was asked."""

import json
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel, Field

from tests.support.engine_process import EngineProcess

MODEL = "smollm2-135m-instruct"


class Hero(BaseModel):
    """The fields in which a model can show that it read the prompt."""

    name: str = Field(max_length=40)
    age: int = Field(ge=16, le=95)
    gender: Literal["man", "woman"]
    friends: list[str] = Field(max_length=2)


PROMPT: Any = [
    {
        "role": "user",
        "content": "Write JSON about this hero: Mira, a 40-year-old woman with friends Bo and Al.",
    }
]


@pytest.mark.real
async def test_structured_answers_of_the_packaged_weights(tmp_path: Path) -> None:
    with EngineProcess(tmp_path, None) as engine:
        client = engine.client()
        options: Any = {"model": MODEL, "messages": PROMPT, "max_tokens": 120, "temperature": 0}
        parsed = await client.chat.completions.parse(response_format=Hero, **options)
        hero = parsed.choices[0].message.parsed
        assert hero is not None
        assert (hero.name.split()[0], hero.age, hero.gender) == ("Mira", 40, "woman")

        tools = [openai.pydantic_function_tool(Hero)]
        called = await client.chat.completions.parse(tools=tools, tool_choice="required", **options)
        [call] = called.choices[0].message.tool_calls or []
        assert isinstance(call.function.parsed_arguments, Hero)

        free = await client.chat.completions.create(response_format={"type": "json_object"}, **options)
        if free.choices[0].finish_reason == "stop":
            assert isinstance(json.loads(free.choices[0].message.content or ""), dict)
