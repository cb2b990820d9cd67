"""The dashboard as `herosmith dashboard` opens it, beside an app on a real database."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.app import App
from bot.dashboard.server import open_dashboard
from bot.heroes.hero import Hero
from bot.local_page.server import Page
from tests.support.duels import vote

HERO = Hero(40, "woman", "healing")


@pytest.fixture
async def page(app: App) -> AsyncIterator[Page]:
    async with open_dashboard(app, 0) as opened:
        yield opened


def visitor_session(page: Page, **headers: str) -> aiohttp.ClientSession:
    """Return a client that sends what the page's own scripts send, with `headers` in place or on top."""
    port = page.origin.rsplit(":", 1)[1]
    own = {"Origin": page.origin, "Cookie": f"herosmith-{port}={page.token}"}
    return aiohttp.ClientSession(page.origin, headers=own | headers)


async def fill(app: App) -> None:
    """Let people ask, vote, choose in duels and report, on a database with a live model and a candidate."""
    for number in range(3):
        described = await app.describer.describe(HERO, requester="somebody")
        await app.describer.set_message(described, 7, 70 + number)
        for voter in ("one", "two", "three"):
            thumb = "👎" if (number, voter) == (2, "three") else "👍"
            await app.votes.simulate(described.id, voter, thumb)
    assert await app.trials.running()
    for number in range(4):
        await vote(app, f"voter {number}", "live" if number == 1 else "candidate")
