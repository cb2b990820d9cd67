"""The Batch API through the `openai` package: answers, errors, validation, cancellation, crashes."""

import asyncio
import json
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from engine.limits import SLOTS
from tests.support.engine_batches import CHAT, line, results, start, until_answered, until_final, upload
from tests.support.engine_chats import ask, assert_declared
from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.tiny_engine import TINY


async def test_answers_and_errors_have_a_file_each(client: AsyncOpenAI) -> None:
    lines = [line(f"hero-{number}") for number in range(12)]
    lines.insert(3, line("hot", temperature=9))
    lines.insert(5, line("streamed", stream=True))
    started = await start(client, lines)
    assert (started.object, started.status, started.endpoint) == ("batch", "validating", CHAT)

    batch = await until_final(client, started)

    assert_declared(batch)
    assert (batch.status, batch.model, batch.errors) == ("completed", TINY, None)
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 14, "completed": 12, "failed": 2}
    times = [batch.created_at, batch.in_progress_at, batch.finalizing_at, batch.completed_at]
    assert times == sorted(each for each in times if each)
    assert batch.expires_at == batch.created_at + 24 * 3600
    answers = {each["custom_id"]: each for each in await results(client, batch.output_file_id)}
    assert set(answers) == {f"hero-{number}" for number in range(12)}
    for custom_id in ("hero-0", "hero-7"):
        assert set(answers[custom_id]) == {"id", "custom_id", "response", "error"}
        response = answers[custom_id]["response"]
        assert (response["status_code"], answers[custom_id]["error"]) == (200, None)
        assert_declared(ChatCompletion.model_validate(response["body"], strict=True))
        chat = await ask(client, [{"role": "user", "content": custom_id}], temperature=0, max_tokens=4)
        assert response["body"]["choices"][0]["message"]["content"] == chat.choices[0].message.content
    errors = {each["custom_id"]: each["response"] for each in await results(client, batch.error_file_id)}
    found = {name: (each["status_code"], each["body"]["error"]["param"]) for name, each in errors.items()}
    assert found == {"hot": (400, "temperature"), "streamed": (400, "stream")}


@pytest.mark.parametrize(
    ("endpoint", "body", "text"),
    [
        ("/v1/completions", {"prompt": "one"}, lambda body: body["choices"][0]["text"]),
        (
            "/v1/responses",
            {"input": "one", "max_tokens": 4},
            lambda body: body["output"][0]["content"][0]["text"],
        ),
    ],
)
async def test_other_endpoints(client: AsyncOpenAI, endpoint: str, body: dict[str, Any], text: Any) -> None:
    request = line("one", url=endpoint, **body)
    if endpoint == "/v1/responses":
        request["body"]["max_output_tokens"] = request["body"].pop("max_tokens")
    batch = await until_final(client, await start(client, [request], endpoint=endpoint))
    (result,) = await results(client, batch.output_file_id)
    chat = await ask(client, [{"role": "user", "content": "one"}], temperature=0, max_tokens=4)
    assert text(result["response"]["body"]) == chat.choices[0].message.content


async def test_files_of_results_can_be_listed_downloaded_and_deleted(client: AsyncOpenAI) -> None:
    batch = await until_final(client, await start(client, [line("one"), line("two", n=0)]))
    assert batch.output_file_id
    assert batch.error_file_id
    listed = [file.id async for file in await client.files.list(purpose="batch_output")]
    assert {batch.output_file_id, batch.error_file_id} <= set(listed)
    file = await client.files.retrieve(batch.output_file_id)
    assert (file.purpose, file.filename) == ("batch_output", f"{batch.id}_output.jsonl")
    for name in (batch.output_file_id, batch.error_file_id, batch.input_file_id):
        assert (await client.files.delete(name)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.files.content(batch.output_file_id)


async def test_newest_first_with_metadata(client: AsyncOpenAI) -> None:
    file = await upload(client, [line("one")])
    created = [
        await client.batches.create(
            input_file_id=file, endpoint=CHAT, completion_window="24h", metadata={"label": str(number)}
        )
        for number in range(3)
    ]
    page = await client.batches.list(limit=2)
    assert [(batch.id, batch.metadata) for batch in page.data] == [
        (created[2].id, {"label": "2"}),
        (created[1].id, {"label": "1"}),
    ]
    following = await page.get_next_page()
    assert following.data[0].id == created[0].id
    for batch in created:
        assert (await until_final(client, batch)).status == "completed"


@pytest.mark.parametrize(
    ("lines", "code", "number", "param"),
    [
        ([line("a"), "no object"], "invalid_value", 2, None),
        ([line("a"), line("b"), line("a")], "duplicate_custom_id", 3, "custom_id"),
        ([line("a") | {"method": "GET"}], "invalid_value", 1, "method"),
        ([line("a", url="/v1/completions", prompt="x")], "mismatched_url", 1, "url"),
        ([{"custom_id": "a", "method": "POST", "url": CHAT}], "missing_required_parameter", 1, "body"),
        ([line("a") | {"custom_id": 7}], "invalid_value", 1, "custom_id"),
        ([line("")], "invalid_value", 1, "custom_id"),
        ([line("a") | {"surprise": 1}], "unknown_parameter", 1, "surprise"),
        ([line("a"), line("b", model="other")], "mismatched_model", 2, "body.model"),
        ([line("a", model="nobody")], "model_not_found", None, "model"),
        ([line("a", padding="x" * (1 << 22))], "line_too_long", 1, None),
        ([], "empty_file", None, None),
    ],
)
async def test_an_invalid_file_fails_with_its_line(
    client: AsyncOpenAI, lines: list[Any], code: str, number: int | None, param: str | None
) -> None:
    batch = await until_final(client, await start(client, lines))
    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    (error,) = batch.errors.data
    assert (error.code, error.line, error.param) == (code, number, param)
    assert error.message
    assert (batch.output_file_id, batch.error_file_id) == (None, None)


async def test_lines_that_are_not_json_a_bom_and_blank_lines(client: AsyncOpenAI) -> None:
    good = json.dumps(line("one")).encode()
    file = await client.files.create(
        file=("batch.jsonl", b"\xef\xbb\xbf" + good + b"\r\n\r\n"), purpose="batch"
    )
    batch = await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    assert (await until_final(client, batch)).status == "completed"
    file = await client.files.create(file=("batch.jsonl", good + b"\n{'a': 1}\nx"), purpose="batch")
    batch = await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    batch = await until_final(client, batch)
    assert batch.errors is not None
    errors = [(error.code, error.line) for error in batch.errors.data or []]
    assert errors == [("invalid_json_line", 2), ("invalid_json_line", 3)]


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"input_file_id": "file-nobody"}, "input_file_id"),
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"metadata": {"a": "x" * 600}}, "metadata.a"),
        ({"extra_body": {"surprise": 1}}, "surprise"),
    ],
)
async def test_rejected_by_name(client: AsyncOpenAI, changed: dict[str, Any], param: str) -> None:
    options: dict[str, Any] = {"endpoint": CHAT, "completion_window": "24h"} | changed
    options.setdefault("input_file_id", await upload(client, [line("one")]))
    with pytest.raises(openai.BadRequestError) as caught:
        await client.batches.create(**options)
    assert caught.value.param == param


