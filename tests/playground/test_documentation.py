"""The documentation that the playground serves: its pages, their links, and nothing else of the folder."""

import re
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import aiohttp
import pytest

from bot.local_page.server import Page
from bot.playground.documentation import find_file

_LINK = re.compile(r'(?:href|src)="([^"]+)"')
_ANCHOR = re.compile(r'<h\d id="([^"]+)">')


@pytest.fixture
async def session(page: Page) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as opened:
        async with opened.get(page.url) as answer:
            assert answer.status == 200
        yield opened


async def test_every_link_of_every_page_leads_somewhere(page: Page, session: aiohttp.ClientSession) -> None:
    texts: dict[str, str] = {}
    links = {f"{page.origin}/README.md": "/", f"{page.origin}/docs/README.md": "/"}  # with where they stand
    broken = []
    while new := [link for link in links if link.partition("#")[0] not in texts]:
        url = new[0].partition("#")[0]
        async with session.get(url) as answer:
            if answer.status != 200:
                broken.append((links[new[0]], new[0]))
            is_page = answer.content_type == "text/html"
            texts[url] = await answer.text() if is_page else ""
        found = [urljoin(url, link) for link in _LINK.findall(texts[url])]
        links |= {link: url for link in found if link.startswith(page.origin) and link not in links}
    assert broken == []
    assert len(texts) > 40
    anchors = {url: _ANCHOR.findall(text) for url, text in texts.items()}
    split = [(where, *link.partition("#")[::2]) for link, where in links.items()]
    assert [each for each in split if each[2] and each[2] not in anchors[each[1]]] == []
    assert "<table>" in texts[f"{page.origin}/docs/quickstart.md"]
    assert "DISCORD_TOKEN=" in await (await session.get(f"{page.origin}/.env.example")).text()


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "data/var/hero.db",
        "data/var/README.md",
        "docs/../.env",
        "docs/%2e%2e/.env",
        "bot/settings.py",
        "bench/common/servers.py",
        "docs/none.md",
    ],
)
async def test_nothing_else_is_served(page: Page, session: aiohttp.ClientSession, path: str) -> None:
    async with session.get(f"{page.origin}/{path}") as answer:
        assert answer.status == 404
    assert find_file(path) is None
