"""Checkpoints, losses, pause and resume, and crashes of the engine during a training."""

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from bot.tuning.follow import progress_since_resumed
from engine.jobs.job_folder import JobFolder
from tests.support.engine_jobs import has_exited, messages_of, start, trainer_of, until_step, upload
from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY, Training

USER: Any = [{"role": "user", "content": "31, woman, flight ->"}]


async def losses(client: AsyncOpenAI, job: Any) -> list[dict[str, str]]:
    [file_id] = job.result_files
    assert (await client.files.retrieve(file_id)).purpose == "fine-tune-results"
    content = await client.files.content(file_id)
    return list(csv.DictReader(io.StringIO(content.text)))


async def test_losses_are_a_csv_file(training: Training) -> None:
    rows = await losses(training.engine.client(), training.job)
    assert [row["step"] for row in rows] == [str(step) for step in range(19)]
    assert [row["step"] for row in rows if row["valid_loss"]] == ["0", "3", "6", "9", "12", "15", "18"]
    assert rows[0]["train_loss"] == ""
    assert float(rows[18]["train_loss"]) < float(rows[1]["train_loss"])


async def test_checkpoints_of_the_last_epochs_can_be_used(training: Training) -> None:
    client = training.engine.client()
    pages = client.fine_tuning.jobs.checkpoints.list(training.job.id, limit=1)
    latest, previous, *older = [checkpoint async for checkpoint in pages]
    assert [checkpoint.step_number for checkpoint in (latest, previous, *older)] == [18, 15, 12]
    assert latest.fine_tuned_model_checkpoint == training.model
    assert previous.metrics.full_valid_loss is not None
    assert previous.metrics.train_loss is not None
    name = previous.fine_tuned_model_checkpoint
    assert name == f"{training.model}:ckpt-step-15"
    answer = await client.chat.completions.create(model=name, messages=USER, temperature=0, max_tokens=20)
    assert "She is" in (answer.choices[0].message.content or "")
    assert name not in [model.id for model in (await client.models.list()).data]


@pytest.mark.parametrize(("before", "jobs_meanwhile"), [("training", 1), ("adapter_training", 0)])
async def test_a_paused_and_resumed_training_has_the_same_losses(
    request: pytest.FixtureRequest, before: str, jobs_meanwhile: int
) -> None:
    """The same seed gives the same losses, to the last digit up to the pause; others may run meanwhile."""
    uninterrupted: Training = request.getfixturevalue(before)
    engine, of = uninterrupted.engine, uninterrupted.job
    client = engine.client()
    job = await start(
        client, training_file=of.training_file, hyperparameters=of.hyperparameters.model_dump(), seed=of.seed
    )
    # the trainer has the lowest priority: it does not do the other 17 before it is asked to pause
    await until_step(engine, job.id, 1)
    trainer = trainer_of(engine)
    await client.fine_tuning.jobs.pause(job.id)
    await engine.until(job.id, {"paused"})
    assert has_exited(trainer)
    for _ in range(jobs_meanwhile):
        await engine.until((await start(client, hyperparameters={"n_epochs": 1})).id, {"succeeded"})
    await engine.until(job.id, {"paused"})
    with pytest.raises(openai.BadRequestError, match="The job is paused"):
        await client.fine_tuning.jobs.pause(job.id)

    assert (await client.fine_tuning.jobs.resume(job.id)).status == "queued"
    done = await engine.until(job.id, {"succeeded"})
    assert any(message.startswith("Resuming after step") for message in await messages_of(engine, job.id))
    assert done.trained_tokens == of.trained_tokens
    expected, resumed = [
        [float(row["train_loss"]) for row in await losses(client, finished) if row["train_loss"]]
        for finished in (of, done)
    ]
    assert resumed[0] == expected[0]
    assert resumed == pytest.approx(expected, rel=1e-3)


async def test_a_finished_job_is_neither_paused_nor_resumed(training: Training) -> None:
    jobs = training.engine.client().fine_tuning.jobs
    for change in (jobs.pause, jobs.resume):
        with pytest.raises(openai.BadRequestError, match="already succeeded"):
            await change(training.job.id)


async def test_a_paused_job_can_be_cancelled(engine: EngineProcess) -> None:
    client = engine.client()
    job = await start(client)
    await engine.until(job.id, {"running"})
    await client.fine_tuning.jobs.pause(job.id)
    assert (await client.fine_tuning.jobs.cancel(job.id)).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="already been cancelled"):
        await client.fine_tuning.jobs.resume(job.id)


@pytest.mark.parametrize("weights", ["all", "adapter"])
async def test_after_a_kill_the_training_resumes_from_its_last_checkpoint(
    tiny_base: Path, tmp_path: Path, weights: str
) -> None:
    with EngineProcess(tmp_path, tiny_base) as engine:
        numbers: Any = {"n_epochs": 15, "weights": weights}
        job = await start(engine.client(), hyperparameters=numbers)
        await engine.until(job.id, {"running"})
        await until_step(engine, job.id, 4)  # the first epoch, of three steps, is always saved
        trainer = trainer_of(engine)
        engine.process.kill()
        engine.process.wait()
        assert has_exited(trainer)
        folder = tmp_path / "jobs" / job.id
        # what a killed trainer has half written is not resumed from, and goes with the job
        (folder / "state.pt.part").write_bytes((folder / "state.pt").read_bytes()[:1000])
        engine.start()
        await engine.until(job.id, {"succeeded"})
        messages = await messages_of(engine, job.id)
        assert any("restarted" in message and "last checkpoint" in message for message in messages)
        [resumed] = [message for message in messages if message.startswith("Resuming after step")]
        step = int(resumed.split()[3])
        assert step >= 3
        events = (await engine.client().fine_tuning.jobs.list_events(job.id, limit=100)).data
        *_, phase = progress_since_resumed(job, events)  # what the bot tells people of it
        assert str(phase).endswith(f"; went on from step {step}")
        assert list(folder.glob("state.pt*")) == []


