"""The loss on a reference file: measured before and after a training, which learns nothing of it."""

from typing import Any

import openai
import pytest

from tests.engine.training.test_preference import pair
from tests.support.engine_jobs import has_exited, start, trainer_of, until_step, upload
from tests.support.engine_process import EngineProcess, example
from tests.support.tiny_engine import TINY, Training


def reference(file: str) -> dict[str, Any]:
    """Return the extension as a client of the `openai` package gives it."""
    return {"extra_body": {"reference_file": file}}


async def reference_metrics(engine: EngineProcess, job_id: str) -> list[Any]:
    """Return the data of the reference's metrics events, the oldest first."""
    events = engine.client().fine_tuning.jobs.list_events(job_id)
    found = [event.data async for event in events if event.type == "metrics"]
    return [data for data in found if isinstance(data, dict) and "reference_loss" in data][::-1]


async def valid_losses(engine: EngineProcess, job_id: str) -> dict[int, float]:
    """Return the losses on the held-out texts, by step."""
    events = engine.client().fine_tuning.jobs.list_events(job_id)
    found = [event.data async for event in events if isinstance(event.data, dict)]
    return {data["step"]: data["full_valid_loss"] for data in found if "full_valid_loss" in data}


def _another_text(number: int) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": f"{number}, man, sleep ->"},
        {"role": "assistant", "content": f"At {number} he sleeps well, and late."},
    ]
    return {"messages": messages}


async def test_it_is_measured_before_and_after(training: Training) -> None:
    """It is the base's loss on these texts, as another training measured it that held them out."""
    engine = training.engine
    client = engine.client()
    file = await upload(client, map(example, range(60, 66)))
    held_out = await upload(client, map(_another_text, range(60, 66)))
    options = {"n_epochs": 3, "learning_rate_multiplier": 10}
    job = await start(client, validation_file=held_out, hyperparameters=options, **reference(file))
    assert job.model_extra["reference_file"] == file
    assert job.model_extra["reference_loss"] is None
    done = await engine.until(job.id, {"succeeded"})
    loss = done.model_extra["reference_loss"]
    first, last = await reference_metrics(engine, job.id)
    assert first == {"step": 0, "total_steps": 9, "reference_loss": {"before": loss["before"], "after": None}}
    assert last == {"step": 9, "total_steps": 9, "reference_loss": loss}
    alone, here = [(await valid_losses(engine, each))[0] for each in (training.job.id, job.id)]
    assert loss["before"] == pytest.approx(alone, abs=1e-4)
    assert here != pytest.approx(alone, abs=1e-3)
    assert loss["after"] < loss["before"]


@pytest.mark.slow
async def test_without_it_nothing_is_measured(training: Training) -> None:
    more = training.job.model_extra or {}
    assert (more["reference_file"], more["reference_loss"]) == (None, None)
    assert await reference_metrics(training.engine, training.job.id) == []


async def test_a_paused_training_keeps_the_loss_of_its_start(engine: EngineProcess) -> None:
    """The held-out texts are the reference's, in another order: their loss is measured once."""
    client = engine.client()
    held_out, file = [await upload(client, map(example, ages)) for ages in ([60, 61], [61, 60])]
    job = await start(client, validation_file=held_out, hyperparameters={"n_epochs": 20}, **reference(file))
    await until_step(engine, job.id, 2)
    trainer = trainer_of(engine)
    await client.fine_tuning.jobs.pause(job.id)
    assert has_exited(trainer)
    with pytest.raises(openai.PermissionDeniedError):  # whatever a job needs it for
        await client.models.delete(TINY)
    before = (await client.fine_tuning.jobs.retrieve(job.id)).model_extra["reference_loss"]  # type: ignore[index]
    assert before["after"] is None
    await client.fine_tuning.jobs.resume(job.id)
    loss = (await engine.until(job.id, {"succeeded"})).model_extra["reference_loss"]
    assert loss["before"] == before["before"]
    assert loss["after"] < loss["before"]
    assert [data["step"] for data in await reference_metrics(engine, job.id)] == [0, 60]
    newest, *_ = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
    assert newest.metrics.full_valid_loss == loss["after"]


async def test_bad_files_are_named(engine: EngineProcess) -> None:
    client = engine.client()
    with pytest.raises(openai.BadRequestError) as caught:
        await start(client, **reference("file-0"))
    assert (caught.value.param, caught.value.code) == ("reference_file", "file_not_found")
    pairs = await upload(client, map(pair, range(20, 24)))
    job = await engine.until((await start(client, **reference(pairs))).id, {"failed"})
    assert (job.error.code, job.error.param) == ("invalid_reference_file", "reference_file")
    assert "line 1: this is a pair" in job.error.message
