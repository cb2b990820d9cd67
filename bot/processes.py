"""Child processes (engine, worker): start them, restart them when they die, stop them at the end.

Only one engine may work in a data folder. Its address and key are in `engine.json` there, which only the
installation's own user may read: by it another process of the installation, such as a command in the
terminal, asks the engine that the bot has started.
"""

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.engine_download import EngineDownload, is_engine_locked, read_download
from bot.errors import OperatorError
from bot.extras import require_extras
from bot.jobs.worker_lock import has_worker_here
from bot.settings import Settings
from bot.store.use_lock import check_restored

log = logging.getLogger(__name__)

_ENGINE_READY = re.compile(r"engine listening on (http://\S+)")
_START_TIMEOUT = 60.0  # seconds
_BASE_TIMEOUT = 600.0  # for an engine with another base, since its download brought something
_DOWNLOAD_POLL = 1.0
_DOWNLOAD_LOG = 10.0  # seconds between two lines of the log
_STOP_TIMEOUT = 10.0
ENGINE_STOP_TIMEOUT = 45.0  # it lets a training save its state, for 30 seconds at most
_QUIET_STOP = 3.0  # after which a stop that takes longer is told
_MAX_RESTART_DELAY = 30.0
# options of the engine that its refusals name, and what to change in their place
_OWN_OPTIONS = {
    "--host and --port": "--port",
    "--data": "DATA_DIR",
    "--runtime": "ENGINE_RUNTIME",
}
_MAX_LOG_BYTES = 5_000_000
_LOG_POLL = 60.0  # seconds


OnDownload = Callable[[EngineDownload], None]
"""Called every second while an engine that starts downloads its base."""


