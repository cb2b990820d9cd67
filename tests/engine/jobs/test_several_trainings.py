"""Several trainings at once: by number and by memory, each with a process of its own."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from engine.jobs.job_folder import JobStore
from engine.jobs.queue import JobQueue
from engine.jobs.schema import CreateJobRequest, JobEvent
from engine.jobs.service import JobService
from engine.jobs.trainer_process import TrainerProcesses
from engine.jobs.weights_choice import WeightsChooser
from engine.messages import Message
from engine.storage.files import FileStore
from engine.storage.models import ModelStore
from engine.storage.weights import Weights
from engine.tokens import Turn
from engine.training_request import Checkpoint, TrainingResult
from tests.support.engine_jobs import has_exited, messages_of, start, until_step
from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY
from tests.support.training_requests import write_request


@pytest.fixture(scope="module")
def two_at_once(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with EngineProcess(tmp_path_factory.mktemp("two"), tiny_base, options=("--trainings", "2")) as engine:
        yield engine


def trainers_of(engine: EngineProcess) -> list[psutil.Process]:
    """Return the trainer processes that run, the oldest first."""
    templates = psutil.Process(engine.process.pid).children()
    return sorted((each for template in templates for each in template.children()), key=lambda each: each.pid)


async def test_a_killed_trainer_fails_its_job_alone_and_makes_room(two_at_once: EngineProcess) -> None:
    client = two_at_once.client()
    killed, other, waiting = [await start(client) for _ in range(3)]
    await until_step(two_at_once, killed.id, 1)
    await until_step(two_at_once, other.id, 1)
    assert (await client.fine_tuning.jobs.retrieve(waiting.id)).status == "queued"
    first, second = trainers_of(two_at_once)
    assert first.parent() == second.parent()
    first.kill()
    failed = await two_at_once.until(killed.id, {"failed"})
    assert failed.error.code == "trainer_died"
    assert "killed from outside" in failed.error.message
    await two_at_once.until(waiting.id, {"running"})
    assert (await client.fine_tuning.jobs.retrieve(other.id)).status == "running"
    for job in (other, waiting):
        await client.fine_tuning.jobs.cancel(job.id)
    assert has_exited(second)


async def test_one_is_paused_while_another_one_goes_on_to_its_end(two_at_once: EngineProcess) -> None:
    client = two_at_once.client()
    paused = await start(client)
    await until_step(two_at_once, paused.id, 1)
    [trainer] = trainers_of(two_at_once)
    other = await start(client, hyperparameters={"n_epochs": 5})
    await until_step(two_at_once, other.id, 1)
    await client.fine_tuning.jobs.pause(paused.id)
    assert has_exited(trainer)
    await two_at_once.until(other.id, {"succeeded"})
    assert (await client.fine_tuning.jobs.resume(paused.id)).status == "queued"
    await two_at_once.until(paused.id, {"running"})
    await client.fine_tuning.jobs.cancel(paused.id)
    told = await messages_of(two_at_once, other.id)
    assert not any(message.startswith("Resuming") for message in told)


async def test_another_one_waits_for_memory(tiny_base: Path, tmp_path: Path) -> None:
    """The first one begins whatever is free, and says itself what it lacks."""
    runner = TrainerProcesses(at_once=2, free_memory=lambda: 2**30)
    request = write_request(tmp_path, tiny_base, n_epochs=200)
    told: list[JobEvent | Checkpoint] = []

    async def train() -> TrainingResult | None:
        return await runner.train(tmp_path, request, asyncio.Event(), told.append)

    assert await runner.obstacle(request) == ""
    training = asyncio.create_task(train())
    await eventually(lambda: bool(told), timeout=240, what="the training has begun")
    assert "GiB of memory: it waits until another training has ended" in await runner.obstacle(request)
    assert runner.free_memory() > 2**30, "what this training holds would be free without it"
    training.cancel()
    await asyncio.wait([training])
    assert await runner.obstacle(request) == ""
    await runner.close()


async def test_a_job_says_what_it_waits_for_and_begins_when_it_can(tiny_base: Path, tmp_path: Path) -> None:
    runner = TrainerProcesses(at_once=2, free_memory=lambda: 2**30)
    store, files = JobStore(tmp_path / "jobs"), FileStore(tmp_path / "files")
    models = ModelStore(tmp_path / "models", Weights(TINY, tiny_base))
    weights = WeightsChooser(tiny_base, tmp_path, "all")

    async def tokenize(messages: Sequence[Message]) -> Turn:
        return Turn([10] * len(messages), [20] * 20, 20)

    upload = files.begin_upload()
    upload.write_bytes(jsonl(map(example, range(20, 32)))[1])
    file = files.commit(upload, "examples.jsonl", "fine-tune")
    request = CreateJobRequest(model=TINY, training_file=file.id)
    async with JobQueue(store, files, models, weights, tokenize, runner) as queue:
        service = JobService(store, files, models, weights, queue)
        first, second = service.create(request), service.create(request)

        def waits() -> bool:
            found = [event for event in service.events(second.id) if event.level == "warn"]
            return any("it waits until another training has ended" in event.message for event in found)

        await eventually(waits, timeout=240, what="the second job waits")
        assert (first.status, second.status) == ("running", "queued")
        service.cancel(first.id)
        await eventually(lambda: second.has_status("running"), timeout=240, what="the second one begins")
        service.cancel(second.id)
