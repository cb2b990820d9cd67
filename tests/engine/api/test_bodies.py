"""Bodies: JSON only as JSON, in time, decoded or refused, and too many messages refused at once."""

import asyncio
import gzip
import json
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.api.bodies import receive_json
from engine.api.error_middleware import error_middleware
from engine.api.upload import receive_file
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY

CHAT = {"model": TINY, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 1}
BODY = json.dumps(CHAT).encode()
ZIPPED = gzip.compress(BODY + b" " * 5000)


async def post(engine: EngineProcess, path: str, data: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(skip_auto_headers=["Content-Type"]) as http,
        http.post(engine.url + path, data=data, headers=sent) as answer,
    ):
        return answer.status, (await answer.json()).get("error", {})


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "application/octet-stream",
        "text/json",
        "application/jsonp",
        "application/xml; application/json",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/chat/completions", "/fine_tuning/jobs", "/fine_tuning/jobs/x/cancel"])
async def test_json_is_only_taken_as_json(engine: EngineProcess, path: str, kind: str) -> None:
    headers = {"Content_Type": kind} if kind else {}
    status, error = await post(engine, path, BODY, **headers)
    assert (status, error["code"]) == (415, "unsupported_content_type")
    assert "'application/json'" in error["message"]


async def test_a_file_is_only_taken_as_a_form(engine: EngineProcess) -> None:
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", "application/jsonl"):
        status, error = await post(engine, "/files", BODY, Content_Type=kind)
        assert (status, error["code"]) == (415, "unsupported_content_type")
        assert "'multipart/form-data'" in error["message"]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
async def test_json_with_parameters_is_taken(engine: EngineProcess, kind: str) -> None:
    assert (await post(engine, "/chat/completions", BODY, Content_Type=kind))[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (BODY + b"x", "invalid_json"),
        (BODY.decode().encode("utf-16"), "invalid_json"),
        (b"a=b", "invalid_json"),
        (b"[]", "invalid_value"),
        (b"null", "invalid_value"),
    ],
)
async def test_what_is_not_a_json_object(engine: EngineProcess, body: bytes, code: str) -> None:
    for path in ("/chat/completions", "/fine_tuning/jobs"):
        status, error = await post(engine, path, body, Content_Type="application/json")
        assert (status, error["code"]) == (400, code)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", BODY),
        ("gzip", ZIPPED[:14] + b"xxxxx" + ZIPPED[19:]),
        ("gzip", ZIPPED + b"more"),
        ("deflate", ZIPPED),
        ("deflate", BODY),
        ("zstd", ZIPPED),
        ("gzip, gzip", ZIPPED),
        ("magic", BODY),
    ],
)
@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_body_that_does_not_match_its_encoding(
    engine: EngineProcess, encoding: str, body: bytes, pieces: int
) -> None:
    """A sentence for the client and no traceback in the log, whether head and body arrive together or not."""
    before = len(engine.log.read_text())
    host, port = engine.url.removeprefix("http://").removesuffix("/v1").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    for sent in [head + body] if pieces == 1 else [head, body]:
        writer.write(sent)
        await writer.drain()
        await asyncio.sleep(0.05)
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"}}")
    writer.close()
    assert b" 400 Bad Request" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_body"
    assert "Traceback" not in engine.log.read_text()[before:]