async def test_a_stop_saves_the_training_which_goes_on_where_it_was(tiny_base: Path, tmp_path: Path) -> None:
    """In its only epoch, and long before it would be saved for its time."""
    with EngineProcess(tmp_path, tiny_base) as engine:
        client = engine.client()
        examples = [example(number) for number in range(1000)]
        numbers: Any = {"n_epochs": 1, "batch_size": 1}
        job = await start(client, training_file=await upload(client, examples), hyperparameters=numbers)
        waiting = await start(client)
        await until_step(engine, job.id, 5)  # each fifth one is told
        assert engine.stop() == 0
        told = [event.message for event in JobFolder(tmp_path / "jobs" / job.id).events()]
        last = max(int(message.split("/")[0].split()[1]) for message in told if message.startswith("Step "))
        assert "The engine is stopping: the job is queued again" in told
        assert "Unknown child process" not in engine.log.read_text()

        engine.start()
        await engine.until(job.id, {"running"})
        await until_step(engine, job.id, last + 5)
        [resumed] = [
            message
            for message in await messages_of(engine, job.id)
            if message.startswith("Resuming after step")
        ]
        assert last <= int(resumed.split()[3]) < last + 5
        assert (await client.fine_tuning.jobs.retrieve(waiting.id)).status == "queued"
        for each in (waiting, job):
            await client.fine_tuning.jobs.cancel(each.id)


@pytest.fixture
def other_base(tiny_base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(tiny_base, tmp_path / "other.gguf"))


async def test_a_training_waits_while_another_base_is_served(
    tiny_base: Path, other_base: Path, tmp_path: Path
) -> None:
    with EngineProcess(tmp_path, tiny_base) as engine:
        job = await start(engine.client(), hyperparameters={"n_epochs": 15})
        await until_step(engine, job.id, 4)
        engine.stop()
    with EngineProcess(tmp_path, other_base) as engine:
        jobs = engine.client().fine_tuning.jobs
        await engine.until(job.id, {"paused"})
        with pytest.raises(openai.BadRequestError, match="started with the job's base again"):
            await jobs.resume(job.id)
    with EngineProcess(tmp_path, tiny_base) as engine:
        await engine.client().fine_tuning.jobs.resume(job.id)
        await engine.until(job.id, {"succeeded"})
        assert any(each.startswith("Resuming after step") for each in await messages_of(engine, job.id))


@pytest.mark.parametrize(
    ("before", "weights"),
    [("training", "all"), ("adapter_training", "all"), ("adapter_training", "adapter")],
)
async def test_a_tuned_model_is_tuned_further(
    request: pytest.FixtureRequest, before: str, weights: str
) -> None:
    """A second training starts where the first one ended, not from the base, whatever each has tuned.

    If its model is deleted, its checkpoints go with it, and the first one stays.
    """
    training: Training = request.getfixturevalue(before)
    client = training.engine.client()
    valid = await client.files.create(file=jsonl(map(example, range(60, 66))), purpose="fine-tune")
    numbers: Any = {"n_epochs": 2, "weights": weights}
    job = await start(client, model=training.model, validation_file=valid.id, hyperparameters=numbers)
    done = await training.engine.until(job.id, {"succeeded"})
    assert done.fine_tuned_model.startswith(f"ft:{TINY}:herosmith:")
    assert done.hyperparameters.weights == weights
    first = float((await losses(client, done))[0]["valid_loss"])
    last = float((await losses(client, training.job))[-1]["valid_loss"])
    assert first == pytest.approx(last, abs=0.02)  # a GGUF file has 8 bits a weight

    _, checkpoint = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
    await client.models.delete(done.fine_tuned_model)
    assert (await client.fine_tuning.jobs.checkpoints.list(job.id)).data == []
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve(checkpoint.fine_tuned_model_checkpoint)
    assert list((training.engine.data / "models").glob(f"*{job.id[-8:]}*")) == []
    assert await client.models.retrieve(training.model)


async def test_an_adapter_on_a_model_whose_weights_were_all_tuned_is_refused(training: Training) -> None:
    numbers: Any = {"weights": "adapter"}
    with pytest.raises(openai.BadRequestError, match="give the base as the model") as caught:
        await start(training.engine.client(), model=training.model, hyperparameters=numbers)
    assert caught.value.param == "model"


async def test_a_kill_while_a_model_is_written_leaves_none(tiny_base: Path, tmp_path: Path) -> None:
    """The training goes on, and writes the model anew."""
    with EngineProcess(tmp_path, tiny_base) as engine:
        job = await start(engine.client(), hyperparameters={"n_epochs": 3})
        await engine.until(job.id, {"running"})
        name = f"ft:{TINY}:herosmith:{job.id[-8:]}"
        checkpoint = tmp_path / "models" / f"{name}:ckpt-step-3".replace(":", "_")
        await eventually(checkpoint.is_dir, timeout=240, interval=0.005, what="the checkpoint is begun")
        trainer = trainer_of(engine)
        engine.process.kill()
        engine.process.wait()
        assert has_exited(trainer)
        complete = (checkpoint / "manifest.json").is_file()
        engine.start()
        assert checkpoint.is_dir() == complete
        done = await engine.until(job.id, {"succeeded"})
        assert done.fine_tuned_model == name
        answer = await engine.client().chat.completions.create(model=name, messages=USER, max_tokens=3)
        assert answer.choices
