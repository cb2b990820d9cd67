"""pydantic-ai: an agent on an OpenAI-compatible server."""

import asyncio

from harness import FOLLOW_UP, KEY, MODEL, QUESTION, TOKENS, URL, check_person, check_text, run
from pydantic import BaseModel, Field
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=URL, api_key=KEY))
agent = Agent(model, instructions="Be brief.", model_settings={"max_tokens": TOKENS})


class Person(BaseModel):
    """Somebody with a name and an age."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def chat() -> None:
    check_text(agent.run_sync(QUESTION).output)


def stream() -> None:
    async def ask() -> str:
        async with agent.run_stream(QUESTION) as answer:
            return "".join([text async for text in answer.stream_text(delta=True)])

    check_text(asyncio.run(ask()))


def multi_turn() -> None:
    first = agent.run_sync(QUESTION)
    check_text(agent.run_sync(FOLLOW_UP, message_history=first.new_messages()).output)


def structured() -> None:
    person = Agent(model, output_type=NativeOutput(Person)).run_sync("Who are you?").output
    check_person(person.name, person.age)


def tools() -> None:
    person = Agent(model, output_type=Person).run_sync("Who are you?").output
    check_person(person.name, person.age)


run(chat, stream, multi_turn, structured, tools)
