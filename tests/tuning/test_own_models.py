"""Trainings of one's own: what they wait for, where they go on, and how their models are asked."""

from typing import Any, cast

import pytest
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.chat import Message
from bot.i18n.message import LocalizedMessage
from bot.llm.client import open_api
from bot.tuning.follow import TrainingTiming, progress_of
from bot.tuning.own_models import OWN_TEMPERATURE, OwnModels, plan_training
from bot.tuning.training_files import training_file
from tests.support.scripted_server import Script

QUICK = TrainingTiming(poll=0.01, slowest_poll=0.02)


async def test_a_training_that_waits_names_what_it_waits_for(script: Script) -> None:
    phases: list[str] = []

    def note(_done: int, _total: int, phase: LocalizedMessage) -> None:
        phases.append(str(phase))

    async with open_api(script.url, "none") as api:
        models = OwnModels(api, QUICK)
        for name in ("first", "herosmith-0a1b2c3d", "third"):
            file = training_file("train", name.encode())
            training = plan_training([file], base="tiny", epochs=1, name=name, method="supervised")
            job = await models.start(training, [file])
        script.trainings.losses = ()
        script.trainings.statuses = ["queued", "queued"]
        await models.follow(job.id, note)
    assert "waiting for its turn, after the training 'first', a training of heroes" in phases


def event(**data: float) -> FineTuningJobEvent:
    return FineTuningJobEvent(
        id="e", created_at=1, level="info", message="", object="fine_tuning.job.event", data=data
    )


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("running", "training; loss 2.00"),
        ("queued", "waiting for the model server's turn"),
        ("paused", "paused at the model server"),
    ],
)
def test_a_training_that_is_held_up_does_not_look_as_if_it_ran(status: str, phase: str) -> None:
    newest_first = [event(step=57, total_steps=120, train_loss=2.0)]
    job = cast(Any, FineTuningJob).model_construct(id="ftjob-1", status=status)  # the SDK knows no pause
    done, total, shown = progress_of(job, newest_first)
    assert (done, total, str(shown)) == (57, 120, phase)


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        ("ft:tiny:shop:0a1b2c3d", None, OWN_TEMPERATURE),
        ("ft:tiny:shop:0a1b2c3d", 1.5, 1.5),
        ("ft:tiny:herosmith-0a1b2c3d:0a1b2c3d", None, None),
        ("tiny", None, None),
        ("tiny", 0.0, 0.0),
    ],
)
async def test_a_model_of_ones_own_keeps_to_what_it_learnt(
    script: Script, model: str, given: float | None, sent: float | None
) -> None:
    async with open_api(script.url, "none") as api:
        question: Message = {"role": "user", "content": "40, woman, healing ->"}
        async for _ in OwnModels(api).answer(model, [question], temperature=given, seed=7):
            pass
    assert script.asked[0].get("temperature") == sent
    assert script.asked[0]["seed"] == 7
