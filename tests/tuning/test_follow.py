"""What a training's message says before its first step, and when it forecasts its end."""

import asyncio
from functools import partial

import pytest

from bot.app import App, Timing
from bot.jobs.queue import WorkerTiming
from bot.tuning.follow import TrainingTiming
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.workflows import build

CHECKS = "the model server checks the texts"
TURN = "waiting for the model server's turn"
LOADS = "the model server loads the base model and reads the held-out texts, for about half a minute"
BEGINS = "loss 2.50 on the held-out texts before the training; the first step begins"


@pytest.fixture
def timing() -> Timing:
    return Timing(
        worker=WorkerTiming(heartbeat=0.05),
        training=TrainingTiming(poll=0.01, slowest_poll=0.02, listed_within=0.0, start_pauses=(0,)),
    )


async def says(app: App, job_id: int, phase: str) -> bool:
    return str((await app.jobs.get(job_id)).phase) == phase


async def test_every_wait_before_the_first_step_says_what_happens(app: App, script: Script) -> None:
    await build(app)
    script.trainings.losses = ()
    script.trainings.statuses = ["validating_files"] * 10_000
    job, _ = await app.finetunes.submit()
    work = asyncio.create_task(app.worker.run_next())
    await eventually(partial(says, app, job.id, CHECKS), what=CHECKS)
    script.trainings.statuses = ["queued"] * 10_000
    await eventually(partial(says, app, job.id, TURN), what=TURN)
    script.trainings.statuses = ["running"] * 10_000
    await eventually(partial(says, app, job.id, LOADS), what=LOADS)
    script.trainings.losses = ((0, 2.5),)
    await eventually(partial(says, app, job.id, BEGINS), what=BEGINS)
    script.trainings.losses = ((1, None), (0, 2.5))  # the newest first
    await eventually(partial(says, app, job.id, "training, loss 2.00"), what="the first step")
    script.trainings.losses = ((2, None), (1, None), (0, 2.5))  # a leap of a poll is no speed
    await eventually(partial(has_done, app, job.id, 2), what="the second step")
    assert (await app.jobs.get(job.id)).rate is None
    script.trainings.statuses = []
    assert await work
    assert (await app.jobs.get(job.id)).state == "succeeded"


async def has_done(app: App, job_id: int, steps: int) -> bool:
    return (await app.jobs.get(job_id)).done == steps
