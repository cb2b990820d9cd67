"""Request ids: taken from the client or made, answered back, logged, and kept by jobs and batches."""

import json
from pathlib import Path

import aiohttp
import pytest
from openai import AsyncOpenAI

from engine.logs import configure_logs, request_id_of
from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY

CHAT = {"model": TINY, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 2}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("3f9a2c1e", True),
        ("req_Ab-1.x", True),
        (None, False),
        ("", False),
        ("two words", False),
        ("x" * 65, False),
    ],
)
def test_an_id_that_could_break_a_line_is_replaced(given: str | None, kept: bool) -> None:
    assert (request_id_of(given) == given) is kept
    assert request_id_of(given)


async def test_every_response_has_an_id(engine: EngineProcess) -> None:
    root = engine.url.removesuffix("/v1")
    async with aiohttp.ClientSession() as http:
        for method, path, body in (
            ("GET", "/healthz", None),
            ("GET", "/nowhere", None),
            ("POST", "/v1/chat/completions", CHAT),
            ("POST", "/v1/chat/completions", CHAT | {"stream": True}),
            ("POST", "/v1/chat/completions", {"model": "unknown"}),
        ):
            async with http.request(method, root + path, json=body) as response:
                assert response.headers["X-Request-ID"].startswith("req-")
            async with http.request(
                method, root + path, json=body, headers={"X-Request-ID": "mine"}
            ) as response:
                assert response.headers["X-Request-ID"] == "mine"


async def test_jobs_and_batches_are_logged_under_the_request_that_created_them(
    engine: EngineProcess, client: AsyncOpenAI
) -> None:
    file = await client.files.create(file=jsonl([example(20)]), purpose="fine-tune")
    job = await client.fine_tuning.jobs.create(
        model=TINY, training_file=file.id, extra_headers={"X-Request-ID": "job-of-1"}
    )
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": CHAT}
    batch_file = await client.files.create(file=jsonl([line]), purpose="batch")
    batch = await client.batches.create(
        input_file_id=batch_file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        extra_headers={"X-Request-ID": "batch-of-1"},
    )
    for kept, file_name, request_id in (
        (job, f"jobs/{job.id}/job.json", "job-of-1"),
        (batch, f"batches/{batch.id}/batch.json", "batch-of-1"),
    ):
        assert "request_id" not in kept.to_dict()  # OpenAI's object has no such field
        assert json.loads((engine.data / file_name).read_text())["request_id"] == request_id

    async def logged() -> bool:
        lines = engine.log.read_text().splitlines()
        return any(f"job {job.id}: Validating" in each and each.endswith("[job-of-1]") for each in lines)

    await eventually(logged, what="the job's first step is logged under its request")


def test_an_unknown_format_or_level_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="LOG_FORMAT is 'xml': write human or json"):
        configure_logs("xml", "INFO")
    with pytest.raises(ValueError, match="LOG_LEVEL is 'loud': write DEBUG or INFO or"):
        configure_logs("json", "loud")


async def test_json_lines(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    with EngineProcess(tmp_path / "data", tiny_base) as engine:
        async with aiohttp.ClientSession() as http:
            await http.get(engine.url.removesuffix("/v1") + "/healthz", headers={"X-Request-ID": "look"})
    lines = [json.loads(line) for line in engine.log.read_text().splitlines()]
    (found,) = (line for line in lines if line.get("reference") == "look")
    assert found["message"].startswith("GET /healthz: 200 after")
    assert (found["process"], found["level"]) == ("engine", "DEBUG")
