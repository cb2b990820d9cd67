"""Builds through the Batch API of the real engine, which is killed in the middle of a batch."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from bot.app import Timing, open_app
from bot.jobs.queue import WorkerTiming
from bot.llm.batch_api import BatchLimits
from bot.settings import Settings
from bot.store.job_schema import BuildResult
from tests.support.engine_batches import results
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY


@pytest.fixture
def own_engine(tiny_base: Path, tmp_path: Path) -> Iterator[EngineProcess]:
    with EngineProcess(tmp_path / "engine", tiny_base) as engine:
        yield engine


@pytest.fixture
async def client(own_engine: EngineProcess) -> AsyncIterator[AsyncOpenAI]:
    client = own_engine.client()
    yield client
    own_engine.clients.remove(client)
    await client.close()


@pytest.fixture
def timing() -> Timing:
    return Timing(worker=WorkerTiming(heartbeat=0.05), batches=BatchLimits(poll=0.05, start_pauses=(0.1, 1)))


@pytest.fixture
def settings(settings: Settings, own_engine: EngineProcess, heroes_toml: Path) -> Settings:
    """Return settings whose model is random: the openings that it is given make the texts."""
    text = heroes_toml.read_text()
    text = re.sub(r"^shortest = \d+$", "shortest = 20", text, flags=re.MULTILINE)
    heroes_toml.write_text(re.sub(r"^max_tokens = \d+", "max_tokens = 4", text, flags=re.MULTILINE))
    return settings.model_copy(
        update={
            "engine_url": own_engine.url,
            "author_model": TINY,
            "base_model": TINY,
            "heroes_file": heroes_toml,
        }
    )


async def answered(client: AsyncOpenAI) -> int:
    """Return how many requests of the first batch have an answer."""
    for batch in (await client.batches.list()).data:
        return batch.request_counts.completed if batch.request_counts else 0
    return 0


async def test_a_build_survives_a_kill_of_the_engine(
    settings: Settings, timing: Timing, own_engine: EngineProcess, client: AsyncOpenAI
) -> None:
    async with open_app(settings, timing) as app:
        spec = app.planner.spec(repeats=1, limit=60, batch=True)
        job, _ = await app.builds.submit(spec)
        work = asyncio.create_task(app.worker.run_next())
        async with asyncio.timeout(120):

            async def some_are_answered() -> bool:
                return await answered(client) >= 5

            await eventually(some_are_answered, what="five requests are answered", timeout=60)
            assert await answered(client) < 59
            own_engine.process.kill()
            own_engine.process.wait()
            own_engine.start()
            assert await work
        job = await app.jobs.get(job.id)
        records = [record async for record in app.selector.examples_by_hero(spec)]

    assert (job.state, job.cost) == ("succeeded", 0)
    assert isinstance(job.result, BuildResult)
    ended = (await client.batches.list()).data
    assert [batch.status for batch in ended] == ["completed"] * len(ended)
    ids = [line["custom_id"] for batch in ended for line in await results(client, batch.output_file_id)]
    assert len(ids) == len(set(ids)) == job.result.asked - 1  # one was asked directly
    assert job.result.counts["example"] >= 50
    for hero, text in records:
        assert text is None or f"{hero.age}-year-old {hero.gender}" in text.text


async def test_the_bot_cancels_its_batch(settings: Settings, timing: Timing, client: AsyncOpenAI) -> None:
    async with open_app(settings, timing) as app:
        job, _ = await app.builds.submit(app.planner.spec(repeats=8, batch=True))
        work = asyncio.create_task(app.worker.run_next())

        async def has_begun() -> bool:
            return await answered(client) >= 1

        await eventually(has_begun, what="a request is answered", timeout=60)
        await app.jobs.cancel(job.id)
        await asyncio.wait_for(work, 30)
        await app.worker.run_next()

        async def is_cancelled() -> bool:
            return (await client.batches.list()).data[0].status == "cancelled"

        await eventually(is_cancelled, what="the engine's batch is cancelled")
        assert (await app.jobs.get(job.id)).state == "cancelled"
