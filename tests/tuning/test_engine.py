"""Fine-tuning at the real engine, on a tiny model: texts, pairs, a kill, and another server that serves."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import psutil
import pytest

from bot.app import App, Timing, open_app
from bot.heroes.hero import Hero
from bot.jobs.queue import WorkerTiming
from bot.processes import run_engine
from bot.settings import ROOT, Settings
from bot.store import datasets, jobs
from bot.store.datasets import DatasetKind, Item
from bot.store.job_schema import FinetuneResult, FinetuneSpec
from bot.store.jobs import Job
from tests.support.databases import ON_POSTGRES, Databases, database_variables
from tests.support.eventually import eventually
from tests.support.lora_server import KEY, LoraServer, lora_server
from tests.support.tiny_engine import TINY, Training

HERO = Hero(63, "woman", "flight")


@pytest.fixture
def settings(training: Training, tmp_path: Path, databases: Databases) -> Settings:
    """Return the settings of an installation whose engine has tuned a model before."""
    return Settings(
        data_dir=tmp_path / "var",
        database_url=databases.new(tmp_path / "var"),
        engine_url=training.engine.url,
        author_model=TINY,
        base_model=TINY,
        heroes_file=ROOT / "data" / "heroes.toml",
        check_heroes=0,  # a tiny random model would pass no check
    )


@pytest.fixture
def timing() -> Timing:
    return Timing(worker=WorkerTiming(heartbeat=0.05))


async def freeze(app: App, kind: DatasetKind, number: int = 24) -> int:
    """Freeze a dataset of either kind, and return its version."""
    prompts = [f"{age}, woman, flight ->" for age in range(20, 20 + number)]
    items = [
        Item(
            "valid" if at % 8 == 7 else "train",
            prompt,
            f"She is {prompt[:2]} and she can fly.",
            "example",
            at,
        )
        for at, prompt in enumerate(prompts)
    ]
    if kind == "preference":
        items = [item._replace(rejected="She walks.") for item in items]
    valid = sum(item.split == "valid" for item in items)
    async with app.db.write() as tx:
        frozen = await datasets.add(
            tx,
            items,
            kind=kind,
            content_hash=f"{kind} {number}",
            recipe={},
            counts={"train": number - valid, "valid": valid},
            at=time.time(),
        )
    return frozen.id


async def has_done(app: App, job: Job, steps: int) -> bool:
    return (await app.jobs.get(job.id)).done >= steps


async def done(app: App, job: Job) -> Job:
    assert await app.worker.run_next()
    return await app.jobs.get(job.id)


async def test_texts_then_pairs_from_the_live_model_on(app: App) -> None:
    await freeze(app, "sft")
    await freeze(app, "preference")

    first = await done(app, (await app.finetunes.submit(dataset=1, epochs=2))[0])
    assert (first.state, first.error) == ("succeeded", None)
    second = await done(app, (await app.finetunes.submit(dataset=2))[0])
    assert (second.state, second.error) == ("succeeded", None)

    live, candidate = await app.registry.all()
    assert (second.spec_as(FinetuneSpec).base, second.spec_as(FinetuneSpec).method) == (live.name, "dpo")
    assert (live.state, candidate.state) == ("live", "candidate")
    assert (
        candidate.metrics["loss_before"] > 0.6931
    )  # log 2: nothing preferred yet; and the better text's own
    result = second.result_as(FinetuneResult)
    assert len(result.heroes) == 3
    assert [str(side.by) for side in result.heroes[0].sides] == [
        "base",
        "live: model 1",
        "candidate: model 2",
    ]
    chart = app.settings.data_dir / result.files[0]
    assert chart.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
async def test_a_training_outlives_its_engine(settings: Settings, tiny_base: Path) -> None:
    """A supervised engine killed by SIGKILL is started again, and the job continues."""
    plain = settings.model_copy(update={"engine_url": None, "engine_base": str(tiny_base)})
    async with run_engine(plain) as reachable, open_app(reachable) as own:
        await freeze(own, "sft", 120)
        job, _ = await own.finetunes.submit(epochs=8)
        work = asyncio.create_task(own.worker.run_next())
        await eventually(partial(has_done, own, job, 20), what="20 steps are done", timeout=200)
        data = str(own.settings.data_dir / "engine")
        (engine,) = (each for each in psutil.Process().children() if data in each.cmdline())
        os.kill(engine.pid, signal.SIGKILL)
        assert await asyncio.wait_for(work, 200)
        ended = await own.jobs.get(job.id)
        assert (ended.state, ended.error) == ("succeeded", None)
        assert [model.state for model in await own.registry.all()] == ["live"]


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_training_of_the_terminal_outlives_the_bot_and_its_engine(
    tmp_path: Path, tiny_base: Path, databases: Databases
) -> None:
    """The command starts an engine of its own then; it waited for the bot's for ever."""
    data_dir = tmp_path if ON_POSTGRES else tmp_path / "playground"  # the playground is never on PostgreSQL
    plain = Settings(
        data_dir=data_dir,
        database_url=databases.new(data_dir),
        engine_base=str(tiny_base),
        author_model=TINY,
        base_model=TINY,
        check_heroes=0,
    )
    ours = {
        "DATA_DIR": str(tmp_path),
        "ENGINE_BASE": str(tiny_base),
        "AUTHOR_MODEL": TINY,
        "BASE_MODEL": TINY,
        "CHECK_HEROES": "0",
        **database_variables(plain.database_url),
    }
    async with open_app(plain) as app:
        async with run_engine(plain):
            await freeze(app, "sft", 120)
            command = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "finetune", "--epochs", "8", "--yes"),
                env={**os.environ, **ours, "PYTHONPATH": str(ROOT)},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )

            async def is_training() -> bool:
                return any(job.done for job in await app.jobs.recent(1))

            await eventually(is_training, what="it trains", timeout=200)
        try:
            printed, _ = await asyncio.wait_for(command.communicate(), 200)
        finally:
            if command.returncode is None:
                command.kill()
        assert command.returncode == 0, printed.decode()
        assert [model.state for model in await app.registry.all()] == ["live"]


