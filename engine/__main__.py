"""The model server's command line: `python -m engine --data FOLDER` serves until it is stopped."""

import argparse
import asyncio
import ipaddress
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web
from filelock import FileLock, Timeout

from engine import system
from engine.api.server import Api
from engine.inference.model_cache import ModelCache
from engine.jobs.job_folder import JobStore
from engine.jobs.queue import JobQueue
from engine.jobs.service import JobService
from engine.storage import weights
from engine.storage.files import FileStore
from engine.storage.models import ModelStore

log = logging.getLogger("engine")

_SHUTDOWN_SECONDS = 3.0  # for running requests to complete when the engine is stopped
_LOCK_SECONDS = 20.0  # for an engine whose parent died to save its training and exit


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder for files, jobs and tuned models"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 picks a free port")
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="a .gguf file, a folder with one, the folder of a Hugging Face model, or an id owner/name"
        " or owner/name@revision on its Hub (default: the packaged weights)",
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin ends")
    return parser


async def serve(options: argparse.Namespace, base: weights.Weights, api_key: str | None) -> None:
    """Start the server, print its address, and stop it on a signal or the parent's death."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    if options.with_parent:
        system.watch_parent(lambda: loop.call_soon_threadsafe(stop.set))

    models = ModelStore(options.data / "models", base)
    files = FileStore(options.data / "files")
    jobs = JobStore(options.data / "jobs")
    model_cache = ModelCache(base.path)
    try:
        async with JobQueue(jobs, files, models, model_cache.tokenize_turn) as queue:
            app = Api(models, model_cache, files, JobService(jobs, files, models, queue)).app(api_key)
            # a client that disconnects cancels its handler, which stops its generation
            runner = web.AppRunner(
                app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
            )
            await runner.setup()
            try:
                await web.TCPSite(runner, options.host, options.port).start()
                host, port = runner.addresses[0][:2]
                if not api_key and not ipaddress.ip_address(host).is_loopback:
                    log.warning(
                        "anyone who can reach %s may use this engine: set ENGINE_API_KEY to require a key",
                        host,
                    )
                # the parent process waits for this line
                print(f"engine listening on http://{host}:{port}/v1", flush=True)  # noqa: T201
                model_cache.warm_up()
                await stop.wait()
            finally:
                await runner.cleanup()
    finally:
        await model_cache.close()


def main() -> None:
    """Run the command line."""
    options = arguments().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        base = weights.find(options.base)
    except weights.WeightsError as error:
        sys.exit(f"engine: {error}")
    options.data.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(options.data, wait=options.with_parent):
            asyncio.run(serve(options, base, os.environ.get("ENGINE_API_KEY")))
    except Timeout:
        sys.exit(f"engine: another engine is at work in {options.data}; stop it first.")


@contextmanager
def _locked(data: Path, *, wait: bool) -> Iterator[None]:
    """Lock the data folder: two engines would delete each other's unfinished files. Raises Timeout.

    `wait` gives the previous engine time to exit: a parent that was killed and restarted at once starts this
    engine while the previous one still notices the death of its parent.
    """
    lock = FileLock(data / "engine.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise
        log.info("waiting for the previous engine in %s to exit", data)
        lock.acquire(timeout=_LOCK_SECONDS)
    try:
        yield
    finally:
        lock.release()


if __name__ == "__main__":
    main()
