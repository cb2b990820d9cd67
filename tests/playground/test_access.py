"""Who may open the page: the token in the printed address, its cookie, hosts and origins."""

import base64
import hashlib

import aiohttp
import pytest

from bot.app import App
from bot.local_page.server import Page
from bot.playground.server import open_page
from bot.playground.simulated_discord import SimulatedDiscord
from tests.playground.conftest import visitor_session

PATHS = ["/", "/page/main.js", "/page/index.html", "/socket?as=olga", "/attachments/1/2/x.png", "/nowhere"]


def port_of(page: Page) -> str:
    return page.origin.rsplit(":", 1)[1]


async def status(page: Page, path: str = "/", **headers: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(page.origin + path, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_token_every_path_says_which_address_to_use(page: Page, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(page.origin + path) as answer:
        assert answer.status == 403
        text = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert "address that was printed" in text
    assert "open the whole address that stands there" in text
    assert page.token not in text
    style = text.split("<style>")[1].split("</style>")[0]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy  # or browsers drop it


async def test_a_refused_request_is_told_in_the_browsers_language(page: Page) -> None:
    headers = {"Accept-Language": "de-AT,de;q=0.9"}
    async with aiohttp.ClientSession() as session, session.get(page.origin, headers=headers) as answer:
        text = await answer.text()
    assert "Sieh in das Terminal, in dem der Playground läuft" in text
    assert '<html lang="de">' in text


@pytest.mark.parametrize(
    "wrong", ["", "x", "%00", "%ED%A0%80", "\u00e9", "{token}x", "{token} ", "{half}", "[]", "{swapped}"]
)
async def test_a_wrong_token_opens_nothing(page: Page, wrong: str) -> None:
    half, swapped = page.token[:-1], page.token.swapcase()
    given = wrong.format(token=page.token, half=half, swapped=swapped)
    assert await status(page, f"/?token={given}") == 403
    assert await status(page, Cookie=f"herosmith-{port_of(page)}={given.strip()}x") == 403
    # another playground's cookie, which the browser sends to every port
    assert await status(page, Cookie=f"herosmith-1={page.token}") == 403


async def test_the_printed_address_opens_the_page_and_its_cookie_keeps_it_open(page: Page) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(page.url) as answer:
            assert answer.status == 200
            assert "Herosmith playground" in await answer.text()
            cookie = answer.headers["Set-Cookie"]
        for path in ("/", "/page/main.js"):
            async with session.get(page.origin + path) as answer:
                assert answer.status == 200
        async with session.ws_connect(f"{page.origin}/socket?as=olga", origin=page.origin) as tab:
            assert "surroundings" in await tab.receive_json()
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


async def test_each_start_has_another_token(page: Page, world: SimulatedDiscord, app: App) -> None:
    async with open_page(world, app, 0) as other:
        assert other.token != page.token
        assert await status(other, f"/?token={page.token}") == 403


@pytest.mark.parametrize(
    "host",
    [
        "elsewhere.example",
        "127.0.0.1.elsewhere.example",
        "localhost.elsewhere.example:80",
        "localhost@elsewhere.example",
        "10.0.0.1",
        "[::1]",
        "127.0.0.1:x",
        "a b",
    ],
)
async def test_other_hosts_are_rejected(page: Page, host: str) -> None:
    assert await status(page, f"/?token={page.token}", Host=host) == 403


async def test_both_names_of_this_machine_are_hosts(page: Page) -> None:
    for host in ("localhost", f"localhost:{port_of(page)}", f"127.0.0.1:{port_of(page)}"):
        assert await status(page, f"/?token={page.token}", Host=host) == 200


@pytest.mark.parametrize(
    "origin", ["", "null", "http://elsewhere.example", "http://localhost", "https://{host}", "http://{host}x"]
)
async def test_pages_of_other_origins_are_rejected(page: Page, origin: str) -> None:
    foreign = origin.format(host=page.origin.removeprefix("http://"))
    async with visitor_session(page, Origin=foreign) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect("/socket?as=olga")
        assert refused.value.status == 403
        async with session.get("/") as answer:
            assert answer.status == 403
