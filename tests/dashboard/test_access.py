"""Who may open the dashboard and act on it: the token, hosts, origins, and what pages do not hold."""

import asyncio

import aiohttp
import pytest
from pydantic import SecretStr

from bot.app import App
from bot.dashboard.server import open_dashboard
from bot.errors import OperatorError
from bot.local_page.server import Page
from bot.settings import Settings
from tests.dashboard.conftest import visitor_session

SECTIONS = ("datasets", "models", "people", "spending", "health")
PATHS = ("/", "/socket", "/texts", "/page/main.js", "/nowhere", *(f"/sections/{name}" for name in SECTIONS))


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_token_nothing_is_told(page: Page, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(page.origin + path) as answer:
        assert answer.status == 403
        text = await answer.text()
    assert "Look into the terminal in which the dashboard runs" in text
    assert page.token not in text


async def test_without_the_token_nothing_is_done(page: Page) -> None:
    async with aiohttp.ClientSession(headers={"Origin": page.origin}) as session:
        for path in ("/jobs/1/cancel", "/texts/1/reject"):
            async with session.post(page.origin + path) as answer:
                assert answer.status == 403


@pytest.mark.parametrize("header", [{"Host": "elsewhere.example"}, {"Origin": "http://elsewhere.example"}])
async def test_other_hosts_and_pages_are_refused(page: Page, header: dict[str, str]) -> None:
    async with visitor_session(page, **header) as session:
        for path in PATHS:
            async with session.get(path) as answer:
                assert answer.status == 403
        async with session.post("/jobs/1/cancel") as answer:
            assert answer.status == 403


async def test_an_action_needs_an_origin(page: Page) -> None:
    port = page.origin.rsplit(":", 1)[1]
    cookie = {"Cookie": f"herosmith-{port}={page.token}"}
    async with aiohttp.ClientSession(page.origin, headers=cookie) as session:
        async with session.post("/jobs/1/cancel") as answer:
            assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect("/socket")
        assert refused.value.status == 403
        async with session.get("/sections/spending") as answer:
            assert answer.status == 200


async def test_each_start_has_another_token(page: Page, app: App) -> None:
    async with open_dashboard(app, 0) as other:
        assert other.token != page.token


async def test_a_taken_port_is_told(page: Page, app: App) -> None:
    port = int(page.origin.rsplit(":", 1)[1])
    with pytest.raises(OperatorError, match=f"Port {port} is taken .* set --port to another one"):
        async with open_dashboard(app, port):
            pass


@pytest.mark.settings(
    discord_token=SecretStr("a.very.secret-token"), openai_api_key=SecretStr("sk-very-secret")
)
async def test_no_page_holds_a_secret(page: Page, settings: Settings) -> None:
    assert settings.discord_token
    async with visitor_session(page) as session:
        for path in ("/", *(f"/sections/{name}" for name in SECTIONS)):
            async with session.get(path) as answer:
                assert answer.status == 200
                text = await answer.text()
            assert "very" not in text.replace("every", "")
            assert page.token not in text


@pytest.mark.parametrize("line", ["GET /?token={token}\xe9 HTTP/1.1", "GET /?token={token} HTTP/x"])
async def test_what_is_no_http_is_not_repeated(
    page: Page, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An address holds the token; and a traceback would be in the operator's terminal."""
    port = int(page.origin.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line.format(token=page.token)}\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode("latin-1"))
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert page.token.encode() not in answer
    assert [each for each in caplog.records if each.exc_info] == []
    assert page.token not in caplog.text
