"""Children: processes of ours that live as long as this one does, and are started again when they die."""

import asyncio
import contextlib
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.errors import OperatorError
from bot.settings import Settings

log = logging.getLogger(__name__)

_ENGINE_READY = re.compile(r"engine listening on (http://\S+)")
_START_LIMIT = 60.0  # seconds
_DOWNLOAD_LIMIT = 3600.0  # an engine that fetches its base first
_STOP_LIMIT = 10.0
_LONGEST_PAUSE = 30.0
_LARGEST_LOG = 5_000_000  # bytes


class ChildProcess:
    """One process. Its standard input is a pipe of ours: when we die, it ends, and the child with it.

    Standard error goes to a log file; the first line on standard output says that it is ready.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        logs: Path,
        start_limit: float = _START_LIMIT,
    ) -> None:
        self.name = name
        self.arguments = list(arguments)
        self._env = {**os.environ, **env}
        self._log_file = logs / f"{name}.log"
        self._start_limit = start_limit
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start the process and return its first line. Raises OperatorError where none comes."""
        try:
            self._log_file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OperatorError(f"DATA_DIR cannot be written: {error}") from error
        if self._log_file.exists() and self._log_file.stat().st_size > _LARGEST_LOG:
            self._log_file.replace(self._log_file.with_suffix(".old.log"))
        with self._log_file.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=self._env,
                start_new_session=True,  # Ctrl-C is ours: we stop the children in order
            )
        try:
            line = await asyncio.wait_for(self._stdout.readline(), self._start_limit)
        except TimeoutError:
            line = b""
        if not line:
            await self.stop()
            raise OperatorError(f"The {self.name} did not start: {self._last_words()}")
        return line.decode().strip()

    def _last_words(self) -> str:
        lines = self._log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing.'} (More in {self._log_file}.)"

    @property
    def _stdout(self) -> asyncio.StreamReader:
        if self._process is None or self._process.stdout is None:
            raise OperatorError(f"The {self.name} is not running.")
        return self._process.stdout

    async def watch(self) -> None:
        """Start the process again whenever it dies, after a pause that grows while it keeps dying."""
        pause = 1.0
        while True:
            began = asyncio.get_running_loop().time()
            with contextlib.suppress(OperatorError):
                while await self._stdout.readline():
                    pass
            code = await self._process.wait() if self._process else None
            if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE:
                pause = 1.0
            log.error("the %s ended (code %s); starting it again in %.0f s", self.name, code, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            try:
                await self.start()
            except (OperatorError, OSError) as error:
                log.error("%s", error)  # noqa: TRY400 (the child's own log has the traceback)

    async def stop(self) -> None:
        """Ask the process to end; insist after ten seconds."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_LIMIT)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def _kept(child: ChildProcess) -> AsyncIterator[None]:
    watch = asyncio.create_task(child.watch())
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await child.stop()


@asynccontextmanager
async def run_engine(settings: Settings) -> AsyncIterator[Settings]:
    """Start the embedded engine where the settings want one. Yields the settings with its address in them.

    Raises OperatorError where it does not start.
    """
    if not settings.starts_engine:
        yield settings
        return
    arguments = ["-m", "engine", "--with-parent", "--data", str(settings.data_dir / "engine")]
    start_limit = _START_LIMIT
    if settings.engine_base:
        arguments += ["--base", settings.engine_base]
        start_limit = _DOWNLOAD_LIMIT
        log.info(
            "starting the engine on %s; what is not here yet is downloaded (see logs/engine.log)",
            settings.engine_base,
        )
    key = settings.engine_api_key
    env = {"ENGINE_API_KEY": key.get_secret_value()} if key else {}
    engine = ChildProcess("engine", [*arguments, "--port", "0"], env, settings.data_dir / "logs", start_limit)
    line = await engine.start()
    found = _ENGINE_READY.search(line)
    if not found:
        await engine.stop()
        raise OperatorError(f"The engine said {line!r} in place of its address.")
    url = found[1]
    port = url.split(":")[2].split("/")[0]
    engine.arguments = [*arguments, "--port", port]  # started again, it is found where it was
    async with _kept(engine):
        yield settings.model_copy(update={"engine_url": url})


@asynccontextmanager
async def run_worker(settings: Settings) -> AsyncIterator[None]:
    """Keep a worker that shares our database and model server."""
    env = {"DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database}
    if not settings.hosted and settings.engine_url:
        env["ENGINE_URL"] = settings.engine_url
    worker = ChildProcess("worker", ["-m", "bot", "worker", "--with-parent"], env, settings.data_dir / "logs")
    await worker.start()
    async with _kept(worker):
        yield
