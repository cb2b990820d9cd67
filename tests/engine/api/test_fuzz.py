"""Fuzz the API: every response is a success or an error object with a 4xx status."""

import copy
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY

# the same examples in every run: a random failure would appear in an unrelated change
fuzzed = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

CHAT: dict[str, Any] = {
    "model": TINY,
    "messages": [{"role": "user", "content": "hello"}],
    "max_tokens": 1,
    "stream": False,
    "temperature": 0.5,
    "top_p": 0.5,
    "seed": 1,
    "stop": ["x"],
    "n": 1,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repeat_penalty": 1.0,
    "min_p": 0.1,
    "reasoning_effort": "low",
    "logprobs": True,
    "top_logprobs": 1,
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [1]}}},
    "tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": "object"}}}],
    "tool_choice": "none",
}
JOB: dict[str, Any] = {
    "model": TINY,
    "training_file": "file-none",
    "validation_file": None,
    "method": {
        "type": "supervised",
        "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": "auto"}},
    },
    "suffix": "name",
    "seed": 1,
    "metadata": {"a": "b"},
}

COMPLETION: dict[str, Any] = {
    "model": TINY,
    "prompt": ["hello"],
    "max_tokens": 1,
    "n": 1,
    "best_of": 1,
    "stop": [" END"],
    "echo": False,
    "logprobs": None,
}
RESPONSE: dict[str, Any] = {
    "model": TINY,
    "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
    "instructions": "Be short.",
    "max_output_tokens": 1,
    "temperature": 0.5,
    "text": {"format": {"type": "text"}},
    "reasoning": {"effort": "low"},
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "metadata": {"a": "b"},
}
BATCH: dict[str, Any] = {
    "input_file_id": "file-none",
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
    "metadata": {"a": "b"},
}

odd: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        10**30,
        1.5,
        1e308,
        float("nan"),
        float("-inf"),
        "",
        "\0",
        "\ud800",
        "\U0001f9b8" * 9,
        "<__media__>",
        "x" * 5000,
        [],
        [[]],
        {},
        {"": None},
    ]
)
values = odd | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
JSON = {"Content-Type": "application/json"}
DEEP = b"[" * 100_000
BODIES = [b"", b"{", b"null", b"\xff\xfe{}", b'"\\ud800"', b"[]", b"1e999", DEEP, b'{"model": ' + DEEP]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path to every value within a body."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inside for key, part in inner for inside in paths(part, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn, valid: dict[str, Any]) -> bytes:
    """Return a valid body with one to three values changed, removed or added."""
    body = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from(paths(body)[1:] or [("x",)]))
        inside = body
        for step in path:
            inside = inside[step]
        match draw(st.sampled_from(["change", "drop", "add"])):
            case "drop":
                del inside[last]
            case "add" if isinstance(inside, dict):
                inside[draw(st.text(max_size=9))] = copy.deepcopy(draw(values))
            case _:
                inside[last] = copy.deepcopy(draw(values))
    return json.dumps(body).encode()


def bodies(valid: dict[str, Any]) -> st.SearchStrategy[bytes]:
    arbitrary = values.map(lambda value: json.dumps(value).encode())
    return mutated(valid) | arbitrary | st.sampled_from(BODIES) | st.binary(max_size=50)


