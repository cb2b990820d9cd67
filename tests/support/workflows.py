"""Workflows without Discord: jobs are submitted, and run by the app's own worker."""

from bot.app import App
from bot.dataset.build.builder import BuildCounts
from bot.i18n.message import LocalizedMessage
from bot.llm.budget import Account
from bot.store.job_schema import BuildSpec
from bot.store.jobs import Job


class NoProgress:
    """A progress sink that ignores everything."""

    async def progress(
        self, done: int, total: int, phase: LocalizedMessage, rate: float | None = None
    ) -> None:
        """Ignore the progress."""


def build_spec(app: App, limit: int = 16, repeats: int = 1) -> BuildSpec:
    return app.planner.spec(repeats=repeats, limit=limit)


async def write_examples(app: App, wanted: BuildSpec) -> BuildCounts:
    """Run only the first part of a build: the writing."""
    return await app.builds.builder.build(wanted, NoProgress(), Account("build"))


async def build(app: App, limit: int = 16) -> Job:
    return await run_job(app, build_spec(app, limit))


async def run_job(app: App, wanted: BuildSpec) -> Job:
    """Run a build to its end."""
    job, _ = await app.builds.submit(wanted)
    return await _done(app, job)


async def finetune(app: App) -> Job:
    job, _ = await app.finetunes.submit(epochs=1)
    return await _done(app, job)


async def _done(app: App, job: Job) -> Job:
    assert await app.worker.run_next()
    return await app.jobs.get(job.id)


async def silent(_done: int, _total: int, _phase: LocalizedMessage) -> None:
    """Ignore the progress of a check."""