class ChildProcess:
    """One child process.

    Its standard input is a pipe from this process: when this process dies, the pipe closes and the child
    ends. Standard error goes to a log file; the first line on standard output says that it is ready.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        logs: Path,
        start_timeout: float = _START_TIMEOUT,
        stop_timeout: float = _STOP_TIMEOUT,
        stop_hint: str = "",
        *,
        max_log_bytes: int = _MAX_LOG_BYTES,
    ) -> None:
        """Prepare; `start` starts it.

        stop_hint: what the log adds while a stop takes longer. max_log_bytes: from where on it is rotated.
        """
        self.name = name
        self.arguments = list(arguments)
        self._env = {**os.environ, **env}
        self._log_file = logs / f"{name}.log"
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._stop_hint = stop_hint
        self._max_log_bytes = max_log_bytes
        self.sign_of_life: Callable[[], object] = lambda: None
        """While it starts, start_timeout begins anew whenever what this returns has changed."""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start the process and return its first line. Raise OperatorError if none comes in time."""
        with self._open_log() as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # the owner's folder may hold a folder `engine`, or any module of their own
                *self.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=self._env,
                start_new_session=True,  # Ctrl-C reaches only this process, which stops its children in order
            )
        try:
            line = await self._first_line()
        except asyncio.CancelledError:
            await self.stop()  # nobody else knows of it yet
            raise
        if not line:
            await self.stop()
            raise OperatorError(f"The {self.name} did not start: {self._last_log_line()}")
        return line.decode().strip()

    async def _first_line(self) -> bytes:
        """Return the first line of standard output; empty if none comes in time."""
        reading = asyncio.ensure_future(self._stdout.readline())
        clock = asyncio.get_running_loop().time
        sign, since = self.sign_of_life(), clock()
        try:
            while (left := since + self._start_timeout - clock()) > 0:
                if await _is_done(reading, min(left, _DOWNLOAD_POLL)):
                    return await reading
                if sign != (sign := self.sign_of_life()):
                    since = clock()
            return b""
        finally:
            reading.cancel()

    def _open_log(self) -> BinaryIO:
        """Open the log for appending, a new one if it has grown large. Raise OperatorError if that fails."""
        try:
            self._log_file.parent.mkdir(parents=True, exist_ok=True)
            if self._log_file.exists() and self._log_file.stat().st_size > self._max_log_bytes:
                self._log_file.replace(self._log_file.with_suffix(".old.log"))
            return self._log_file.open("ab")
        except OSError as error:
            raise OperatorError(f"DATA_DIR cannot be written: {error}") from error

    async def keep_log_small(self, poll: float = _LOG_POLL) -> None:
        """Begin the log anew whenever it has grown large, also of a process that runs for months.

        The child goes on writing to the same file. poll: seconds between two looks.
        """
        while True:
            await asyncio.sleep(poll)
            try:
                await asyncio.to_thread(self._rotate_log)
            except OSError as error:
                log.warning("the log %s cannot be begun anew: %s", self._log_file, error)

    def _rotate_log(self) -> None:
        """Copy a large log to the old one, and empty it: the child appends, so it goes on at its start."""
        if self._log_file.exists() and self._log_file.stat().st_size > self._max_log_bytes:
            shutil.copyfile(self._log_file, self._log_file.with_suffix(".old.log"))
            os.truncate(self._log_file, 0)

    def _last_log_line(self) -> str:
        lines = self._log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing.'} (More in {self._log_file}.)"

    @property
    def _stdout(self) -> asyncio.StreamReader:
        if self._process is None or self._process.stdout is None:
            raise OperatorError(f"The {self.name} is not running.")
        return self._process.stdout

    async def supervise(self) -> None:
        """Restart the process whenever it dies, with exponential backoff."""
        delay = 1.0
        while True:
            started_at = asyncio.get_running_loop().time()
            with contextlib.suppress(OperatorError):
                while await self._stdout.readline():
                    pass
            code = await self._process.wait() if self._process else None
            if asyncio.get_running_loop().time() - started_at > _MAX_RESTART_DELAY:
                delay = 1.0
            log.error("the %s ended (code %s); restarting it in %.0f s", self.name, code, delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _MAX_RESTART_DELAY)
            try:
                await self.start()
            except (OperatorError, OSError) as error:
                log.error("%s", error)  # noqa: TRY400 (the child's own log has the traceback)

    async def stop(self) -> None:
        """Terminate the process; kill it if it has not ended by the stop timeout.

        If this task is cancelled for the second time, as by a second Ctrl-C, the end is not waited for.
        """
        process = self._process
        if process is None or process.returncode is not None:
            return
        _send_signal(process, signal.SIGTERM)
        if (task := asyncio.current_task()) and task.cancelling() > 1:
            return
        ending = asyncio.ensure_future(process.wait())
        if not await _is_done(ending, min(_QUIET_STOP, self._stop_timeout)):
            log.warning(
                "waiting for the %s to end, for %.0f seconds at most%s",
                self.name,
                self._stop_timeout,
                self._stop_hint,
            )
            if not await _is_done(ending, self._stop_timeout - _QUIET_STOP):
                _send_signal(process, signal.SIGKILL)
        await ending


async def _is_done(future: "asyncio.Future[Any]", seconds: float) -> bool:
    """Return whether a future is done within some seconds."""
    done, _ = await asyncio.wait([future], timeout=max(0.0, seconds))
    return bool(done)


def _send_signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a process, unless it has ended.

    Process.terminate() would first look whether it has, and so take its exit code away from asyncio, which
    then warns of an unknown child.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


@asynccontextmanager
async def _supervised(child: ChildProcess) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(child.supervise()), asyncio.create_task(child.keep_log_small())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await child.stop()


