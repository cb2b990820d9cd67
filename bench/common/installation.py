"""An installation of the bot as it stands: all its parts and a database in a folder, beside a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path

from pydantic import SecretStr

from bench.common.servers import BenchError
from bench.common.stopwatch import Spent, spent
from bot.app import App, open_app
from bot.dataset.build.builder import HOSTED_WORKERS, Builder, Built
from bot.dataset.build.moderation import Moderation
from bot.i18n.message import LocalizedMessage
from bot.llm.budget import Account
from bot.settings import Settings
from bot.store.job_schema import BuildSpec
from bot.store.jobs import Job

MODEL = "author"

# with a price every answer is booked, as it is at a paid provider
_PRICES = f"[models.{MODEL}]\ninput = 0.10\noutput = 0.50\n"


class _Silent:
    """A watcher whom nothing is told."""

    async def progress(
        self, done: int, total: int, phase: LocalizedMessage, rate: float | None = None
    ) -> None:
        """Hear it and say nothing."""


@asynccontextmanager
async def installation(url: str, folder: Path) -> AsyncIterator[App]:
    """Open the bot's parts for a server that is paid for; what lies in the folder already is kept."""
    async with open_app(_settings(url, folder)) as app:
        yield app


def _settings(url: str, folder: Path) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    prices = folder / "prices.toml"
    prices.write_text(_PRICES, encoding="utf-8")
    return Settings(
        openai_base_url=url,
        openai_api_key=SecretStr("none"),
        author_model=MODEL,
        base_model=MODEL,
        prices_file=prices,
        data_dir=folder,
        database_url=None,
        daily_budget=None,
        moderate=False,
    )


def wanted(app: App, examples: int) -> BuildSpec:
    """A build of so many examples, call by call, with as many repeats of the grid as that takes."""
    repeats = ceil(examples / app.heroes.vocabulary.grid.size)
    return app.planner.spec(repeats=repeats, limit=examples, batch=False)


def questions(app: App, examples: int) -> list[str]:
    """What a build of so many examples asks: the same for the peers."""
    spec = wanted(app, examples)
    asks = (app.planner.question(spec, slot, 0)[1] for slot in app.planner.slots(spec))
    return [ask.messages[-1]["content"] for ask in asks]


async def write(app: App, examples: int) -> tuple[Built, Spent]:
    """The writing alone, every answer on the disk. Returns what it came to, and what it took."""
    moderation = Moderation(app.db, app.client, wanted=False)
    builder = Builder(app.db, app.client, app.planner, app.selector, moderation, workers=HOSTED_WORKERS)
    with spent() as took:
        built = await builder.build(wanted(app, examples), _Silent(), Account("build"))
    if built.done != examples or built.given_up:
        raise BenchError(f"A build of {examples} came to {built}.")
    return built, took


async def whole_job(app: App, examples: int) -> tuple[Job, Spent]:
    """A build as it is ordered: forecast, writing, freezing, files. Returns it, and what it took."""
    with spent() as took:
        job, _ = await app.builds.submit(wanted(app, examples))
        await app.worker.run_next()
    job = await app.jobs.get(job.id)
    if job.state != "succeeded":
        raise BenchError(f"A build of {examples} {job.state}: {job.error}")
    return job, took
