"""openai 1.40, with the typed client and the first structured output."""

import json

from harness import (
    FOLLOW_UP,
    KEY,
    MODEL,
    QUESTION,
    TOKENS,
    TOOL,
    URL,
    check,
    check_person,
    check_text,
    run,
    training_file,
)
from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=URL, api_key=KEY, max_retries=0)


class Person(BaseModel):
    """The structured answer."""

    name: str
    age: int


def chat() -> None:
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], max_tokens=TOKENS
    )
    check_text(answer.choices[0].message.content)


def stream() -> None:
    chunks = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], max_tokens=TOKENS, stream=True
    )
    check_text("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


def multi_turn() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=TOKENS)
    messages += [answer.choices[0].message, {"role": "user", "content": FOLLOW_UP}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=TOKENS)
    check_text(answer.choices[0].message.content)


def structured() -> None:
    answer = client.beta.chat.completions.parse(
        model=MODEL, messages=[{"role": "user", "content": "Who are you?"}], response_format=Person
    )
    person = answer.choices[0].message.parsed
    check(holds=isinstance(person, Person), what=person)


def tools() -> None:
    messages = [{"role": "user", "content": "Save yourself."}]
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, tools=[TOOL], tool_choice="required"
    )
    [call] = answer.choices[0].message.tool_calls
    check_person(**json.loads(call.function.arguments))
    result = {"role": "tool", "tool_call_id": call.id, "content": "Saved."}
    messages += [answer.choices[0].message, result]
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=TOKENS)
    check_text(answer.choices[0].message.content)


def completions() -> None:
    answer = client.completions.create(model=MODEL, prompt="40, woman, flight ->", max_tokens=TOKENS)
    check_text(answer.choices[0].text)


def tuning() -> None:
    file = client.files.create(file=training_file(), purpose="fine-tune")
    check(holds=file.id in [known.id for known in client.files.list()], what=file)
    client.files.delete(file.id)
    check(holds=client.fine_tuning.jobs.list(limit=3).object == "list", what="jobs")


def models() -> None:
    check(holds=MODEL in [model.id for model in client.models.list()], what="models")


run(chat, stream, multi_turn, structured, tools, completions, tuning, models)
