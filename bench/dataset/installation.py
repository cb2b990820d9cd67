"""The bot's real parts with a database in a folder, for a model server at a URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from pathlib import Path

from pydantic import SecretStr

from bench.common.errors import BenchError
from bench.common.stopwatch import Elapsed, stopwatch
from bot.app import App, open_app
from bot.dataset.build.builder import HOSTED_WORKERS, BuildCounts, Builder
from bot.dataset.build.moderation import Moderation
from bot.i18n.message import LocalizedMessage
from bot.llm.budget import Account
from bot.settings import Settings
from bot.store.job_schema import BuildSpec
from bot.store.jobs import Job

MODEL = "author"

# with a price, every answer is booked, as with a paid provider
_PRICES = f"[models.{MODEL}]\ninput = 0.10\noutput = 0.50\n"


class _NoProgress:
    """Ignores progress."""

    async def progress(
        self, done: int, total: int, phase: LocalizedMessage, rate: float | None = None
    ) -> None:
        """Ignore it."""


@asynccontextmanager
async def installation(url: str, folder: Path) -> AsyncIterator[App]:
    """Open the bot's parts for a paid model server; data already in the folder is kept."""
    async with open_app(paid_settings(url, folder)) as app:
        yield app


def paid_settings(url: str, folder: Path, database: str | None = None) -> Settings:
    """Return settings for a paid model server, with data in a folder, and a database if not there, too."""
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
        database_url=database,
        daily_budget=None,
        moderate=False,
    )


def build_spec(app: App, examples: int) -> BuildSpec:
    """Return a build of `examples` single calls, with as many repeats of the grid as that needs."""
    repeats = ceil(examples / app.heroes.vocabulary.grid.size)
    return app.planner.spec(repeats=repeats, limit=examples, batch=False)


def build_questions(app: App, examples: int) -> list[str]:
    """Return the prompts of such a build, so that the baselines ask the same."""
    spec = build_spec(app, examples)
    requests = (app.planner.question(spec, slot, 0)[1] for slot in app.planner.slots(spec))
    return [request.messages[-1]["content"] for request in requests]


async def write_examples(app: App, examples: int) -> tuple[BuildCounts, Elapsed]:
    """Write all examples to the database, without freezing them. Raises BenchError if one is missing."""
    moderation = Moderation(app.db, app.client, enabled=False)
    builder = Builder(
        app.db,
        app.client,
        app.budget,
        app.planner,
        app.selector,
        moderation,
        workers=HOSTED_WORKERS,
        timing=app.timing.build,
    )
    with stopwatch() as elapsed:
        built = await builder.build(build_spec(app, examples), _NoProgress(), Account("build"))
    if built.done != examples or built.given_up:
        raise BenchError(f"A build of {examples} ended as {built}.")
    return built, elapsed


async def run_build_job(app: App, examples: int) -> tuple[Job, Elapsed]:
    """Run a whole build job: estimate, writing, freezing, files. Raises BenchError if it fails."""
    with stopwatch() as elapsed:
        job, _ = await app.builds.submit(build_spec(app, examples))
        await app.worker.run_next()
    job = await app.jobs.get(job.id)
    if job.state != "succeeded":
        raise BenchError(f"A build of {examples} {job.state}: {job.error}")
    return job, elapsed
