"""A replica, a node and the head die under load: what is lost, and how soon the next chat is answered."""

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.engine.cluster.conftest import ClusterEngine, Load, StartEngine, kill, under_load
from tests.support.engine_chats import USER
from tests.support.engine_process import jsonl
from tests.support.eventually import eventually
from tests.support.local_cluster import LocalCluster
from tests.support.tiny_engine import TINY

pytestmark = pytest.mark.cluster

FAILURE_SECONDS = 2.0  # on a machine that has a processor for each that wants one:
ANSWER_SECONDS = 3.0


def crowding() -> float:
    """Return how many processes share a processor of this machine, at least one."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def answered_again(load: Load, since: float) -> None:
    async def is_answered() -> bool:
        return any(began > since for began, _ in load.answered)

    await eventually(is_answered, what="a chat that began after the death is answered", timeout=30)


def check(load: Load, died: float) -> None:
    """Check that only chats in flight failed, clearly and soon, and that the next was answered soon."""
    assert [error for began, _, error in load.failed if began > died] == []
    for _, ended, error in load.failed:
        assert (error.status_code, error.code) == (503, "replica_lost"), error
        assert ended - died < FAILURE_SECONDS * crowding()
    assert min(ended for began, ended in load.answered if began > died) - died < ANSWER_SECONDS * crowding()


async def test_a_killed_replica_takes_only_the_chats_in_flight_along(start_engine: StartEngine) -> None:
    engine = start_engine("--min-replicas", "2", "--max-replicas", "2")
    await eventually(lambda: _has_replicas(engine, 2), what="two replicas", timeout=60)
    async with under_load(engine, 12) as load:
        await asyncio.sleep(2)
        died = kill(engine.replica_processes()[0])
        await answered_again(load, died)
        await eventually(lambda: _has_replicas(engine, 2), what="a new replica", timeout=60)
    check(load, died)
    metrics = await engine.metrics()
    assert metrics["engine_cluster_replicas_lost_total"] == 1
    assert metrics["engine_cluster_answers_broken_off_total"] == len(load.failed)
    assert "is lost: " in engine.log.read_text()


async def test_a_node_that_vanishes_for_good_is_made_up_for(
    start_engine: StartEngine, cluster: LocalCluster
) -> None:
    node = cluster.add_node()
    engine = start_engine("--min-replicas", "3", "--max-replicas", "3")
    await eventually(lambda: _has_replicas(engine, 3), what="three replicas", timeout=90)
    async with under_load(engine, 12) as load:
        await asyncio.sleep(2)
        died = time.monotonic()
        await asyncio.to_thread(cluster.kill_node, node)
        await answered_again(load, died)
        await eventually(lambda: _has_replicas(engine, 3), what="a replica elsewhere", timeout=90)
    check(load, died)
    await eventually(lambda: "has left the cluster" in engine.log.read_text(), what="the log tells it")


async def test_a_replica_that_stands_still_is_given_up(start_engine: StartEngine) -> None:
    """So is one whose machine vanishes: no connection tells it."""
    engine = start_engine("--min-replicas", "2", "--max-replicas", "2")
    await eventually(lambda: _has_replicas(engine, 2), what="two replicas", timeout=60)
    still = engine.replica_processes()[0]
    async with under_load(engine, 8) as load:
        await asyncio.sleep(1)
        still.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        await eventually(lambda: _has_lost(engine), what="it is given up", timeout=60)
        await answered_again(load, time.monotonic())
    assert [error for began, _, error in load.failed if began > stopped + 12] == []
    assert "it has said nothing for 10 s" in engine.log.read_text()
    still.send_signal(signal.SIGCONT)  # a machine that comes back
    await eventually(lambda: not still.is_running(), what="its process is ended")


async def test_a_killed_head_goes_on_as_a_killed_engine_does(start_engine: StartEngine) -> None:
    engine = start_engine("--min-replicas", "2", "--max-replicas", "2")
    client = engine.client()
    lines = [
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": TINY, "messages": [{"role": "user", "content": f"{number}"}], "max_tokens": 60},
        }
        for number in range(300)
    ]
    file = await client.files.create(file=jsonl(lines), purpose="batch")
    batch = await client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )

    async def has_begun() -> bool:
        counts = (await client.batches.retrieve(batch.id)).request_counts
        return counts is not None and counts.completed > 20

    await eventually(has_begun, what="the batch has begun", timeout=60)
    engine.process.send_signal(signal.SIGKILL)
    engine.process.wait()
    engine.start()

    async def has_ended() -> bool:
        return (await client.batches.retrieve(batch.id)).status == "completed"

    await eventually(has_ended, what="the batch is completed", timeout=120)
    batch = await client.batches.retrieve(batch.id)
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (300, 0)
    await eventually(lambda: _are_alone(engine, 2), what="the old replicas are gone", timeout=60)


@pytest.mark.usefixtures("cluster")
async def test_a_head_whose_own_node_dies_ends_with_a_sentence(tiny_base: Path, tmp_path: Path) -> None:
    """Whoever keeps it running starts it again; until then it could only refuse."""
    with ClusterEngine(tmp_path, tiny_base, cluster=("--address", "local")) as engine:
        (raylet,) = [
            each for each in psutil.Process(engine.process.pid).children() if each.name() == "raylet"
        ]
        kill(raylet)
        assert await asyncio.to_thread(engine.process.wait, 90) == 1
        assert "engine: Ray has ended on this machine: start it again" in engine.log.read_text()
        engine.start()
        await engine.client().chat.completions.create(model=TINY, messages=USER, max_tokens=3)


async def test_a_node_with_another_folder_serves_nothing_until_it_sees_the_heads(
    start_engine: StartEngine, tmp_path: Path
) -> None:
    """Storage that is not shared, or no longer mounted: the log says so, and a chat waits for a while."""
    engine = start_engine()
    mark = (tmp_path / "cluster.json").read_text()
    (tmp_path / "cluster.json").write_text('{"mark": "of another head"}')
    kill(engine.replica_processes()[0])
    await eventually(
        lambda: engine.log.read_text().count(f"does not see the head's folder {tmp_path}") > 1,
        what="both nodes have been refused",
        timeout=90,
    )
    assert await engine.replicas() == []
    waiting = asyncio.create_task(engine.client().chat.completions.create(model=TINY, messages=USER))
    (tmp_path / "cluster.json").write_text(mark)
    assert (await waiting).choices[0].message.content


async def _has_replicas(engine: ClusterEngine, number: int) -> bool:
    return len(await engine.replicas()) == number


async def _has_lost(engine: ClusterEngine) -> bool:
    metrics = await engine.metrics()
    return bool(metrics["engine_cluster_replicas_lost_total"] == 1)


async def _are_alone(engine: ClusterEngine, number: int) -> bool:
    return len(engine.replica_processes()) == number
