"""litellm, as for any OpenAI-compatible server."""

import json

import litellm
from harness import FOLLOW_UP, KEY, MODEL, QUESTION, SCHEMA, TOKENS, TOOL, URL, check_person, check_text, run

SERVER = {"model": f"openai/{MODEL}", "api_base": URL, "api_key": KEY}


def chat() -> None:
    answer = litellm.completion(**SERVER, messages=[{"role": "user", "content": QUESTION}], max_tokens=TOKENS)
    check_text(answer.choices[0].message.content)


def stream() -> None:
    chunks = litellm.completion(
        **SERVER, messages=[{"role": "user", "content": QUESTION}], max_tokens=TOKENS, stream=True
    )
    check_text("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


def multi_turn() -> None:
    messages = [{"role": "user", "content": QUESTION}]
    answer = litellm.completion(**SERVER, messages=messages, max_tokens=TOKENS)
    messages += [answer.choices[0].message, {"role": "user", "content": FOLLOW_UP}]
    answer = litellm.completion(**SERVER, messages=messages, max_tokens=TOKENS)
    check_text(answer.choices[0].message.content)


def structured() -> None:
    answer = litellm.completion(
        **SERVER,
        messages=[{"role": "user", "content": "Who are you? Answer as JSON."}],
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}},
    )
    check_person(**json.loads(answer.choices[0].message.content))


def tools() -> None:
    answer = litellm.completion(
        **SERVER,
        messages=[{"role": "user", "content": "Save yourself."}],
        tools=[TOOL],
        tool_choice="required",
    )
    [call] = answer.choices[0].message.tool_calls
    check_person(**json.loads(call.function.arguments))


run(chat, stream, multi_turn, structured, tools)
