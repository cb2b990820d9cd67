"""With "auto" epochs, the model is that of the epoch with the lowest held-out loss."""

from typing import Any

import openai
import pytest

from tests.support.engine_jobs import start, until_step, upload
from tests.support.engine_process import EngineProcess, example
from tests.support.tiny_engine import TINY

_QUESTION: Any = [{"role": "user", "content": "31, woman, flight ->"}]


def _contrary(number: int) -> dict[str, Any]:
    """Return a text that becomes less likely the more examples are learned."""
    [question, _] = example(number)["messages"]
    return {"messages": [question, {"role": "assistant", "content": "Zzz 7 zzz? Qx, qx! #" + "@" * 9}]}


async def _start(engine: EngineProcess, **options: Any) -> Any:
    usual = {"weights": "all", "learning_rate_multiplier": 20.0, "batch_size": 2}
    numbers = usual | options.pop("numbers", {})
    client = engine.client()
    return await start(
        client,
        training_file=await upload(client, map(example, options.pop("examples", range(20, 44)))),
        validation_file=await upload(client, map(_contrary, range(60, 66))),
        hyperparameters=numbers,
        seed=7,
        **options,
    )


async def _metrics(engine: EngineProcess, job: Any) -> list[dict[str, Any]]:
    """Return the data of a job's metrics events, the oldest first."""
    events = engine.client().fine_tuning.jobs.list_events(job.id, limit=100)
    found = [event.data async for event in events]
    return [data for data in found if isinstance(data, dict)][::-1]


async def _answer(engine: EngineProcess, model: str) -> str | None:
    answer = await engine.client().chat.completions.create(
        model=model, messages=_QUESTION, temperature=0, max_tokens=30
    )
    return answer.choices[0].message.content


@pytest.mark.parametrize("is_interrupted", [False, True])
async def test_an_earlier_epoch_is_restored(engine: EngineProcess, is_interrupted: bool) -> None:
    """The texts held out are contrary to those that are learned: the second epoch makes them less likely."""
    client = engine.client()
    reference = await upload(client, map(example, range(60, 66)))
    job = await _start(engine, extra_body={"reference_file": reference})
    if is_interrupted:
        await until_step(engine, job.id, 1)  # 23 are left
        await client.fine_tuning.jobs.pause(job.id)
        await engine.until(job.id, {"paused"})
        await client.fine_tuning.jobs.resume(job.id)
    done = await engine.until(job.id, {"succeeded"})
    metrics = await _metrics(engine, job)
    losses = {each["step"]: each["full_valid_loss"] for each in metrics if "full_valid_loss" in each}
    assert losses[12] < losses[24] - 0.05
    [kept] = [each for each in metrics if "kept_epoch" in each]
    assert kept == {
        "step": 12,
        "total_steps": 24,
        "full_valid_loss": losses[12],
        "kept_epoch": 1,
        "epochs": 2,
    }
    assert done.hyperparameters.n_epochs == 1
    assert done.method.supervised.hyperparameters.n_epochs == 1

    found = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
    by_name = {each.fine_tuned_model_checkpoint: each.step_number for each in found}
    name = done.fine_tuned_model
    assert by_name == {name: 12, f"{name}:ckpt-step-12": 12, f"{name}:ckpt-step-24": 24}
    models = [name, f"{name}:ckpt-step-12", f"{name}:ckpt-step-24"]
    model, first, last = [await _answer(engine, each) for each in models]
    assert model == first
    assert model != last
    loss = done.model_extra["reference_loss"]
    [before, after] = [each["reference_loss"] for each in metrics if "reference_loss" in each]
    assert (before["after"], after["after"]) == (None, loss["after"])
    assert loss["after"] < loss["before"]


async def test_a_deleted_model_takes_both_names_of_its_files_along(engine: EngineProcess) -> None:
    client = engine.client()
    done = await engine.until((await _start(engine)).id, {"succeeded"})
    name = done.fine_tuned_model
    await client.models.delete(f"{name}:ckpt-step-12")
    assert await _answer(engine, name)
    await client.models.delete(name)
    assert not list((engine.data / "models").glob(f"*{done.id[-8:]}*"))


async def test_an_epoch_whose_checkpoint_was_deleted_is_not_restored(engine: EngineProcess) -> None:
    client = engine.client()
    job = await _start(
        engine, examples=range(100), numbers={"batch_size": 1, "learning_rate_multiplier": 10.0}
    )
    await until_step(engine, job.id, 101)  # 99 are left
    await client.fine_tuning.jobs.pause(job.id)
    await engine.until(job.id, {"paused"})
    [checkpoint] = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
    await client.models.delete(checkpoint.fine_tuned_model_checkpoint)
    await client.fine_tuning.jobs.resume(job.id)
    done = await engine.until(job.id, {"succeeded"})
    assert done.hyperparameters.n_epochs == 2
    [only] = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
    assert only.step_number == 200
    metrics = await _metrics(engine, job)
    losses = {each["step"]: each["full_valid_loss"] for each in metrics if "full_valid_loss" in each}
    assert losses[100] < losses[200]


async def test_a_number_of_epochs_is_kept_to(engine: EngineProcess) -> None:
    done = await engine.until((await _start(engine, numbers={"n_epochs": 2})).id, {"succeeded"})
    assert done.hyperparameters.n_epochs == 2
    assert not any("kept_epoch" in each for each in await _metrics(engine, done))
    [last, _] = (await engine.client().fine_tuning.jobs.checkpoints.list(done.id)).data
    assert (last.fine_tuned_model_checkpoint, last.step_number) == (done.fine_tuned_model, 24)


async def test_the_last_epoch_stays_if_it_is_the_best(engine: EngineProcess) -> None:
    client = engine.client()
    job = await start(
        client,
        validation_file=await upload(client, map(example, range(60, 66))),
        hyperparameters=openai.omit,
    )
    done = await engine.until(job.id, {"succeeded"})
    assert done.hyperparameters.n_epochs == 2
    assert not any("kept_epoch" in each for each in await _metrics(engine, done))
    assert f"ft:{TINY}" in done.fine_tuned_model
