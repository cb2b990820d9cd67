"""The loss on a reference file: measured before and after a training, which learns nothing of it."""

from typing import Any

import openai
import pytest

from tests.engine.training.test_preference import dpo, pair
from tests.support.engine_jobs import has_exited, start, trainer_of, until_step, upload
from tests.support.engine_process import EngineProcess, example


def reference(file: str) -> dict[str, Any]:
    """Return the extension as a client of the `openai` package gives it."""
    return {"extra_body": {"reference_file": file}}


async def reference_metrics(engine: EngineProcess, job_id: str) -> list[Any]:
    """Return the data of the reference's metrics events, the oldest first."""
    events = engine.client().fine_tuning.jobs.list_events(job_id)
    found = [event.data async for event in events if event.type == "metrics"]
    return [data for data in found if isinstance(data, dict) and "reference_loss" in data][::-1]


async def test_it_is_measured_before_and_after(engine: EngineProcess) -> None:
    """The losses of the same file as held-out data are the same figures."""
    client = engine.client()
    file = await upload(client, map(example, range(60, 66)))
    options = {"n_epochs": 3, "learning_rate_multiplier": 10}
    job = await start(client, validation_file=file, hyperparameters=options, **reference(file))
    assert job.model_extra["reference_file"] == file
    assert job.model_extra["reference_loss"] is None
    done = await engine.until(job.id, {"succeeded"})
    loss = done.model_extra["reference_loss"]
    first, last = await reference_metrics(engine, job.id)
    assert first == {"step": 0, "total_steps": 9, "reference_loss": {"before": loss["before"], "after": None}}
    assert last == {"step": 9, "total_steps": 9, "reference_loss": loss}
    events = client.fine_tuning.jobs.list_events(job.id)
    valid = {
        event.data["step"]: event.data["full_valid_loss"]
        async for event in events
        if isinstance(event.data, dict) and "full_valid_loss" in event.data
    }
    assert (valid[0], valid[9]) == pytest.approx((loss["before"], loss["after"]), abs=1e-4)
    assert loss["after"] < loss["before"]


async def test_without_it_nothing_is_measured(engine: EngineProcess) -> None:
    job = await start(engine.client(), hyperparameters={"n_epochs": 1})
    done = await engine.until(job.id, {"succeeded"})
    assert (done.model_extra["reference_file"], done.model_extra["reference_loss"]) == (None, None)
    assert await reference_metrics(engine, job.id) == []


async def test_pairs_are_measured_on_conversations(engine: EngineProcess) -> None:
    client = engine.client()
    job = await start(
        client,
        training_file=await upload(client, map(pair, range(20, 44))),
        method=dpo(n_epochs=1, learning_rate_multiplier=20.0),
        hyperparameters=openai.omit,
        **reference(await upload(client, map(example, range(60, 62)))),
    )
    loss = (await engine.until(job.id, {"succeeded"})).model_extra["reference_loss"]
    assert loss["before"] > 3  # nats per token of text, where a pair's loss begins at log 2
    assert loss["after"] != loss["before"]


async def test_a_paused_training_keeps_the_loss_of_its_start(engine: EngineProcess) -> None:
    client = engine.client()
    file = await upload(client, map(example, range(60, 62)))
    job = await start(client, hyperparameters={"n_epochs": 20}, **reference(file))
    await until_step(engine, job.id, 2)
    trainer = trainer_of(engine)
    await client.fine_tuning.jobs.pause(job.id)
    assert has_exited(trainer)
    before = (await client.fine_tuning.jobs.retrieve(job.id)).model_extra["reference_loss"]  # type: ignore[index]
    assert before["after"] is None
    await client.fine_tuning.jobs.resume(job.id)
    loss = (await engine.until(job.id, {"succeeded"})).model_extra["reference_loss"]
    assert loss["before"] == before["before"]
    assert loss["after"] < loss["before"]
    assert [data["step"] for data in await reference_metrics(engine, job.id)] == [0, 60]


async def test_bad_files_are_named(engine: EngineProcess) -> None:
    client = engine.client()
    with pytest.raises(openai.BadRequestError) as caught:
        await start(client, **reference("file-0"))
    assert (caught.value.param, caught.value.code) == ("reference_file", "file_not_found")
    pairs = await upload(client, map(pair, range(20, 24)))
    job = await engine.until((await start(client, **reference(pairs))).id, {"failed"})
    assert (job.error.code, job.error.param) == ("invalid_reference_file", "reference_file")
    assert "line 1: this is a pair" in job.error.message