async def test_a_compressed_body_is_taken(engine: EngineProcess) -> None:
    for encoding, body in (("gzip", ZIPPED), ("deflate", zlib.compress(BODY)), ("identity", BODY)):
        headers = {"Content_Type": "application/json", "Content_Encoding": encoding}
        assert (await post(engine, "/chat/completions", body, **headers))[0] == 200


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"role": "user", "content": "hello there"}] * 1025, "invalid_value"),
        ([{"role": "user", "content": "hello there"}] * 60_000, "invalid_value"),
        ([{"role": "user", "content": [{"type": "text", "text": "x"}]}] * 20_000, "invalid_value"),
        ([1] * 500_000, "invalid_value"),
        ([{"role": "user", "content": "a " * 1_900_000}], "context_length_exceeded"),
        ([{"role": "user", "content": "hello " * 600}] * 1024, "context_length_exceeded"),
    ],
    ids=["1025", "60,000", "parts", "numbers", "one long", "1024 long"],
)
async def test_more_than_fits_is_refused_at_once(
    engine: EngineProcess, messages: list[Any], code: str
) -> None:
    body = json.dumps({"model": TINY, "messages": messages}).encode()
    process, spent = psutil.Process(engine.process.pid), []
    for _ in range(5):
        before = process.cpu_times()
        status, error = await post(engine, "/chat/completions", body, Content_Type="application/json")
        assert (status, error["code"]) == (400, code)
        after = process.cpu_times()
        spent.append(after.user + after.system - before.user - before.system)
    # processor time, and the least of it: other processes share the machine
    assert min(spent) < 0.1, spent


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "hello there"}] * 60_000,
        [{"role": "user", "content": "hello there"}] * 1024,
        [{"role": "user", "content": "a " * 1_900_000}],
        [{"role": "user", "content": "a " * 100_000}],
        [{"role": "user", "content": "hello " * 600}] * 1024,
    ],
    ids=["60,000", "1024", "too long", "long", "1024 long"],
)
async def test_clients_that_leave_hold_no_slots(engine: EngineProcess, messages: list[Any]) -> None:
    """They leave while their prompt is read, checked, rendered or counted, whichever comes first."""
    body = json.dumps({"model": TINY, "messages": messages, "n": 8}).encode()

    async def leave_soon() -> None:
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(0.3):
                await post(engine, "/chat/completions", body, Content_Type="application/json")

    await asyncio.gather(*[leave_soon() for _ in range(5)])
    async with asyncio.timeout(15):
        status, _ = await post(engine, "/chat/completions", BODY, Content_Type="application/json")
    assert status == 200
    metrics = await engine.metrics()
    assert metrics["engine_chat_answers_running"] == metrics["engine_chat_answers_waiting"] == 0


@pytest.mark.parametrize("sent", ["", "{", '{"model": "tiny", "messages": [', "5\r\n{    \r\n"])
async def test_a_body_that_does_not_arrive_ends_in_time(sent: str) -> None:
    async def never(_: web.Request) -> web.Response:
        raise AssertionError("called with half a body")

    app = web.Application(middlewares=[error_middleware, receive_json(0.2)])
    app.router.add_post("/", never)
    framing = "Transfer-Encoding: chunked" if sent.endswith("\r\n") else "Content-Length: 100"
    status, body = await _send_half(app, f"Content-Type: application/json\r\n{framing}\r\n\r\n{sent}")
    assert (status, body["error"]["code"]) == (408, "request_timeout")


@pytest.mark.parametrize(
    "sent", ["", "--b\r\n", '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf']
)
async def test_an_upload_that_stalls_ends_in_time(sent: str, tmp_path: Path) -> None:
    async def receive(request: web.Request) -> web.Response:
        await receive_file(request, tmp_path / "content", stalled_seconds=0.2)
        raise AssertionError("received half an upload")

    app = web.Application(middlewares=[error_middleware])
    app.router.add_post("/", receive)
    kind = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n"
    status, body = await _send_half(app, kind + sent)
    assert (status, body["error"]["code"]) == (408, "request_timeout")


async def _send_half(app: web.Application, rest: str) -> tuple[int, dict[str, Any]]:
    """Send an incomplete request; return the status and the body of the response."""
    async with TestServer(app) as server, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(f"POST / HTTP/1.1\r\nHost: localhost\r\n{rest}".encode())
        answer = await reader.readuntil(b"}}")
        writer.close()
    return int(answer.split()[1]), json.loads(answer.partition(b"\r\n\r\n")[2])