@pytest.fixture
async def elsewhere(settings: Settings) -> AsyncIterator[tuple[App, LoraServer]]:
    """Return the same installation, whose models are served by another server."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(lora_server())
        chosen = Settings(
            **settings.model_dump(exclude_none=True),
            serving_url=server.url,
            serving_api_key=KEY,
        )
        yield await stack.enter_async_context(open_app(chosen)), server


async def test_a_model_tuned_here_answers_elsewhere_also_after_a_restart_there(
    elsewhere: tuple[App, LoraServer],
) -> None:
    app, server = elsewhere
    await freeze(app, "sft")
    ended = await done(app, (await app.finetunes.submit(epochs=1))[0])
    assert (ended.state, ended.error) == ("succeeded", None)
    (model,) = await app.registry.all()

    assert (await app.describer.describe(HERO, requester=1)).model == model.name
    server.restart()
    assert (await app.describer.describe(HERO, requester=1)).model == model.name
    assert model.state == "live"


async def test_a_pause_holds_the_engines_training(app: App) -> None:
    await freeze(app, "sft", 80)
    job, _ = await app.finetunes.submit(epochs=6)
    work = asyncio.create_task(app.worker.run_next())
    await eventually(partial(has_done, app, job, 2), what="2 steps are done", timeout=120)

    await app.jobs.pause(job.id)
    await work
    paused = await app.jobs.get(job.id)
    assert (paused.state, str(paused.phase), paused.owner) == ("paused", "the training stands still", None)

    await app.jobs.resume(job.id)
    assert await app.worker.run_next()
    ended = await app.jobs.get(job.id)
    assert (ended.state, ended.remote_job_id) == ("succeeded", paused.remote_job_id)
    async with app.db.read() as tx:
        assert await jobs.remote_job_ids(tx) == {paused.remote_job_id}


async def test_a_model_that_cannot_be_served_yet_is_kept_and_waits_for_its_name(
    elsewhere: tuple[App, LoraServer],
) -> None:
    app, server = elsewhere
    server.updating = False
    await freeze(app, "sft")
    ended = await done(app, (await app.finetunes.submit(epochs=1))[0])
    assert (ended.state, ended.error) == ("succeeded", None)
    (model,) = await app.registry.all()
    assert (model.state, model.served_as) == ("candidate", None)
    assert "/models deployed model:1" in str(ended.result_as(FinetuneResult).deploy)
