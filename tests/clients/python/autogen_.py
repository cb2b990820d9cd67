"""autogen: its OpenAI client, and an assistant agent."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import AssistantMessage, SystemMessage, UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from harness import FOLLOW_UP, KEY, MODEL, QUESTION, SCHEMA, TOKENS, URL, check_person, check_text, run
from pydantic import BaseModel, Field


class Person(BaseModel):
    """Somebody with a name and an age."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def client(**options: Any) -> OpenAIChatCompletionClient:
    info = {
        "vision": False,
        "function_calling": True,
        "json_output": True,
        "structured_output": True,
        "family": "unknown",
    }
    return OpenAIChatCompletionClient(model=MODEL, base_url=URL, api_key=KEY, model_info=info, **options)


def _run(task: Coroutine[Any, Any, None]) -> None:
    asyncio.run(task)


def chat() -> None:
    async def ask() -> None:
        agent = AssistantAgent("assistant", model_client=client(max_tokens=TOKENS))
        result = await agent.run(task=QUESTION)
        check_text(result.messages[-1].content)

    _run(ask())


def stream() -> None:
    async def ask() -> None:
        answer = client(max_tokens=TOKENS).create_stream([UserMessage(content=QUESTION, source="user")])
        check_text("".join([part async for part in answer if isinstance(part, str)]))

    _run(ask())


def multi_turn() -> None:
    async def ask() -> None:
        model = client(max_tokens=TOKENS)
        messages = [SystemMessage(content="Be brief."), UserMessage(content=QUESTION, source="user")]
        answer = await model.create(messages)
        messages += [
            AssistantMessage(content=answer.content, source="assistant"),
            UserMessage(content=FOLLOW_UP, source="user"),
        ]
        check_text((await model.create(messages)).content)

    _run(ask())


def structured() -> None:
    async def ask() -> None:
        answer = await client(response_format=Person).create(
            [UserMessage(content="Who are you?", source="u")]
        )
        person = Person.model_validate_json(answer.content)
        check_person(person.name, person.age)

    _run(ask())


def tools() -> None:
    async def ask() -> None:
        schema = {"name": "save_person", "description": "Save somebody.", "parameters": SCHEMA}
        answer = await client().create(
            [UserMessage(content="Save yourself.", source="user")], tools=[schema], tool_choice="required"
        )
        [call] = answer.content
        check_person(**json.loads(call.arguments))

    _run(ask())


run(chat, stream, multi_turn, structured, tools)
