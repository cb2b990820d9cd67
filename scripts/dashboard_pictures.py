"""Take the pictures of the dashboard for the documentation: `python -m scripts.dashboard_pictures`.

The bot's own services fill a new database, with a scripted model server in place of a real one, so texts and
losses in the pictures are no real model's. It writes docs/dashboard-*.png.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect

from bot.app import App, open_app
from bot.dashboard.server import open_dashboard
from bot.heroes.hero import Hero
from bot.settings import ROOT, Settings
from bot.store import spending, votes
from bot.store.votes import Vote
from tests.support.duels import two_models, vote
from tests.support.eventually import eventually
from tests.support.scripted_server import Script, scripted_server
from tests.support.workflows import build, build_spec

_BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
_DAY = 86_400.0  # seconds
_ANSWER_SECONDS = 0.3  # so that a build takes long enough
_DAYS = 24  # of votes and spending
_MOST_BYTES = 300_000
# section, width and height in pixels, colours
_PICTURES = (
    ("jobs", 1280, 720, "dark"),
    ("models", 1280, 900, "light"),
    ("people", 390, 844, "dark"),
    ("datasets", 390, 844, "light"),
)


async def fill(app: App) -> None:
    """Let people ask, vote and choose for some weeks, and let a build run."""
    await two_models(app)
    for number in range(30):
        hero = Hero(20 + number, "woman", "healing")
        described = await app.describer.describe(hero, requester="somebody")
        await _cast(app, described.id, number)
    for number in range(12):
        await vote(app, f"voter {number}", "live" if number % 4 == 1 else "candidate")
    await build(app)
    for age in range(_DAYS):
        await _spend(app, age)


@asynccontextmanager
async def working(app: App, script: Script) -> AsyncIterator[None]:
    """Let a build be under way during the block."""
    script.delay = _ANSWER_SECONDS
    job, _ = await app.builds.submit(build_spec(app, limit=800))
    worker = asyncio.create_task(app.worker.run_forever())

    async def is_under_way() -> bool:
        now = await app.jobs.get(job.id)
        return bool(now.rate) and now.done > now.total / 20

    await eventually(is_under_way, what="the build is under way", timeout=120)
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def _cast(app: App, description_id: int, number: int) -> None:
    now = time.time()
    latest = [
        Vote(
            description_id,
            f"voter {voter}",
            -1 if (number + voter) % 5 == 0 else 1,
            by_requester=False,
            source="simulated",
            account_days=366,
            at=now - (7 * number + 5 * voter) % _DAYS * _DAY,
        )
        for voter in range(2 + number % 4)
    ]
    async with app.db.write() as tx:
        await votes.cast(tx, latest)


async def _spend(app: App, age: int) -> None:
    day = spending.day_of(time.time() - age * _DAY)
    for purpose, cost in (("hero", 0.02 + 0.01 * (age % 5)), ("build", 0.3 if age % 6 == 2 else 0.0)):
        async with app.db.write() as tx:
            await spending.add(
                tx,
                day=day,
                purpose="hero" if purpose == "hero" else "build",
                model="gpt-4.1-mini",
                job_id=0,
                prompt_tokens=9000,
                completion_tokens=4000,
                cost=cost,
                calls=40,
            )


async def take(browser: Browser, url: str) -> None:
    """Take every picture of the page at an address."""
    for section, width, height, colours in _PICTURES:
        page = await browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if colours == "dark" else "light",
            locale="en",
        )
        await page.goto(f"{url}#{section}")
        await expect(page.get_by_text("loading …")).to_have_count(0, timeout=60_000)
        if section == "datasets":
            await expect(page.get_by_role("form").locator("select")).to_have_count(4, timeout=60_000)
        picture = ROOT / "docs" / f"dashboard-{section}.png"
        await page.screenshot(path=picture)
        await page.close()
        size = picture.stat().st_size
        print(f"{picture.name}: {size / 1000:.0f} kB")
        if size > _MOST_BYTES:
            raise SystemExit(f"{picture.name} is larger than {_MOST_BYTES / 1000:.0f} kB")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            scripted_server() as script,
            open_app(_settings(Path(folder), script.url)) as app,
            async_playwright() as playwright,
            await playwright.chromium.launch(executable_path=_BROWSER, args=_FLAGS) as browser,
        ):
            await fill(app)
            async with working(app, script), open_dashboard(app, 0) as page:
                await take(browser, page.url)


def _settings(folder: Path, engine: str) -> Settings:
    return Settings(
        data_dir=folder, engine_url=engine, check_heroes=8, duel_share=0, daily_budget=0.5, draws=1
    )


if __name__ == "__main__":
    asyncio.run(main())