@asynccontextmanager
async def run_engine(
    settings: Settings, *, port: int = 0, needs_key: bool = True, on_download: OnDownload | None = None
) -> AsyncIterator[Settings]:
    """Start the embedded engine if the settings want one. Yield the settings with its address and key.

    The key is random if the settings have none: other people on this machine, and web pages in its browsers,
    can reach the address. needs_key=False: then it has none. port: 0 picks a free one. on_download is told
    how far the download of the base is, if there is one; by default the log is. Raises OperatorError if the
    engine is not installed or does not start.
    """
    if not settings.starts_engine:
        yield settings
        return
    check_restored(settings.data_dir)
    require_extras("engine")
    arguments = ["-m", "engine", "--with-parent", "--data", str(settings.data_dir / "engine")]
    arguments += engine_options(settings)
    start_timeout = _START_TIMEOUT
    if settings.engine_base:
        start_timeout = _BASE_TIMEOUT
        log.info("starting the engine with %s; missing files are downloaded", settings.engine_base)
    required = settings.engine_api_key or (SecretStr(secrets.token_urlsafe(32)) if needs_key else None)
    key = required or SecretStr("none")  # clients have to send one
    env = {
        "ENGINE_API_KEY": required.get_secret_value() if required else "",  # everybody sees arguments
        "LOG_FORMAT": settings.log_format,
        "LOG_LEVEL": settings.log_level,
    }
    engine = ChildProcess(
        "engine",
        [*arguments, "--port", str(port)],
        env,
        settings.data_dir / "logs",
        start_timeout,
        ENGINE_STOP_TIMEOUT,
        "; a training saves what it has learnt",
    )
    engine.sign_of_life = lambda: read_download(settings.data_dir)
    if is_engine_locked(settings.data_dir):
        log.warning(
            "%s: waiting for up to %.0f seconds, in case it is just ending. Ctrl-C stops the waiting.",
            _holder_text(settings),
            ENGINE_STOP_TIMEOUT,  # for as long the new engine waits for the lock
        )
    try:
        async with _downloads_told(settings.data_dir, on_download or _log_download()):
            ready_line = await engine.start()
    except OperatorError as error:
        if not is_engine_locked(settings.data_dir):
            raise OperatorError(_with_own_options(str(error))) from error
        raise OperatorError(_runs_already_text(settings)) from error
    found = _ENGINE_READY.search(ready_line)
    if not found:
        await engine.stop()
        raise OperatorError(f"The engine said {ready_line!r} in place of its address.")
    url = found[1]
    engine.arguments = [*arguments, "--port", str(urlsplit(url).port)]  # restarted, it keeps its address
    with _published(settings.data_dir / "engine.json", url, key, settings.engine_base):
        async with _supervised(engine):
            yield settings.model_copy(update={"engine_url": url, "engine_api_key": key})


@asynccontextmanager
async def _downloads_told(data_dir: Path, on_download: OnDownload) -> AsyncIterator[None]:
    """Tell how far the download of the engine's base is, during the block."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_DOWNLOAD_POLL)
            if download := await asyncio.to_thread(read_download, data_dir):
                on_download(download)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _log_download() -> OnDownload:
    """Return what logs a download every ten seconds."""
    clock = asyncio.get_running_loop().time
    logged_at = float("-inf")

    def tell(download: EngineDownload) -> None:
        nonlocal logged_at
        if clock() - logged_at >= _DOWNLOAD_LOG:
            logged_at = clock()
            log.info("%s", download.message())

    return tell


def engine_options(settings: Settings) -> list[str]:
    """Return the options of the engine's command line that settings decide, wherever it runs."""
    options = ["--runtime", settings.engine_runtime]
    if settings.engine_base:
        options += ["--base", settings.engine_base]
    return options


def _with_own_options(refusal: str) -> str:
    """Return why the engine did not start, with what a person can set: its own options are not for people."""
    for option, name in _OWN_OPTIONS.items():
        refusal = refusal.replace(f"by {option}", f"by {name}")
    return refusal


def _holder_text(settings: Settings) -> str:
    """Return who holds this data folder, without a full stop: only one engine may work in it."""
    if not has_worker_here(settings.data_dir):
        holder = "Another command with a model engine, such as `herosmith serve`,"
    elif settings.discord_token:
        holder = "The bot"
    else:
        holder = "The playground"
    return f"{holder} runs already, with its data in {settings.data_dir}"


def _runs_already_text(settings: Settings) -> str:
    """Return who holds this data folder, and what to do."""
    return (
        f"{_holder_text(settings)}. Go on there, or stop it first "
        "(Ctrl-C where it was started). A second one needs a folder of its own (DATA_DIR)."
    )


