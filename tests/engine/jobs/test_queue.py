"""The job queue: rejected, failed, cancelled, killed and interrupted jobs."""

from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.support.engine_jobs import has_exited, start, trainer_of, upload
from tests.support.engine_process import EngineProcess, example
from tests.support.tiny_engine import TINY


@pytest.mark.parametrize(
    ("options", "param", "code"),
    [
        ({"training_file": "file-0"}, "training_file", "file_not_found"),
        ({"validation_file": "file-0"}, "validation_file", "file_not_found"),
        ({"suffix": "no spaces"}, "suffix", "invalid_value"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs", "invalid_value"),
        ({"hyperparameters": {"n_epochs": "many"}}, "hyperparameters.n_epochs", "invalid_value"),
        ({"hyperparameters": {"rank": 4}}, "hyperparameters.rank", "unknown_parameter"),
        ({"method": {"type": "reinforcement"}}, "method.type", "invalid_value"),
        ({"integrations": []}, "integrations", "unknown_parameter"),
    ],
)
async def test_rejected_by_name(client: AsyncOpenAI, options: Any, param: str, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await start(client, **options)
    assert (caught.value.param, caught.value.code) == (param, code)


async def test_null_fields_ask_for_nothing(client: AsyncOpenAI) -> None:
    """As clients send them that know more fields."""
    nothing = {"integrations": None, "hyperparameters": {"n_epochs": 1, "rank": None}}
    job = await start(client, extra_body=nothing)
    assert job.hyperparameters is not None
    assert job.hyperparameters.n_epochs == 1
    await client.fine_tuning.jobs.cancel(job.id)


async def test_unknown_model_and_job(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await start(client, model="nobody")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        await client.fine_tuning.jobs.retrieve("ftjob-0")


async def test_bad_training_file_fails_the_job_with_line_numbers(engine: EngineProcess) -> None:
    client = engine.client()
    examples = [example(number) for number in range(20, 32)]
    examples[3]["messages"].pop()
    job = await start(client, training_file=await upload(client, examples))
    assert job.status == "validating_files"
    job = await engine.until(job.id, {"failed"})
    assert (job.error.code, job.error.param) == ("invalid_training_file", "training_file")
    assert "line 4: the last message must be the assistant's" in job.error.message
    assert job.finished_at
    newest = (await client.fine_tuning.jobs.list_events(job.id, limit=1)).data[0]
    assert (newest.level, newest.message) == ("error", job.error.message)


async def test_bad_validation_file_fails_the_job(engine: EngineProcess) -> None:
    client = engine.client()
    job = await start(client, validation_file=await upload(client, ["no example"]))
    job = await engine.until(job.id, {"failed"})
    assert job.error.param == "validation_file"
    assert job.error.message.startswith("The validation file cannot be used: no line of it is an example")


async def test_one_job_trains_the_next_waits_and_both_can_be_cancelled(engine: EngineProcess) -> None:
    client = engine.client()
    first, second = await start(client), await start(client)
    await engine.until(first.id, {"running"})
    assert (await engine.until(second.id, {"queued"})).status == "queued"
    assert [job.id for job in (await client.fine_tuning.jobs.list(limit=2)).data] == [second.id, first.id]

    assert (await client.fine_tuning.jobs.cancel(second.id)).status == "cancelled"
    trainer = trainer_of(engine)
    cancelled = await client.fine_tuning.jobs.cancel(first.id)
    assert cancelled.status == "cancelled"
    assert cancelled.finished_at
    assert has_exited(trainer)
    # once the next job runs, the queue is done with the cancelled ones
    following = await start(client)
    await engine.until(following.id, {"running"})
    await client.fine_tuning.jobs.cancel(following.id)
    for job in (first, second):
        assert (await client.fine_tuning.jobs.retrieve(job.id)).status == "cancelled"


async def test_a_killed_trainer_fails_its_job_only(engine: EngineProcess) -> None:
    client = engine.client()
    killed, following = await start(client), await start(client)
    await engine.until(killed.id, {"running"})
    trainer_of(engine).kill()
    job = await engine.until(killed.id, {"failed"})
    assert job.error.code == "trainer_died"
    assert "killed from outside" in job.error.message
    assert job.fine_tuned_model is None
    answer = await client.chat.completions.create(
        model=TINY, messages=[{"role": "user", "content": "still there?"}], max_tokens=5, temperature=0
    )
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5
    await engine.until(following.id, {"running"})
    await client.fine_tuning.jobs.cancel(following.id)


async def test_a_file_deleted_while_its_job_waits_fails_the_job(engine: EngineProcess) -> None:
    client = engine.client()
    first, second = await start(client), await start(client)
    await engine.until(second.id, {"queued"})
    await client.files.delete(second.training_file)
    await client.fine_tuning.jobs.cancel(first.id)
    job = await engine.until(second.id, {"failed"})
    assert job.error.code == "file_not_found"


async def test_jobs_survive_a_killed_engine(tiny_base: Path, tmp_path: Path) -> None:
    """The engine is killed during a training, while a second job waits."""
    with EngineProcess(tmp_path, tiny_base) as engine:
        client = engine.client()
        running, waiting = await start(client), await start(client)
        await engine.until(running.id, {"running"})
        await engine.until(waiting.id, {"queued"})
        trainer = trainer_of(engine)
        template = trainer.parent()
        engine.process.kill()
        engine.process.wait()
        assert has_exited(trainer), "the trainer outlived its engine"
        assert template
        assert has_exited(template), "the trainers' template outlived its engine"

        # the crash cut the last event
        events = tmp_path / "jobs" / running.id / "events.jsonl"
        events.write_bytes(events.read_bytes() + b'{"id": "ftevent-half')
        engine.start()
        client = engine.client()
        again = await engine.until(running.id, {"running"})
        assert again.created_at == running.created_at
        for job in (running, waiting):
            events_of_job = client.fine_tuning.jobs.list_events(job.id)
            assert any(["restarted" in event.message async for event in events_of_job])
        assert (await client.fine_tuning.jobs.retrieve(waiting.id)).status == "queued"
