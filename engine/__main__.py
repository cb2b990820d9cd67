"""The model server's command line: `python -m engine --data FOLDER` serves until it is stopped."""

import argparse
import asyncio
import errno
import ipaddress
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import get_args

from aiohttp import web
from filelock import FileLock, Timeout

from engine import resources, system, tunability
from engine.api.hosts import Hosts
from engine.api.listener import Listener, bind, max_connections
from engine.api.server import Api
from engine.batches.batch_folder import BatchStore
from engine.batches.queue import BatchQueue
from engine.batches.service import BatchService
from engine.inference import llama_cpp_check
from engine.inference.model_cache import ModelCache
from engine.inference.runtimes import Runtimes, RuntimeSetting
from engine.inference.service import InferenceService
from engine.jobs.job_folder import JobStore
from engine.jobs.queue import JobQueue
from engine.jobs.service import JobService
from engine.jobs.trainer_template import TrainerTemplate
from engine.jobs.weights_choice import WeightsChooser, WeightsSetting
from engine.logs import configure_logs
from engine.storage import gguf_header, weights
from engine.storage.files import FileStore
from engine.storage.hub.progress import DownloadReport
from engine.storage.models import ModelStore

log = logging.getLogger("engine")

_SHUTDOWN_SECONDS = 3.0  # for running requests to complete when the engine is stopped
_MAX_PORT = 65535
_LOCK_SECONDS = 45.0  # for an engine whose parent died to save its training and exit


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder for files, jobs, batches and trained models"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="the address to listen on (default: 127.0.0.1, this machine alone)",
    )
    parser.add_argument("--port", type=_port, default=8765, help="0 picks a free port (default: 8765)")
    parser.add_argument(
        "--allowed-host",
        type=_host,
        metavar="NAME",
        action="append",
        default=[],
        help="a name or address, besides the loopback ones and HOST, by which clients may address the engine,"
        " and whose web pages may; repeat it for more",
    )
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="a .gguf file, a folder with one, the folder of a Hugging Face model, or a name on its Hub,"
        " owner/name or owner/name:file.gguf, either with @revision (default: the packaged weights)",
    )
    parser.add_argument(
        "--tune",
        choices=get_args(WeightsSetting),
        default="auto",
        help="what a training changes if its client does not say it: all weights, an adapter, or (auto, the"
        " default) all weights where memory, disk and the size of the base allow it",
    )
    parser.add_argument(
        "--runtime",
        choices=get_args(RuntimeSetting),
        default="auto",
        help="what generates texts from GGUF files: llama.cpp alone, OpenVINO beside it, or (auto, the"
        " default) what a measurement at the first start finds to be faster",
    )
    parser.add_argument("--with-parent", action="store_true", help="stop when stdin ends")
    return parser


async def serve(
    options: argparse.Namespace, base: weights.Weights, api_key: str | None, *, obstacle: str
) -> None:
    """Start the server, print its address, and stop it on a signal or the parent's death.

    `obstacle` says why the base cannot be tuned, if it cannot.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    if options.with_parent:
        system.watch_parent(lambda: loop.call_soon_threadsafe(stop.set))

    with _start_step(f"the folder {options.data} cannot be used", "--data"):
        models = ModelStore(options.data / "models", base)
        files = FileStore(options.data / "files")
        jobs = JobStore(options.data / "jobs")
        batches = BatchStore(options.data / "batches")
    with _start_step("OpenVINO cannot be used", "--runtime"):
        runtimes = Runtimes(options.runtime, options.data, base.path)
    model_cache = ModelCache(base.path, runtimes)
    inference = InferenceService(models, model_cache)
    template = TrainerTemplate()
    weights_chooser = WeightsChooser(
        base.path,
        options.data,
        options.tune,
        obstacle=obstacle,
        free_memory=lambda: system.available_memory() + template.private_bytes,
    )
    try:
        async with (
            JobQueue(jobs, files, models, weights_chooser, model_cache.tokenize_turn, template) as job_queue,
            BatchQueue(batches, files, inference) as batch_queue,
        ):
            job_service = JobService(jobs, files, models, weights_chooser, job_queue)
            batch_service = BatchService(batches, files, batch_queue)
            api = Api(models, model_cache, inference, files, job_service, batch_service)
            hosts = Hosts(options.host, options.allowed_host, has_key=bool(api_key))
            async with _listening(api.app(api_key, hosts), options.host, options.port) as (host, port):
                if not api_key and not ipaddress.ip_address(host).is_loopback:
                    log.warning(
                        "anyone who can reach %s may use this engine: set ENGINE_API_KEY to require a key",
                        host,
                    )
                # the parent process waits for this line
                print(f"engine listening on {base_url(host, port)}", flush=True)  # noqa: T201
                model_cache.warm_up()
                await stop.wait()
    finally:
        await model_cache.close()


@asynccontextmanager
async def _listening(app: web.Application, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """Serve an application during the block. Yield the address and the port. Raises StartError."""
    with _start_step(f"it cannot listen on host {host!r}, port {port}", "--host and --port"):
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


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line, by default this process's. Exits with a sentence if the engine cannot start."""
    options = arguments().parse_args(words)
    try:
        configure_logs(os.environ.get("LOG_FORMAT") or "human", os.environ.get("LOG_LEVEL") or "INFO")
    except ValueError as error:
        sys.exit(f"engine: {error}")
    try:
        base = _find_here(options.base)
        with _start_step(f"the folder {options.data} cannot be used", "--data"):
            _make_writable(options.data)
        with _locked(options.data, wait=options.with_parent):
            base = base or _download_base(options)
            _check_machine(base)
            _check_chats(base)
            obstacle = _tuning_obstacle(base, options.tune)
            asyncio.run(serve(options, base, os.environ.get("ENGINE_API_KEY"), obstacle=obstacle))
    except Timeout:
        sys.exit(f"engine: another engine is at work in {options.data}; stop it first.")
    except StartError as error:
        sys.exit(f"engine: {error}")