@pytest.fixture
async def http(engine: EngineProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the root of the engine; it must be healthy after the test."""
    root = engine.url.removesuffix("v1")
    before = len(engine.log.read_text())
    async with aiohttp.ClientSession(root, timeout=aiohttp.ClientTimeout(20)) as session:
        yield session
        async with session.get("healthz") as answer:
            assert answer.status == 200
    assert "Traceback" not in engine.log.read_text()[before:]


async def assert_answered(request: Any) -> None:
    """Check that a response is a success or an error object."""
    async with request as answer:
        text = await answer.text()
        if answer.status == 200:
            return
        assert 400 <= answer.status < 500, (answer.status, text)
        body = json.loads(text)
        assert set(body) == {"error"}
        error = body["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str)
        assert error["message"]
        assert error["type"] == "invalid_request_error"
        assert error["param"] is None or isinstance(error["param"], str)


@fuzzed
@given(body=bodies(CHAT))
async def test_chat(http: aiohttp.ClientSession, body: bytes) -> None:
    await assert_answered(http.post("v1/chat/completions", data=body, headers=JSON))


@fuzzed
@given(body=bodies(JOB))
async def test_jobs(http: aiohttp.ClientSession, body: bytes) -> None:
    await assert_answered(http.post("v1/fine_tuning/jobs", data=body, headers=JSON))


@fuzzed
@given(body=bodies(COMPLETION))
async def test_completions(http: aiohttp.ClientSession, body: bytes) -> None:
    await assert_answered(http.post("v1/completions", data=body, headers=JSON))


@fuzzed
@given(body=bodies(RESPONSE))
async def test_responses(http: aiohttp.ClientSession, body: bytes) -> None:
    await assert_answered(http.post("v1/responses", data=body, headers=JSON))


@fuzzed
@given(body=bodies(BATCH))
async def test_batches(http: aiohttp.ClientSession, body: bytes) -> None:
    await assert_answered(http.post("v1/batches", data=body, headers=JSON))


PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
FILE = PART % (b"file", b'; filename="a.jsonl"', b"{}")
PURPOSE = PART % (b"purpose", b"", b"fine-tune")
parts = st.sampled_from(
    [
        FILE,
        PURPOSE,
        PART % (b"purpose", b"", b"batch"),
        PART % (b"purpose", b"", b"x" * 5000),
        PART % (b"surprise", b"", b""),
        PART % (b"\xff", b"", b""),
        PART % (b"file", b'; filename="\xff\xed\xa0\x80"', b"{}"),
        PART % (b"file", b"", b"no name"),
        PART % (b"file", b'; filename="../../etc/passwd"', b"{}"),
        PART % (b"file", b"; filename*=nowhere''%ff", b"{}"),
        PART % (b'file"\r\nContent-Transfer-Encoding: base64\r\nx: "', b"", b"a"),
        PART % (b'file"\r\nContent-Encoding: magic\r\nx: "', b"", b"a"),
        PART % (b'file"\r\nContent-Length: -5\r\nx: "', b"", b"a"),
        PART % (b'file"\r\nContent-Length: 5000\r\nx: "', b"", b"a"),
        PART % (b'file"\r\nContent-Type: multipart/mixed; boundary=c\r\nx: "', b"", b"--c\r\n\r\n--c--"),
        b"--b\r\n\r\n\r\n",
        b"--b\r\n",
        b"--b",
        b"\r\n",
        b"no part at all",
        b"--b\r\nno header\r\n\r\n\r\n",
        b"--b\r\n" + b"a: b\r\n" * 1000 + b"\r\n\r\n",
        b"--b\r\na: " + b"b" * 20_000 + b"\r\n\r\n\r\n",
    ]
)
kinds = st.sampled_from(
    [
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "multipart/form-data; boundary=" + "b" * 100,
        "multipart/mixed; boundary=b",
        "multipart/",
        "application/json",
        '"',
    ]
)


@fuzzed
@given(
    kind=st.just("multipart/form-data; boundary=b") | kinds,
    form=st.lists(parts, max_size=4),
    end=st.sampled_from([b"--b--\r\n", b"--b--", b""]),
)
@example(
    kind="multipart/form-data; boundary=b",
    form=[PURPOSE, PART % (b"file", b"; filename*=utf-8''%ED%A0%80", b"{}")],
    end=b"--b--",
)
@example(
    kind="multipart/form-data; boundary=b",
    form=[PURPOSE, PART % (b"file", b'; filename="\xff\xed\xa0\x80"', b"{}")],
    end=b"--b--",
)
async def test_uploads(http: aiohttp.ClientSession, kind: str, form: list[bytes], end: bytes) -> None:
    headers = {"Content-Type": kind}
    await assert_answered(http.post("v1/files", data=b"".join(form) + end, headers=headers))


texts = st.sampled_from(
    ["", "0", "-1", "9" * 400, "\u0663", "NaN", "%00", "..", "a/b", "\U0001f9b8"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@fuzzed
@given(
    method=st.sampled_from(["GET", "DELETE", "POST"]),
    template=st.sampled_from(
        [
            "v1/models/{}",
            "v1/files/{}",
            "v1/files/{}/content",
            "v1/batches/{}",
            "v1/batches/{}/cancel",
            "v1/fine_tuning/jobs/{}",
            "v1/fine_tuning/jobs/{}/cancel",
            "v1/fine_tuning/jobs/{}/events",
            "v1/{}",
        ]
    ),
    some_id=texts,
)
async def test_ids(http: aiohttp.ClientSession, method: str, template: str, some_id: str) -> None:
    path = template.format(quote(some_id, safe=""))
    await assert_answered(http.request(method, URL(path, encoded=True)))


@fuzzed
@given(
    path=st.sampled_from(["v1/models", "v1/files", "v1/batches", "v1/fine_tuning/jobs", "v1/responses"]),
    query=st.lists(
        st.tuples(st.sampled_from(["limit", "after", "order", "purpose"]) | texts, texts), max_size=3
    ),
)
@example(path="v1/files", query=[("limit", "9" * 5000)])
async def test_queries(http: aiohttp.ClientSession, path: str, query: list[tuple[str, str]]) -> None:
    await assert_answered(http.get(path, params=query))
