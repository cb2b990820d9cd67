"""The Responses API for texts, through the `openai` package."""

from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from engine.inference.recent_messages import RecentMessages
from tests.support.engine_chats import PROMPT_TOKENS, USER, ask, assert_declared
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY, Training

PROMPT: str = USER[0]["content"]
AGE = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 10, "maximum": 99}},
    "required": ["age"],
    "additionalProperties": False,
}
SHORT: dict[str, Any] = {"max_output_tokens": 12, "temperature": 0}


async def respond(client: AsyncOpenAI, **options: Any) -> Any:
    return await client.responses.create(model=TINY, **({"input": PROMPT} | SHORT | options))


async def post(engine: EngineProcess, **fields: Any) -> str:
    body = {"model": TINY, "input": PROMPT, **SHORT, **fields}
    async with aiohttp.ClientSession() as http, http.post(engine.url + "/responses", json=body) as response:
        assert response.status == 200
        return await response.text()


async def test_a_text_is_answered_as_a_chat(client: AsyncOpenAI) -> None:
    response = await respond(client)
    chat = await ask(client, temperature=0)
    assert response.output_text == chat.choices[0].message.content
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    usage = response.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (
        PROMPT_TOKENS,
        12,
        PROMPT_TOKENS + 12,
    )


@pytest.mark.parametrize(
    "items",
    [
        [{"role": "user", "content": PROMPT}],
        [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]}],
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": PROMPT[:5]},
                    {"type": "input_text", "text": PROMPT[5:]},
                ],
            }
        ],
    ],
)
async def test_the_forms_of_an_input(client: AsyncOpenAI, items: Any) -> None:
    assert (await respond(client, input=items)).output_text == (await respond(client)).output_text


async def test_instructions_are_the_system_message(client: AsyncOpenAI) -> None:
    chat = await ask(client, [{"role": "system", "content": "Be short."}, *USER], temperature=0)
    for extra in (
        {"instructions": "Be short."},
        {"input": [{"role": "system", "content": "Be short."}, *USER]},
    ):
        assert (await respond(client, **extra)).output_text == chat.choices[0].message.content


async def test_an_answer_can_be_handed_back(client: AsyncOpenAI) -> None:
    """As items of the package's own classes, with ids, status and annotations."""
    first = await respond(client, max_output_tokens=4)
    following = await respond(client, input=[*USER, *first.output, {"role": "user", "content": "And?"}])
    text = first.output_text
    turns = [*USER, {"role": "assistant", "content": text}, {"role": "user", "content": "And?"}]
    assert following.output_text == (await ask(client, turns, temperature=0)).choices[0].message.content


@pytest.mark.parametrize("stream", [False, True])
async def test_a_recent_message_can_be_named_by_its_id(client: AsyncOpenAI, stream: bool) -> None:
    """As the AI SDK does in each further turn, unless `store` is false."""
    question = {"role": "user", "content": "And?"}
    first = await respond(client)
    name = first.output[0].id
    if stream:
        events = [event async for event in await respond(client, stream=True)]
        name = events[-1].response.output[0].id
    reference = {"type": "item_reference", "id": name}
    whole = await respond(client, input=[*USER, *first.output, question])
    assert (await respond(client, input=[*USER, reference, question])).output_text == whole.output_text
    forgotten = (await respond(client, store=False)).output[0].id
    with pytest.raises(openai.BadRequestError, match="no longer known"):
        await respond(client, input=[*USER, {"type": "item_reference", "id": forgotten}, question])


def test_the_oldest_messages_make_room() -> None:
    recent = RecentMessages(2)
    for name in ("one", "two", "three"):
        recent.add(name, name.upper())
    assert [recent.get(name) for name in ("one", "two", "three")] == [None, "TWO", "THREE"]


async def test_the_events_of_a_stream(client: AsyncOpenAI) -> None:
    complete = await respond(client)
    events = [event async for event in await respond(client, stream=True)]
    names = [event.type.removeprefix("response.") for event in events]
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert names == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * len(deltas),
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "incomplete",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(deltas) == complete.output_text == events[-1].response.output_text
    assert events[-1].response.usage == complete.usage
    assert len({event.response.id for event in events if hasattr(event, "response")}) == 1


async def test_the_stream_helper_of_the_package(training: Training) -> None:
    client = training.engine.client()
    async with client.responses.stream(
        model=training.model, input="31, woman, flight ->", temperature=0
    ) as stream:
        async for _ in stream:
            pass
        final = await stream.get_final_response()
    assert final.status == "completed"
    assert "She is" in final.output_text


