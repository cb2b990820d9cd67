"""Model servers as processes: the engine, llama.cpp with its defaults, and one without a model."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import AsyncOpenAI

from bench.common.errors import BenchError

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class RunningServer:
    """A listening server: its process id, and a client that never retries and so hides no failure."""

    process_id: int
    client: AsyncOpenAI


@asynccontextmanager
async def engine_server(
    data: Path, base: Path | None, *, runtime: str = "llama.cpp"
) -> AsyncIterator[RunningServer]:
    """Run the engine on a free port with its data in `data`. Raises BenchError if it does not start."""
    arguments = ["engine", "--data", str(data), "--port", "0", "--with-parent", "--runtime", runtime]
    if base:
        arguments += ["--base", str(base)]
    async with _run_server(arguments, data / "engine.log") as server:
        yield server


@asynccontextmanager
async def cluster_server(
    data: Path, *, replicas: int, options: Sequence[str] = ()
) -> AsyncIterator[RunningServer]:
    """Run the engine on a Ray cluster of this machine alone, which needs the extra `cluster`.

    `options` are further ones. Raises BenchError if it does not start.
    """
    number = str(replicas)
    arguments = ["engine.cluster", "--address", "local", "--data", str(data), "--port", "0", "--with-parent"]
    arguments += ["--min-replicas", number, "--max-replicas", number, *options]
    async with _run_server(arguments, data / "engine.log") as server:
        yield server


@asynccontextmanager
async def llama_server(model: Path, slots: int, log: Path) -> AsyncIterator[RunningServer]:
    """Run llama.cpp's own server on a GGUF file. Raises BenchError if it does not start."""
    async with _run_server(["bench.engine.llama_baseline", str(model), str(slots)], log) as server:
        yield server


@asynccontextmanager
async def rate_limited_server(options: Sequence[str], log: Path) -> AsyncIterator[RunningServer]:
    """Run bench.common.rate_limited_server with these options. Raises BenchError if it does not start."""
    async with _run_server(["bench.common.rate_limited_server", *options], log) as server:
        yield server


@asynccontextmanager
async def _run_server(command: Sequence[str], log: Path) -> AsyncIterator[RunningServer]:
    """Run `python -m COMMAND`, with stderr in a log file, until the block ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "ENGINE_API_KEY"}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,  # the server ends when this pipe closes, however this process ends
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=environment,
        )
    try:
        url = await _read_address(process, log)
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=300) as client:
            yield RunningServer(process.pid, client)
    finally:
        await _stop(process)


async def _read_address(process: asyncio.subprocess.Process, log: Path) -> str:
    """Return the base URL from the line that a server prints. Raises BenchError with the end of its log."""
    assert process.stdout is not None  # noqa: S101  (opened as a pipe above)
    with contextlib.suppress(TimeoutError):
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        if b"listening on http" in line:
            return line.split()[-1].decode()
    raise BenchError(f"A server did not start:\n{_log_tail(log)}")


def _log_tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
