"""Fixtures of the tests on a cluster: nodes, engines on it, chats without end, and replicas' processes."""

import asyncio
import importlib.util
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import openai
import psutil
import pytest
from openai import AsyncOpenAI

from tests.support.engine_chats import USER
from tests.support.engine_process import EngineProcess
from tests.support.local_cluster import LocalCluster, two_nodes
from tests.support.tiny_engine import TINY

StartEngine = Callable[..., "ClusterEngine"]


class ClusterEngine(EngineProcess):
    """An engine on a cluster, and what runs for it there."""

    def replica_processes(self) -> list[psutil.Process]:
        """Return the processes of replicas on the nodes, which this process has started; the oldest first."""
        started = psutil.Process().children(recursive=True)
        return sorted(filter(_is_replica, started), key=psutil.Process.create_time)

    async def replicas(self) -> list[dict[str, int | str]]:
        """Return what /healthz says of them."""
        address = self.url.removesuffix("/v1") + "/healthz"
        async with aiohttp.ClientSession() as http, http.get(address) as answer:
            found: list[dict[str, int | str]] = (await answer.json())["replicas"]
            return found


def _is_replica(process: psutil.Process) -> bool:
    try:
        return " ".join(process.cmdline()).startswith("ray::Replica")
    except psutil.Error:  # it has just ended
        return False


@pytest.fixture(scope="session")
def cluster() -> LocalCluster:
    """Return a cluster of two nodes, to which a test may add others."""
    if importlib.util.find_spec("ray") is None:  # not imported: it reads its environment then
        pytest.skip("the extra `cluster` is not installed")
    return two_nodes()


@pytest.fixture
def start_engine(cluster: LocalCluster, tiny_base: Path, tmp_path: Path) -> Iterator[StartEngine]:
    """Return a function that starts an engine on the cluster with these options; it ends with the test."""
    with ExitStack() as stack:

        def start(*options: str, data: Path = tmp_path) -> ClusterEngine:
            more = ["--address", cluster.address, *options]
            return stack.enter_context(ClusterEngine(data, tiny_base, cluster=more))

        yield start


@dataclass
class Load:
    """Chats without end, and what became of them: when each began and ended, and its error if it failed."""

    answered: list[tuple[float, float]] = field(default_factory=list)
    failed: list[tuple[float, float, openai.APIStatusError]] = field(default_factory=list)

    async def chat(self, client: AsyncOpenAI) -> None:
        """Chat until cancelled."""
        while True:
            began = time.monotonic()
            try:
                await client.chat.completions.create(model=TINY, messages=USER, max_tokens=200)
            except openai.APIStatusError as error:
                self.failed.append((began, time.monotonic(), error))
            else:
                self.answered.append((began, time.monotonic()))


@asynccontextmanager
async def under_load(engine: EngineProcess, streams: int) -> AsyncIterator[Load]:
    """Have so many chats at once during the block."""
    load, client = Load(), engine.client()
    chats = [asyncio.create_task(load.chat(client)) for _ in range(streams)]
    try:
        yield load
        for chat in chats:
            if chat.done():
                chat.result()  # it never ends by itself
    finally:
        for chat in chats:
            chat.cancel()
        await asyncio.gather(*chats, return_exceptions=True)


def kill(process: psutil.Process) -> float:
    """Kill a process and return when."""
    os.kill(process.pid, signal.SIGKILL)
    return time.monotonic()
