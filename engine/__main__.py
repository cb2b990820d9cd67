"""`python -m engine --data FOLDER`: serve until told to stop."""

import argparse
import asyncio
import ipaddress
import logging
import os
import signal
import sys
from pathlib import Path

from aiohttp import web
from filelock import FileLock, Timeout

from engine import system
from engine.api.server import Api
from engine.inference.model_cache import Residents
from engine.jobs.queue import Jobs
from engine.storage import weights
from engine.storage.files import Files
from engine.storage.models import Models

log = logging.getLogger("engine")

_GRACE_SECONDS = 3.0  # that answers under way get when the engine is told to stop
_PREDECESSOR = 20.0  # seconds that an engine whose parent is gone may take to end, a training saved


def arguments() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="where files, jobs and tuned models are kept"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 picks a free one")
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="a .gguf file, a folder with one, the folder of a Hugging Face model, or an id owner/name"
        " or owner/name@revision on its Hub (default: the packaged weights)",
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin ends")
    return parser


async def serve(options: argparse.Namespace, base: weights.Weights, api_key: str | None) -> None:
    """Open everything, say where, and close it all when a signal or the parent's death says so."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    if options.with_parent:
        system.on_end_of_stdin(lambda: loop.call_soon_threadsafe(stop.set))

    models = Models(options.data / "models", base)
    files = Files(options.data / "files")
    residents = Residents(base.path)
    try:
        async with Jobs(options.data / "jobs", files, models, residents.count_tokens) as jobs:
            app = Api(models, residents, files, jobs).app(api_key)
            # a client that leaves cancels its handler, and that stops its generation
            runner = web.AppRunner(
                app, handler_cancellation=True, access_log=None, shutdown_timeout=_GRACE_SECONDS
            )
            await runner.setup()
            try:
                await web.TCPSite(runner, options.host, options.port).start()
                host, port = runner.addresses[0][:2]
                if not api_key and not ipaddress.ip_address(host).is_loopback:
                    log.warning(
                        "anybody who can reach %s may use this engine: set ENGINE_API_KEY to ask for a key",
                        host,
                    )
                # whoever started us waits for this line
                print(f"engine listening on http://{host}:{port}/v1", flush=True)  # noqa: T201
                residents.warm_up()
                await stop.wait()
            finally:
                await runner.cleanup()
    finally:
        await residents.close()


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
        # two engines on one folder would sweep away each other's work; one whose parent was killed is
        # about to end, and its parent's successor would start this one meanwhile
        with FileLock(options.data / "engine.lock", timeout=_PREDECESSOR if options.with_parent else 0):
            asyncio.run(serve(options, base, os.environ.get("ENGINE_API_KEY")))
    except Timeout:
        sys.exit(f"engine: another engine is at work in {options.data}; stop it first.")


if __name__ == "__main__":
    main()