@asynccontextmanager
async def share_engine(
    settings: Settings, *, on_download: OnDownload | None = None
) -> AsyncIterator[Settings]:
    """Yield the settings with an engine: the one that works in this data folder, else one for the block.

    on_download: as for `run_engine`. Raises OperatorError if none can be had.
    """
    if settings.starts_engine and (running := await find_engine(settings)):
        yield running
    else:
        async with run_engine(settings, on_download=on_download) as reachable:
            yield reachable


async def find_engine(settings: Settings, *, patience: float = _START_TIMEOUT) -> Settings | None:
    """Return the settings with the address and key of the engine in this data folder; None if none runs.

    patience: seconds to wait for one that is starting. Raises OperatorError if it still downloads its base,
    or was not started by the bot or a command, so that its address is not known.
    """
    deadline = asyncio.get_running_loop().time() + patience
    while is_engine_locked(settings.data_dir):
        if found := _read_published(settings.data_dir / "engine.json"):
            url, key, base = found
            if await _answers(url, key):
                address = {"engine_url": url, "engine_api_key": SecretStr(key), "engine_base": base}
                return settings.model_copy(update=address)
        if download := read_download(settings.data_dir):
            raise OperatorError(f"{download.message()} Try again when it is there.")
        if asyncio.get_running_loop().time() > deadline:
            raise OperatorError(
                f"An engine is at work in {settings.data_dir / 'engine'}, and how to ask it is not known: "
                "stop it, or set ENGINE_URL (and ENGINE_API_KEY, if it has one). One that `herosmith serve` "
                "starts is found by all commands."
            )
        await asyncio.sleep(0.2)
    return None


async def until_engine_ends(settings: Settings, *, poll: float = 2.0) -> None:
    """Wait until the engine at the settings' address is no longer the one of their data folder.

    One that is started again after a crash keeps its address. poll: seconds between two looks.
    """
    while True:
        published = _read_published(settings.data_dir / "engine.json")
        if published is None or published[0] != settings.engine_url:
            return
        await asyncio.sleep(poll)


@contextlib.contextmanager
def _published(path: Path, url: str, key: SecretStr, base: str | None) -> Iterator[None]:
    """Keep an engine's address, key and base in a file that only this user may read, during the block."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".engine-", delete=False) as file:  # 0600
        json.dump({"url": url, "key": key.get_secret_value(), "base": base}, file)
    Path(file.name).replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _read_published(path: Path) -> tuple[str, str, str | None] | None:
    """Return an engine's address, key and base (None: the packaged one); None if there is no such file."""
    try:
        published = json.loads(path.read_text(encoding="utf-8"))
        return str(published["url"]), str(published["key"]), published.get("base")
    except (OSError, ValueError, KeyError, TypeError):
        return None


async def _answers(url: str, key: str) -> bool:
    """Return whether an engine with this key answers."""
    import httpx2  # noqa: PLC0415 (only for a second process)

    try:
        async with httpx2.AsyncClient(timeout=5) as http:
            response = await http.get(f"{url}/models", headers={"Authorization": f"Bearer {key}"})
    except httpx2.HTTPError:
        return False
    return bool(response.is_success)


@asynccontextmanager
async def run_worker(settings: Settings, *, metrics_port: int = 0) -> AsyncIterator[None]:
    """Run a worker process with the same database, heroes, model server and check of new models.

    metrics_port: the bot's; the worker's is the next one. 0 for none.
    """
    env = {
        "DATA_DIR": str(settings.data_dir),
        "HEROES_FILE": str(settings.heroes_file),
        "DATABASE_URL": settings.database,
        "CHECK_HEROES": str(settings.check_heroes),
        "LOG_FORMAT": settings.log_format,
        "LOG_LEVEL": settings.log_level,
        "METRICS_PORT": str(metrics_port),
        "METRICS_HOST": settings.metrics_host,
    }
    if not settings.hosted and settings.engine_url:
        env["ENGINE_URL"] = settings.engine_url
        if settings.engine_api_key:
            env["ENGINE_API_KEY"] = settings.engine_api_key.get_secret_value()
    worker = ChildProcess("worker", ["-m", "bot", "worker", "--with-parent"], env, settings.data_dir / "logs")
    await worker.start()
    async with _supervised(worker):
        yield