async def test_a_training_file_is_no_batch(client: AsyncOpenAI) -> None:
    file = await client.files.create(file=jsonl([example(20)]), purpose="fine-tune")
    with pytest.raises(openai.BadRequestError, match="purpose 'batch'"):
        await client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")


async def test_an_unknown_batch(client: AsyncOpenAI) -> None:
    for unknown in (client.batches.retrieve("batch-1"), client.batches.cancel("batch-1")):
        with pytest.raises(openai.NotFoundError):
            await unknown


async def test_a_cancelled_batch_keeps_what_it_has(engine: EngineProcess, client: AsyncOpenAI) -> None:
    lines = [line(f"hero-{number}", max_tokens=300, seed=number) for number in range(200)]
    batch = await start(client, lines)
    await until_answered(client, batch, 2)
    assert (await client.batches.cancel(batch.id)).status == "cancelling"
    batch = await until_final(client, batch)
    assert batch.status == "cancelled"
    answers = await results(client, batch.output_file_id)
    assert batch.request_counts is not None
    assert 2 <= len(answers) == batch.request_counts.completed < 200
    assert (await engine.metrics())["engine_chat_answers_running"] == 0
    with pytest.raises(openai.BadRequestError, match="status 'cancelled'"):
        await client.batches.cancel(batch.id)


async def test_a_batch_is_cancelled_while_it_waits_for_another(client: AsyncOpenAI) -> None:
    first = await start(client, [line(f"{number}", max_tokens=100) for number in range(500)])
    await until_answered(client, first, 1)
    second = await start(client, [line("one")])
    await client.batches.cancel(second.id)
    second = await until_final(client, second)
    assert (second.status, second.output_file_id) == ("cancelled", None)
    assert (await client.batches.retrieve(first.id)).status == "in_progress"
    await client.batches.cancel(first.id)
    assert (await until_final(client, first)).status == "cancelled"


async def test_people_find_a_free_slot(engine: EngineProcess, client: AsyncOpenAI) -> None:
    """Many long answers in a batch: others never wait for a slot, and choices count each."""
    lines = [line(f"{number}", max_tokens=300, n=2 if number % 3 else 1) for number in range(60)]
    batch = await start(client, lines)
    await until_answered(client, batch, 1)
    for _ in range(20):
        metrics = await engine.metrics()
        assert metrics["engine_chat_answers_running"] < SLOTS
        assert metrics["engine_chat_answers_waiting"] == 0
        await asyncio.sleep(0.02)
    assert metrics["engine_batches{status=in_progress}"] == 1
    assert (await ask(client, max_tokens=2, temperature=0)).usage.completion_tokens == 2
    assert (await client.batches.retrieve(batch.id)).status == "in_progress"
    await client.batches.cancel(batch.id)
    await until_final(client, batch)


async def test_a_request_with_as_many_choices_as_slots_is_answered(client: AsyncOpenAI) -> None:
    batch = await until_final(client, await start(client, [line("one", n=8), line("two", n=8)]))
    assert [
        len(each["response"]["body"]["choices"]) for each in await results(client, batch.output_file_id)
    ] == [
        8,
        8,
    ]


async def test_null_fields_ask_for_nothing(client: AsyncOpenAI) -> None:
    """As clients send them that know more fields."""
    nothing: dict[str, Any] = {"output_expires_after": None, "metadata": None}
    file = await upload(client, [line("one") | {"priority": None}])
    batch = await client.batches.create(
        input_file_id=file, endpoint=CHAT, completion_window="24h", extra_body=nothing
    )
    assert (await until_final(client, batch)).status == "completed"
    with pytest.raises(openai.BadRequestError, match="output_expires_after"):
        await client.batches.create(
            input_file_id=file,
            endpoint=CHAT,
            completion_window="24h",
            extra_body={"output_expires_after": {"anchor": "created_at", "seconds": 3600}},
        )
