"""A complete fine-tuning job: its object, events and losses, and the model it creates."""

from typing import Any

import openai
import pytest

from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY, Training


async def events_of(engine: EngineProcess, job: str) -> list[Any]:
    """Return a job's events, the oldest first."""
    return [event async for event in engine.client().fine_tuning.jobs.list_events(job, limit=7)][::-1]


async def test_job_object(training: Training) -> None:
    job = training.job
    assert job.status == "succeeded", job.error
    assert job.object == "fine_tuning.job"
    assert job.fine_tuned_model == f"ft:{TINY}:heroes:{job.id[-8:]}"
    assert job.finished_at is not None
    assert job.finished_at >= job.created_at
    # a prompt of 57 tokens and an answer of about 20, 24 examples, 6 epochs
    assert 6 * 24 * 70 < (job.trained_tokens or 0) < 6 * 24 * 95
    assert job.hyperparameters.model_dump() == {
        "n_epochs": 6,
        "batch_size": 8,
        "learning_rate_multiplier": 50.0,
        "weights": "all",
    }
    assert job.method is not None
    assert job.method.supervised is not None
    assert job.method.supervised.hyperparameters is not None
    assert job.method.supervised.hyperparameters.batch_size == 8
    assert (job.seed, job.metadata) == (7, {"dataset": "1"})


async def test_held_out_loss_falls(training: Training) -> None:
    metrics = [
        event for event in await events_of(training.engine, training.job.id) if event.type == "metrics"
    ]
    valid = {
        event.data["step"]: event.data["full_valid_loss"]
        for event in metrics
        if "full_valid_loss" in event.data
    }
    assert list(valid) == [0, 3, 6, 9, 12, 15, 18]
    assert valid[18] < valid[0] - 0.5
    trained = [event.data for event in metrics if "train_loss" in event.data]
    assert [data["step"] for data in trained] == list(range(1, 19))
    assert {data["total_steps"] for data in trained} == {18}
    assert trained[-1]["train_loss"] < trained[0]["train_loss"]


async def test_each_step_tells_how_long_the_rest_takes(training: Training) -> None:
    found = [event.data for event in await events_of(training.engine, training.job.id)]
    left = [data.get("seconds_left") for data in found if data and "train_loss" in data]
    assert left[0] is None  # the first step tells nothing of the others
    assert all(seconds > 0 for seconds in left[1:-1])
    assert left[-1] == 0


async def test_events_are_complete_and_paginated(training: Training) -> None:
    events = await events_of(training.engine, training.job.id)
    assert len({event.id for event in events}) == len(events) > 20
    messages = [event.message for event in events if event.type == "message"]
    assert messages[0].startswith("Created fine-tuning job")
    assert messages[-1] == "The job has successfully completed"
    page = await training.engine.client().fine_tuning.jobs.list_events(training.job.id, limit=3)
    assert page.has_more
    assert page.data[0].message == "The job has successfully completed"


async def test_tuned_model_is_listed_and_has_learned(training: Training) -> None:
    client = training.engine.client()
    assert training.model in [model.id for model in (await client.models.list()).data]
    described = await client.models.retrieve(training.model)
    assert described.owned_by == "herosmith-engine"
    folders = (training.engine.data / "models").glob(f"{training.model.replace(':', '_')}*")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert described.model_extra == {"bytes": sum(path.stat().st_size for path in files)}
    answers = [
        await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "31, woman, flight ->"}],
            temperature=0,
            max_tokens=40,
        )
        for model in (TINY, training.model)
    ]
    base, tuned = [answer.choices[0].message.content or "" for answer in answers]
    assert answers[1].model == training.model
    # words of the training examples, which the base never generates
    assert "She is" in tuned
    assert "She is" not in base


async def test_what_is_kept_of_each_way(training: Training, adapter_training: Training) -> None:
    everything, adapted = [
        {path.relative_to(each.folder).as_posix() for path in each.folder.rglob("*") if path.is_file()}
        for each in (training, adapter_training)
    ]
    assert everything == {"manifest.json", "model.gguf"}
    assert adapted == everything | {"adapter/adapter_model.safetensors", "adapter/adapter_config.json"}


async def test_finished_job_cannot_be_cancelled(training: Training) -> None:
    with pytest.raises(openai.BadRequestError, match="already succeeded"):
        await training.engine.client().fine_tuning.jobs.cancel(training.job.id)


async def test_base_cannot_be_deleted(engine: EngineProcess) -> None:
    with pytest.raises(openai.PermissionDeniedError):
        await engine.client().models.delete(TINY)
