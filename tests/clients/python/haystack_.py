"""haystack: OpenAIChatGenerator."""

import json

from harness import FOLLOW_UP, KEY, MODEL, QUESTION, SCHEMA, TOKENS, URL, check_person, check_text, run
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret


def _generator(tokens: int = TOKENS, **options: object) -> OpenAIChatGenerator:
    return OpenAIChatGenerator(
        model=MODEL,
        api_base_url=URL,
        api_key=Secret.from_token(KEY),
        generation_kwargs={"max_completion_tokens": tokens, **options},
    )


def chat() -> None:
    check_text(_generator().run([ChatMessage.from_user(QUESTION)])["replies"][0].text)


def stream() -> None:
    parts: list[str] = []
    _generator().run(
        [ChatMessage.from_user(QUESTION)], streaming_callback=lambda chunk: parts.append(chunk.content)
    )
    check_text("".join(parts))


def multi_turn() -> None:
    messages = [ChatMessage.from_system("Be brief."), ChatMessage.from_user(QUESTION)]
    reply = _generator().run(messages)["replies"][0]
    reply = _generator().run([*messages, reply, ChatMessage.from_user(FOLLOW_UP)])["replies"][0]
    check_text(reply.text)


def structured() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA, "strict": True}}
    generator = _generator(60, response_format=schema)
    check_person(**json.loads(generator.run([ChatMessage.from_user("Who are you?")])["replies"][0].text))


run(chat, stream, multi_turn, structured)
