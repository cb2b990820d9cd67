"""Replicas: one to three and back, new ones in place of old ones, and answers that nobody waits for."""

import asyncio
import signal

import pytest
from openai import AsyncOpenAI

from engine.limits import SLOTS
from tests.engine.cluster.conftest import StartEngine, under_load
from tests.support.engine_chats import USER
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY

pytestmark = pytest.mark.cluster


async def test_one_to_three_replicas_and_back(start_engine: StartEngine) -> None:
    engine = start_engine("--max-replicas", "3", "--idle-seconds", "3")
    async with under_load(engine, 3 * SLOTS) as load:

        async def are_three() -> bool:
            return len(await engine.replicas()) == 3

        await eventually(are_three, what="three replicas", timeout=90)
    async with under_load(engine, 1) as small_load:

        async def is_one() -> bool:
            return len(await engine.replicas()) == 1

        await eventually(is_one, what="one replica", timeout=60)
        await eventually(lambda: len(engine.replica_processes()) == 1, what="one process", timeout=30)
    assert load.failed == small_load.failed == []


async def test_an_update_replaces_all_replicas_and_loses_no_chat(start_engine: StartEngine) -> None:
    engine = start_engine("--min-replicas", "2", "--max-replicas", "2")

    async def are_two() -> bool:
        return len(await engine.replicas()) == 2

    await eventually(are_two, what="two replicas", timeout=60)
    before = {each.pid for each in engine.replica_processes()}
    async with under_load(engine, 6) as load:
        await asyncio.sleep(1)
        engine.process.send_signal(signal.SIGHUP)
        await eventually(
            lambda: "the replicas have been replaced" in engine.log.read_text(), what="an update", timeout=90
        )
    await eventually(
        lambda: before.isdisjoint(each.pid for each in engine.replica_processes()),
        what="the old processes have ended",
    )
    assert len(load.answered) > 6
    assert load.failed == []


async def test_an_answer_ends_when_its_client_leaves(start_engine: StartEngine) -> None:
    engine = start_engine()
    client: AsyncOpenAI = engine.client()
    streams = [
        await client.chat.completions.create(
            model=TINY, messages=USER, max_tokens=900, stream=True, seed=seed
        )
        for seed in range(4)
    ]
    for stream in streams:
        await stream.close()

    async def is_idle() -> bool:
        return [each["running"] for each in await engine.replicas()] == [0]

    await eventually(is_idle, what="the replica has nothing to do", timeout=20)
