"""The forecast of a training: its start is told apart from its steps, and the check of the model is added."""

import pytest
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.app import App
from bot.i18n.message import ENGLISH
from bot.presentation.finetune import finetune_plan_text
from bot.store import jobs
from bot.store.job_schema import FinetuneResult, FinetuneSpec
from bot.tuning.durations import Durations, durations
from tests.support.workflows import build, finetune


def remote(created_at: int) -> FineTuningJob:
    return FineTuningJob.construct(id="ftjob-1", created_at=created_at)


def step(number: int, at: int, total: int = 40, **data: float) -> FineTuningJobEvent:
    data = {"step": number, "total_steps": total, **(data or {"train_loss": 2.0})}
    return FineTuningJobEvent.construct(created_at=at, data=data)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([step(10, 160), step(20, 180), step(40, 220)], Durations(40.0, 80.0)),
        ([step(40, 220), step(0, 139, full_valid_loss=3.0), step(10, 160)], Durations(40.0, 80.0)),
        ([step(1, 101), step(40, 110, 40)], Durations(1 - 9 / 39, 40 * 9 / 39)),
        ([step(1, 100), step(40, 178)], Durations(0.0, 80.0)),  # the server's clock has whole seconds
        ([step(10, 160)], None),
        ([step(10, 160), step(20, 160)], None),
        ([step(0, 139, full_valid_loss=3.0)], None),
        ([], None),
    ],
)
def test_start_and_steps_are_read_from_the_times_of_the_metrics(
    events: list[FineTuningJobEvent], expected: Durations | None
) -> None:
    found = durations(remote(100), events)
    assert (found is None) == (expected is None)
    if found and expected:
        assert (found.start, found.training) == pytest.approx((expected.start, expected.training))


@pytest.mark.parametrize(
    ("start", "training", "seconds"), [(40.0, 10.0, 60.0), (0.0, 10.0, 500.0), (400.0, 10.0, 420.0)]
)
async def test_a_small_trainings_start_does_not_grow_with_the_tokens(
    app: App, start: float, training: float, seconds: float
) -> None:
    """A training of 1,000 tokens took so long before its steps: a larger one takes longer for steps alone."""
    await build(app)
    job = await finetune(app)
    done = job.result_as(FinetuneResult).model_copy(
        update={
            "trained_tokens": 1_000,
            "seconds": seconds,
            "start_seconds": start,
            "training_seconds": training,
        }
    )
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, result=done.to_json())
    _, estimate = await app.finetunes.plan(epochs=4)
    assert estimate.seconds is not None
    steps = estimate.tokens * 4 / 1_000 * training
    assert estimate.seconds == pytest.approx(start + steps + (estimate.check.seconds or 0.0))


async def test_the_start_of_a_training_of_an_older_version_is_guessed(app: App) -> None:
    """It told only all its seconds: thirty of them, or half, are taken for the start."""
    await build(app)
    job = await finetune(app)
    done = job.result_as(FinetuneResult)
    for seconds, start in ((90.0, 30.0), (40.0, 20.0)):
        values = {**done.to_json(), "trained_tokens": 1_000, "seconds": seconds}
        values |= {"start_seconds": None, "training_seconds": None}
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, result=values)
        _, estimate = await app.finetunes.plan(epochs=1)
        assert estimate.seconds is not None
        expected = start + estimate.tokens / 1_000 * (seconds - start)
        assert estimate.seconds == pytest.approx(expected + (estimate.check.seconds or 0.0))


@pytest.mark.settings(check_heroes=8)
async def test_the_check_is_forecast_at_the_pace_of_the_last_one(app: App) -> None:
    await build(app)
    _, first = await app.finetunes.plan()
    assert (first.check.texts, first.check.seconds, first.check.cost) == (8, 8.0, 0.0)
    job = await finetune(app)
    done = job.result_as(FinetuneResult).model_copy(update={"reading_seconds": 20.0, "read": 8})
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, result=done.to_json())
    planned, second = await app.finetunes.plan()
    assert (second.check.texts, second.check.seconds) == (8, 20.0)
    assert planned.spec_as(FinetuneSpec).check_seconds == 20.0  # the message of its progress tells it


async def test_a_plan_warns_if_a_model_was_trained_on_exactly_this_dataset(app: App) -> None:
    async def plan(base: str | None = None) -> str:
        _, estimate = await app.finetunes.plan(base=base)
        return finetune_plan_text(ENGLISH, estimate, None)

    warning = "⚠️ Model 1 was trained on exactly this dataset, from the same base"
    await build(app)
    assert "exactly this dataset" not in await plan()
    await finetune(app)
    assert warning in await plan()
    assert warning not in await plan(base="ft:tiny:1")
    await build(app, limit=24)
    assert warning not in await plan()