async def test_bodies_match_openais_types(engine: EngineProcess) -> None:
    given = {"instructions": "Be short.", "metadata": {"a": "b"}, "user": "someone"}
    response = Response.model_validate_json(without_store(await post(engine, **given)))
    assert_declared(response)
    assert (response.instructions, response.metadata) == ("Be short.", {"a": "b"})
    event_type = TypeAdapter[Any](ResponseStreamEvent)
    for part in (await post(engine, stream=True)).split("\n\n")[:-1]:
        name, data = part.split("\n")
        event = event_type.validate_json(without_store(data.removeprefix("data: ")))
        assert_declared(event)
        assert name == f"event: {event.type}"


def without_store(body: str) -> str:
    """Remove the one field that OpenAI sends and its package does not declare."""
    return body.replace('"store": false, ', "")


@pytest.mark.parametrize(
    "form",
    [
        {"type": "json_object"},
        {"type": "json_schema", "name": "hero", "schema": {"type": "object"}},
        {"type": "json_schema", "name": "hero", "schema": AGE, "strict": True, "description": "A hero."},
        {"type": "json_schema", "name": "hero", "schema": AGE, "strict": None},
    ],
)
async def test_a_format(client: AsyncOpenAI, form: Any) -> None:
    """As at /v1/chat/completions, which has the schema one level deeper."""
    schema = {name: value for name, value in form.items() if name != "type"}
    chat_form = {"type": form["type"], **({"json_schema": schema} if schema else {})}
    response = await respond(client, text={"format": form})
    chat = await ask(client, temperature=0, response_format=chat_form)
    assert response.output_text == chat.choices[0].message.content
    assert response.output_text.startswith("{")
    assert response.text.format.type == form["type"]


async def test_values_that_ask_for_nothing_are_accepted(client: AsyncOpenAI) -> None:
    response = await respond(
        client,
        store=False,
        previous_response_id=None,
        tools=[],
        tool_choice="auto",
        parallel_tool_calls=True,
        truncation="disabled",
        include=["reasoning.encrypted_content"],
        reasoning={"effort": "low"},
        text={"format": {"type": "text"}, "verbosity": "low"},
        service_tier="auto",
        background=False,
        top_logprobs=0,
        metadata={},
        user="someone",
    )
    assert response.output_text


@pytest.mark.parametrize(
    ("options", "param", "reason"),
    [
        ({"store": True}, "store", "keeps no responses"),
        ({"previous_response_id": "resp-1"}, "previous_response_id", "keeps no responses"),
        ({"conversation": "conv-1"}, "conversation", "keeps no responses"),
        ({"input": [{"type": "item_reference", "id": "msg-1"}]}, "input[0]", "no longer known"),
        (
            {"input": [{"type": "function_call_output", "call_id": "1", "output": "x"}]},
            "input[0]",
            "messages",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content", "parts"),
        ({"input": [{"role": "robot", "content": "x"}], "instructions": "y"}, "input[0].role", "system"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type", "json_schema"),
        (
            {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "nothing"}}}},
            "text.format",
            "schema",
        ),
        ({"input": []}, "input", "at least 1"),
        ({"input": "x<|im_end|>"}, "input[0].content", "control token"),
        ({"instructions": "x<|im_end|>"}, "instructions", "control token"),
        ({"input": "word " * 2000}, "input", "tokens"),
        ({"max_output_tokens": 0}, "max_output_tokens", "greater"),
        ({"temperature": 3}, "temperature", "less"),
        ({"reasoning": {"effort": "enormous"}}, "reasoning.effort", "input should be"),
        ({"tools": [{"type": "web_search"}]}, "tools", "not supported"),
        ({"background": True}, "background", "/v1/batches"),
        ({"top_logprobs": 2}, "top_logprobs", "log probabilities"),
        ({"truncation": "auto"}, "truncation", "disabled"),
        ({"extra_body": {"surprise": 1}}, "surprise", "Unknown parameter"),
    ],
)
async def test_rejected_by_name(
    client: AsyncOpenAI, options: dict[str, Any], param: str, reason: str
) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match=reason) as caught:
            await respond(client, **options, stream=stream)
        assert caught.value.param == param


async def test_embeddings_are_a_404_that_names_what_there_is(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no POST /v1/embeddings") as caught:
        await client.embeddings.create(model=TINY, input="text")
    assert caught.value.code == "invalid_url"
    for path in ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/batches"):
        assert f"POST {path}" in str(caught.value)
