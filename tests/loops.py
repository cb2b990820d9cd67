"""Turns of the loop without Discord: a job ordered, and carried out by the app's own worker."""

from bot.app import App
from bot.dataset.plan import BuildSpec
from bot.store.jobs import Job


def spec(app: App, limit: int = 16, repeats: int = 1) -> BuildSpec:
    return app.planner.spec(repeats=repeats, limit=limit)


async def build(app: App, limit: int = 16) -> Job:
    job, _ = await app.builds.order(spec(app, limit))
    return await _done(app, job)


async def finetune(app: App) -> Job:
    job, _ = await app.finetunes.order(base=app.settings.base_model, epochs=1)
    return await _done(app, job)


async def _done(app: App, job: Job) -> Job:
    assert await app.worker.run_next()
    return await app.board.get(job.id)
