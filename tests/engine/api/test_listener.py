"""Connections: half-open ones end, and however many there are, the engine keeps answering."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from engine.api.listener import Listener, bind
from tests.support.eventually import eventually

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HALF_BODY = HEAD + b"Content-Length: 100\r\n\r\n{"
HALVES = [
    b"",
    b"G",
    b"GET /v1/models HTTP/1.1\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: ",
    b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n",
    b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/mod",  # a whole request before the half
]
HEAD_SECONDS = 0.3


@asynccontextmanager
async def listening(limit: int) -> AsyncIterator[int]:
    """Serve a page that answers at once, and /wait, which never does. Yield the port."""

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/wait":
            await asyncio.Event().wait()
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/{any:.*}", answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    assert runner.server is not None
    sockets = bind("127.0.0.1", 0)
    try:
        with Listener(runner.server, sockets, limit, HEAD_SECONDS).accepting():
            yield sockets[0].getsockname()[1]
    finally:
        await runner.cleanup()


async def open_and_send(port: int, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


@pytest.mark.parametrize("sent", HALVES)
async def test_a_connection_without_a_whole_head_is_closed(sent: bytes) -> None:
    async with listening(limit=10) as port:
        reader, writer = await open_and_send(port, sent)
        async with asyncio.timeout(10):
            await reader.read()  # to its end
        writer.close()


async def test_a_head_that_drips_is_closed_too() -> None:
    async with listening(limit=10) as port:
        reader, writer = await open_and_send(port, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")

        async def drip() -> None:
            for _ in range(500):
                writer.write(b"x")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(10):
            with suppress(ConnectionError):
                await reader.read()
        dripping.cancel()
        writer.close()


async def test_a_slow_answer_is_not_cut_off() -> None:
    async with listening(limit=10) as port:
        reader, writer = await open_and_send(port, b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4 * HEAD_SECONDS):
                await reader.read()
        writer.close()


async def test_beyond_the_limit_the_longest_idle_connection_makes_room() -> None:
    async with listening(limit=3) as port:
        _, busy = await open_and_send(port, b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
        idle = [await open_and_send(port, b"") for _ in range(2)]
        await asyncio.sleep(HEAD_SECONDS / 3)
        reader, writer = await open_and_send(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(10):
            assert b"200 OK" in await reader.readline()
            assert await idle[0][0].read() == b""
        for each in (busy, writer, idle[0][1], idle[1][1]):
            each.close()


async def test_if_all_are_at_work_a_further_one_gets_a_503() -> None:
    async with listening(limit=2) as port:
        waiting = b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
        busy = [(await open_and_send(port, waiting))[1] for _ in range(2)]
        await asyncio.sleep(0.1)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            async with http.get("/") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
                assert (await answer.json())["error"]["code"] == "too_many_connections"
            busy[0].close()

            async def answers() -> bool:
                async with http.get("/") as answer:
                    return answer.status == 200

            await eventually(answers, what="an answer once a connection is closed")
        busy[1].close()


@pytest.fixture
def few_handles(tiny_base: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Run an engine that may open 64 files. Yield its URL and its log."""
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); "
    code += "from engine.__main__ import main; main(sys.argv[1:])"
    options = ["--data", str(tmp_path), "--base", str(tiny_base), "--port", "0"]
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", code, *options], stdout=subprocess.PIPE, stderr=errors
        ) as engine,
    ):
        assert engine.stdout is not None
        try:
            yield engine.stdout.readline().split()[-1].decode(), log
        finally:
            engine.kill()


@pytest.mark.parametrize("sent", [b"", b"GET /v1/mod", HALF_BODY])
async def test_more_connections_than_handles_neither_deafen_it_nor_fill_its_log(
    few_handles: tuple[str, Path], sent: bytes
) -> None:
    url, log = few_handles
    port = int(url.removesuffix("/v1").rsplit(":", 1)[1])

    async def status() -> int:
        async with asyncio.timeout(5), aiohttp.ClientSession() as http, http.get(f"{url}/models") as answer:
            return answer.status

    async def is_full() -> bool:
        opened.append((await open_and_send(port, sent))[1])
        return await status() == 503

    async def answers() -> bool:
        return await status() == 200

    opened = [(await open_and_send(port, sent))[1] for _ in range(150)]
    if sent == HALF_BODY:  # one whose half body it had not read yet may have made room for one that is gone
        await eventually(is_full, what="all connections hold half a body")
    for _ in range(5):
        assert await status() == (503 if sent == HALF_BODY else 200)
    for each in opened:
        each.close()
    await eventually(answers, what="it answers when the others are gone")
    assert log.read_text().count("ulimit -n") == 1
    assert "Traceback" not in log.read_text()