def _find_here(base: str | None) -> weights.Weights | None:
    """Return the base; None if it has to be downloaded. Raises StartError."""
    try:
        return weights.find(base, may_download=False)
    except weights.NotDownloaded:
        return None
    except weights.WeightsError as error:
        raise StartError(" ".join(str(error).split())) from error  # the parent shows the last line


def _download_base(options: argparse.Namespace) -> weights.Weights:
    """Download the base. Raises StartError.

    If the parent dies meanwhile, so does this process: the parent that is started again waits for its lock.
    """
    is_here = threading.Event()
    if options.with_parent:
        system.watch_parent(lambda: None if is_here.is_set() else os._exit(1))
    try:
        with DownloadReport(options.data / "download.json") as report:
            return weights.find(options.base, report)
    except weights.WeightsError as error:
        raise StartError(" ".join(str(error).split())) from error
    finally:
        is_here.set()


class StartError(Exception):
    """A reason why the engine cannot start, as a sentence."""


@contextmanager
def _start_step(failure: str, options: str) -> Iterator[None]:
    """Turn an error of the operating system, or a name that it cannot take, into a StartError.

    `options` are those by which to choose another folder or address.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)
        raise StartError(f"{failure}: {reason}. Choose otherwise by {options}.") from error


def _check_machine(base: weights.Weights) -> None:
    """Raise StartError if this machine cannot serve the base.

    A Hugging Face folder has to fit into memory; llama.cpp leaves a GGUF file on the disk, but needs a
    processor that it is built for.
    """
    if base.is_gguf:
        if obstacle := llama_cpp_check.obstacle(base.path):
            raise StartError(obstacle)
        return
    available = system.available_memory() + system.available_swap()
    missing = resources.serving_shortage(base.path, available)
    if missing is not None:
        raise StartError(
            f"{base.path} is too large to be loaded: {missing}. Close other programs, use a machine with "
            "more, or choose a smaller model or a quantized .gguf file by --base (ENGINE_BASE)."
        )


def _check_chats(base: weights.Weights) -> None:
    """Raise StartError if a GGUF file is damaged, or has no chat template: llama.cpp would make one up."""
    if not base.is_gguf:
        return
    with _start_step(f"{base.path} cannot be read", "--base (ENGINE_BASE), or fetch the file anew"):
        header = gguf_header.read(base.path)
    if not header.has_chat_template:
        raise StartError(
            f"{base.path} has no chat template, and the engine only serves chats: choose its instruct"
            " variant by --base (ENGINE_BASE)."
        )


def _tuning_obstacle(base: weights.Weights, tune: WeightsSetting) -> str:
    """Return why the base cannot be tuned, empty if it can. Raises StartError if it was to be tuned."""
    obstacle = tunability.obstacle(base.path)
    if obstacle and tune != "auto":
        raise StartError(f"{obstacle} To serve it without tuning, leave out --tune {tune}.")
    if obstacle:
        log.warning("no job can tune the base: %s", obstacle)
    return obstacle


def _make_writable(data: Path) -> None:
    """Make the data folder. Raises OSError if it, or a folder in it, cannot be written."""
    data.mkdir(parents=True, exist_ok=True)
    for folder in (data, *(each for each in data.iterdir() if each.is_dir())):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _host(text: str) -> str:
    if not text or set(text) & set("/@ ") or (text.count(":") == 1):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a host: give its name or address alone, as in engine"
        )
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: it is a number from 0 to {_MAX_PORT}")
    return int(text)


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
