"""Trainings of one's own: what they wait for, and where they go on."""

from typing import Any, cast

import pytest
from aiohttp import web
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.errors import UserError
from bot.i18n.message import LocalizedMessage
from bot.llm.client import open_api
from bot.tuning.follow import TrainingTiming, progress_of
from bot.tuning.own_models import OwnModels
from bot.tuning.own_trainings import OwnTrainings, plan_training
from bot.tuning.providers import ENGINE
from bot.tuning.remote_api import FineTuningApi
from bot.tuning.remote_calls import FineTuningApiTiming
from bot.tuning.training_files import training_file
from tests.support.engine_process import EngineProcess
from tests.support.scripted_server import Script

QUICK = TrainingTiming(poll=0.01, slowest_poll=0.02)


async def test_a_training_that_waits_names_what_it_waits_for(script: Script) -> None:
    phases: list[str] = []

    def note(_done: int, _total: int, phase: LocalizedMessage) -> None:
        phases.append(str(phase))

    async with open_api(script.url, "none") as api:
        fine_tuning = FineTuningApi(api, ENGINE, extra={}, timing=FineTuningApiTiming())
        trainings = OwnTrainings(fine_tuning, OwnModels(api, fine_tuning), QUICK)
        for name in ("first", "herosmith-0a1b2c3d", "third"):
            file = training_file("train", name.encode())
            training = plan_training([file], base="tiny", epochs=1, name=name, method="supervised")
            job = await trainings.start(training, await trainings.upload([file]))
        script.trainings.losses = ()
        script.trainings.statuses = ["queued", "queued"]
        await trainings.follow(job.id, note)
    assert "waiting for its turn, after the training 'first', a training of heroes" in phases


async def test_the_files_of_a_training_that_the_engine_refuses_are_not_kept(engine: EngineProcess) -> None:
    async with open_api(engine.url, "none") as api:
        fine_tuning = FineTuningApi(api, ENGINE, extra={}, timing=FineTuningApiTiming())
        trainings = OwnTrainings(fine_tuning, OwnModels(api, fine_tuning), QUICK)
        before = {file.id async for file in api.files.list()}
        file = training_file("train", b'{"messages": []}\n')
        training = plan_training([file], base="tiny", epochs=1, name="refused", method="supervised")
        job = await trainings.start(training, await trainings.upload([file]))
        with pytest.raises(UserError, match="line 1: messages: "):
            await trainings.follow(job.id, lambda _done, _total, _phase: None)
        assert {file.id async for file in api.files.list()} == before


async def test_the_models_of_a_cancelled_trainings_epochs_are_deleted_without_more_listings(
    script: Script,
) -> None:
    script.trainings.checkpoints = ["ft:tiny:shop:1:ckpt-step-1", "ft:tiny:herosmith-0a1b2c3d:1:ckpt-step-2"]
    listings: list[str] = []

    def note(when: str, request: web.BaseRequest) -> None:
        if (when, request.method, request.path) == ("before", "GET", "/v1/fine_tuning/jobs"):
            listings.append(when)

    async with open_api(script.url, "none") as api:
        fine_tuning = FineTuningApi(api, ENGINE, extra={}, timing=FineTuningApiTiming())
        trainings = OwnTrainings(fine_tuning, OwnModels(api, fine_tuning), QUICK)
        file = training_file("train", b"{}")
        training = plan_training([file], base="tiny", epochs=2, name="shop", method="supervised")
        job = await trainings.start(training, await trainings.upload([file]))
        script.on_request = note
        await trainings.cancel(job)
    assert script.trainings.deleted == script.trainings.checkpoints
    assert len(listings) == 1  # before the files are deleted


def event(**data: float) -> FineTuningJobEvent:
    return FineTuningJobEvent(
        id="e", created_at=1, level="info", message="", object="fine_tuning.job.event", data=data
    )


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("running", "training; loss 2.00"),
        ("queued", "waiting for its turn"),
        ("paused", "the training stands still"),
    ],
)
def test_a_training_that_is_held_up_does_not_look_as_if_it_ran(status: str, phase: str) -> None:
    newest_first = [event(step=57, total_steps=120, train_loss=2.0)]
    job = cast(Any, FineTuningJob).model_construct(id="ftjob-1", status=status)  # the SDK knows no pause
    done, total, shown = progress_of(job, newest_first)
    assert (done, total, str(shown)) == (57, 120, phase)
