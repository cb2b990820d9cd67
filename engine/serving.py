"""The engine put together: the folder's stores, the queues that work on them, and the HTTP API before both.

Where models run is the caller's: in this process (`python -m engine`), or elsewhere.
"""

import argparse
import asyncio
import ipaddress
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aiohttp import web

from engine import system
from engine.api.hosts import Hosts
from engine.api.listener import Listener, bind, max_connections
from engine.api.server import Api
from engine.batches.batch_folder import BatchStore
from engine.batches.queue import BatchQueue
from engine.batches.service import BatchService
from engine.inference.loaded_models import LoadedModels
from engine.inference.service import InferenceService
from engine.jobs.job_folder import JobStore
from engine.jobs.queue import JobQueue
from engine.jobs.service import JobService
from engine.jobs.training_runner import TrainingRunner
from engine.jobs.weights_choice import WeightsChooser
from engine.limits import OPENVINO_SLOTS
from engine.startup import Start, start_step
from engine.storage.files import FileStore
from engine.storage.models import ModelStore

log = logging.getLogger("engine")

_SHUTDOWN_SECONDS = 3.0  # for running requests to complete when the engine is stopped


@dataclass(frozen=True)
class Stores:
    """What the data folder holds."""

    models: ModelStore
    files: FileStore
    jobs: JobStore
    batches: BatchStore

    @classmethod
    def open(cls, data: Path, start: Start) -> Self:
        """Read the folder, and delete what a crash left incomplete. Raises StartError."""
        with start_step(f"the folder {data} cannot be used", "--data"):
            return cls(
                ModelStore(data / "models", start.base),
                FileStore(data / "files"),
                JobStore(data / "jobs"),
                BatchStore(data / "batches"),
            )


def stop_event(*, with_parent: bool) -> asyncio.Event:
    """Return an event that a signal sets, and the parent's death if that counts."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    if with_parent:
        system.watch_parent(lambda: loop.call_soon_threadsafe(stop.set))
    return stop


@asynccontextmanager
async def working(
    options: argparse.Namespace,
    start: Start,
    stores: Stores,
    loaded: LoadedModels,
    runner: TrainingRunner,
    *,
    batch_requests: int = OPENVINO_SLOTS,
) -> AsyncIterator[Api]:
    """Work on jobs and batches during the block, and yield the API.

    options: those of command_line. runner: runs the jobs' trainings. batch_requests: how many requests of a
    batch are asked at once.
    """
    weights_chooser = WeightsChooser(
        start.base.path,
        options.data,
        options.tune,
        obstacle=start.obstacle,
        free_memory=runner.free_memory,
    )
    inference = InferenceService(stores.models, loaded)
    async with (
        JobQueue(
            stores.jobs, stores.files, stores.models, weights_chooser, loaded.tokenize_turn, runner
        ) as job_queue,
        BatchQueue(stores.batches, stores.files, inference, at_once=batch_requests) as batch_queue,
    ):
        jobs = JobService(stores.jobs, stores.files, stores.models, weights_chooser, job_queue)
        batches = BatchService(stores.batches, stores.files, batch_queue)
        yield Api(stores.models, loaded, inference, stores.files, jobs, batches)


async def serve(options: argparse.Namespace, api: Api, api_key: str | None, stop: asyncio.Event) -> None:
    """Listen, print the address, and answer until `stop` is set. Raises StartError."""
    hosts = Hosts(options.host, options.allowed_host, has_key=bool(api_key))
    async with _listening(api.app(api_key, hosts), options.host, options.port) as (host, port):
        if not api_key and not ipaddress.ip_address(host).is_loopback:
            log.warning(
                "anyone who can reach %s may use this engine: set ENGINE_API_KEY to require a key", host
            )
        # the parent process waits for this line
        print(f"engine listening on {base_url(host, port)}", flush=True)  # noqa: T201
        api.loaded.warm_up()
        await stop.wait()


@asynccontextmanager
async def _listening(app: web.Application, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """Serve an application during the block. Yield the address and the port. Raises StartError."""
    with start_step(f"it cannot listen on host {host!r}, port {port}", "--host and --port"):
        listening = bind(host, port)
    # a client that disconnects cancels its handler, which stops its generation
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        assert runner.server is not None  # noqa: S101  `setup` made it
        bound: tuple[str, int] = listening[0].getsockname()[:2]
        with Listener(runner.server, listening, max_connections()).accepting():
            yield bound
    finally:
        await runner.cleanup()


def base_url(host: str, port: int) -> str:
    """Return the URL of the API at an address; one of IPv6 stands in brackets."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
