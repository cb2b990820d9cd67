"""openai 3.54: everything that the package can ask of the engine."""

import io
import json
import time

from harness import (
    FOLLOW_UP,
    KEY,
    MODEL,
    QUESTION,
    SCHEMA,
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
from pydantic import BaseModel, Field

client = OpenAI(base_url=URL, api_key=KEY, max_retries=0)


class Person(BaseModel):
    """The structured answer."""

    name: str = Field(max_length=12)
    age: int = Field(ge=1, le=99)


def chat() -> None:
    answer = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "developer", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
        max_completion_tokens=TOKENS,
    )
    check_text(answer.choices[0].message.content)


def stream() -> None:
    chunks = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": QUESTION}],
        max_completion_tokens=TOKENS,
        stream=True,
        stream_options={"include_usage": True},
    )
    seen = list(chunks)
    check_text("".join(chunk.choices[0].delta.content or "" for chunk in seen if chunk.choices))
    usage, reasons = seen[-1].usage, [choice.finish_reason for chunk in seen for choice in chunk.choices]
    # A sampled answer may end before its limit.
    check(holds=usage and 0 < usage.completion_tokens <= TOKENS, what=usage)
    check(holds=(usage.completion_tokens == TOKENS) or reasons[-1] == "stop", what=(usage, reasons))


def multi_turn() -> None:
    messages = [{"role": "user", "content": QUESTION}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=TOKENS)
    messages += [answer.choices[0].message, {"role": "user", "content": FOLLOW_UP}]
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=TOKENS)
    check_text(answer.choices[0].message.content)
    messages[1] = {
        **messages[1].to_dict(),
        "refusal": None,
        "annotations": [],
        "audio": None,
        "tool_calls": None,
    }
    answer = client.chat.completions.create(model=MODEL, messages=messages, max_completion_tokens=TOKENS)
    check_text(answer.choices[0].message.content)


def structured() -> None:
    messages = [{"role": "user", "content": "Who are you? Answer as JSON."}]
    answer = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Person)
    person = answer.choices[0].message.parsed
    check_person(person.name, person.age)
    schema = {"name": "person", "schema": SCHEMA, "strict": True}
    answer = client.chat.completions.create(
        model=MODEL, messages=messages, response_format={"type": "json_schema", "json_schema": schema}
    )
    check_person(**json.loads(answer.choices[0].message.content))


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
    chunks = client.completions.create(model=MODEL, prompt="40, woman ->", max_tokens=TOKENS, stream=True)
    check_text("".join(chunk.choices[0].text for chunk in chunks if chunk.choices))


def responses() -> None:
    answer = client.responses.create(
        model=MODEL, instructions="Be brief.", input=QUESTION, max_output_tokens=16
    )
    check_text(answer.output_text)
    events = list(client.responses.create(model=MODEL, input=QUESTION, max_output_tokens=16, stream=True))
    check_text("".join(event.delta for event in events if event.type == "response.output_text.delta"))
    check(holds=events[-1].type in {"response.completed", "response.incomplete"}, what=events[-1])
    following = [
        {"role": "user", "content": QUESTION},
        *answer.output,
        {"role": "user", "content": FOLLOW_UP},
    ]
    check_text(client.responses.create(model=MODEL, input=following, max_output_tokens=16).output_text)


def batches() -> None:
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_completion_tokens": TOKENS,
    }
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body}
    content = io.BytesIO(json.dumps(line).encode() + b"\n")
    file = client.files.create(file=("batch.jsonl", content), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    deadline = time.monotonic() + 30
    while batch.status not in {"completed", "failed", "expired", "cancelled"}:
        check(holds=time.monotonic() < deadline, what=batch)
        time.sleep(0.1)
        batch = client.batches.retrieve(batch.id)
    check(holds=batch.status == "completed" and batch.output_file_id, what=batch)
    answer = json.loads(client.files.content(batch.output_file_id).text)
    check_text(answer["response"]["body"]["choices"][0]["message"]["content"])


def tuning() -> None:
    file = client.files.create(file=training_file(), purpose="fine-tune")
    check(holds=file.id in [known.id for known in client.files.list()], what=file)
    check_text(client.files.content(file.id).text)
    job = client.fine_tuning.jobs.create(model=MODEL, training_file=file.id)
    check(holds=job.id in [known.id for known in client.fine_tuning.jobs.list(limit=3)], what=job)
    check(holds=client.fine_tuning.jobs.cancel(job.id).status == "cancelled", what=job)
    client.files.delete(file.id)


def models() -> None:
    check(holds=MODEL in [model.id for model in client.models.list()], what="models")


run(chat, stream, multi_turn, structured, tools, completions, responses, batches, tuning, models)
