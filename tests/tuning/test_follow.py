"""What a training's message says before its first step, and when it forecasts its end."""

import asyncio
import math
from functools import partial
from typing import cast

import pytest
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
from openai.types.fine_tuning.fine_tuning_job import Hyperparameters

from bot.app import App, Timing
from bot.jobs.queue import WorkerTiming
from bot.tuning.follow import TrainingTiming, estimated_rate, progress_of, progress_since_resumed
from tests.support.eventually import eventually
from tests.support.scripted_server import Script
from tests.support.workflows import build

CHECKS = "checking the texts"
TURN = "waiting for its turn"
LOADS = "loading the base model and testing it before the training"
BEGINS = "loss (how badly the model guesses texts) 2.50 before the training; the first step begins"


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
    await eventually(partial(says, app, job.id, "training; loss 2.00"), what="the first step")
    script.trainings.losses = ((2, None), (1, None), (0, 2.5))  # a leap of a poll is no speed
    await eventually(partial(has_done, app, job.id, 2), what="the second step")
    assert (await app.jobs.get(job.id)).rate is None
    script.trainings.statuses = []
    assert await work
    assert (await app.jobs.get(job.id)).state == "succeeded"


async def has_done(app: App, job_id: int, steps: int) -> bool:
    return (await app.jobs.get(job_id)).done == steps


def event(message: str, **data: float) -> FineTuningJobEvent:
    return FineTuningJobEvent.construct(message=message, data=data or None)


TOLD = {"train_loss": 2.0, "step": 10, "total_steps": 40}


@pytest.mark.parametrize(
    ("newest", "rate"),
    [
        ([event("Step 10", **TOLD, seconds_left=60.0)], 0.5),
        ([event("Checkpoint created"), event("Step 10", **TOLD, seconds_left=60.0)], 0.5),
        ([event("Step 10", **TOLD)], None),  # other servers do not estimate it
        ([event("Step 10", **TOLD), event("Step 9", **{**TOLD, "step": 9}, seconds_left=60.0)], None),
        ([event("Resuming after step 10 of 40."), event("Step 12", **TOLD, seconds_left=60.0)], None),
        ([event("Step 40", **{**TOLD, "step": 40}, seconds_left=0.0)], None),
        ([], None),
    ],
)
def test_the_end_that_the_engine_estimates_counts(
    newest: list[FineTuningJobEvent], rate: float | None
) -> None:
    assert estimated_rate(newest) == rate


@pytest.mark.parametrize(
    ("since", "done", "phase"),
    [
        ([], 5, "training; went on from step 5"),
        (
            [event("Step 6", train_loss=2.0, step=6, total_steps=40)],
            6,
            "training; loss 2.00; went on from step 5",
        ),
    ],
)
def test_a_training_that_was_interrupted_says_from_where_it_goes_on(
    since: list[FineTuningJobEvent], done: int, phase: str
) -> None:
    before = [event(f"Step {number}", train_loss=3.0, step=number, total_steps=40) for number in (9, 8, 7)]
    events = [*since, event("Resuming after step 5 of 40."), *before]
    remote = FineTuningJob.construct(status="running")
    shown = progress_since_resumed(remote, events)
    assert (shown[0], shown[1], str(shown[2])) == (done, 40, phase)


def metrics(step: int, loss: float, *, total: int = 40) -> FineTuningJobEvent:
    return FineTuningJobEvent(
        id=f"ftevent-{step}",
        created_at=step,
        level="info",
        message="Training loss",
        object="fine_tuning.job.event",
        type="metrics",
        data={"step": step, "total_steps": total, "train_loss": loss},
    )


def remote_training() -> FineTuningJob:
    return FineTuningJob(
        id="ftjob-1",
        created_at=1,
        hyperparameters=Hyperparameters(),
        model="tiny",
        object="fine_tuning.job",
        organization_id="",
        result_files=[],
        seed=1,
        status="running",
        training_file="file-1",
    )


def shown_loss(events: list[FineTuningJobEvent]) -> float:
    _, _, phase = progress_of(remote_training(), events)
    return float(cast("float", phase.fields["loss"]))


def test_the_loss_that_is_shown_is_the_mean_of_the_last_twenty_steps() -> None:
    """A single batch's loss leaps: what is shown moves by a twentieth of it."""
    values = [4.0, *(2.0 + 0.8 * (-1) ** step for step in range(40))]
    events = [metrics(step, loss) for step, loss in enumerate(values, start=1)]
    shown = [shown_loss(events[number - 1 :: -1]) for number in range(1, len(values) + 1)]
    assert shown[:3] == pytest.approx([4.0, (4.0 + 2.8) / 2, (4.0 + 2.8 + 1.2) / 3])
    assert shown[20:] == pytest.approx([2.0] * len(shown[20:]))
    *_, early = progress_of(remote_training(), events[2::-1])
    *_, late = progress_of(remote_training(), events[::-1])
    assert str(early) == "training; loss 2.67, the mean of the last 3 steps"
    assert str(late) == "training; loss 2.00, the mean of the last 20 steps"


def test_steps_that_are_not_reported_count_among_the_last_twenty() -> None:
    values = [3.0, 2.0, 2.5, 1.5, 2.0, 1.0, 1.5, 1.2]
    events = [metrics(5 * number, loss) for number, loss in enumerate(values, start=1)]
    *_, phase = progress_of(remote_training(), events[::-1])
    assert phase.fields == {"loss": pytest.approx((2.0 + 1.0 + 1.5 + 1.2) / 4), "steps": 16}


def test_a_loss_that_is_no_number_is_shown_as_such() -> None:
    assert math.isnan(shown_loss([metrics(1, math.nan)]))
