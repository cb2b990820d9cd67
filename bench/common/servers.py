"""Servers as processes of this run: the engine, llama.cpp with its own defaults, and one without a model."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import AsyncOpenAI

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


class BenchError(Exception):
    """The run cannot go on; the text says why."""


@dataclass(frozen=True)
class Running:
    """A server that listens: its process id, and a client that hides nothing by trying again."""

    process_id: int
    client: AsyncOpenAI


@asynccontextmanager
async def engine(data: Path, base: Path | None) -> AsyncIterator[Running]:
    """Start the engine on a free port and a folder of its own; stop it in the end. Raises BenchError."""
    arguments = ["engine", "--data", str(data), "--port", "0", "--with-parent"]
    async with _server(
        [*arguments, *(["--base", str(base)] if base else [])], data / "engine.log"
    ) as running:
        yield running


@asynccontextmanager
async def peer(model: Path, slots: int, log: Path) -> AsyncIterator[Running]:
    """Start llama.cpp's own server on a model; stop it in the end. Raises BenchError."""
    async with _server(["bench.engine.llama_peer", str(model), str(slots)], log) as running:
        yield running


@asynccontextmanager
async def rated(options: Sequence[str], log: Path) -> AsyncIterator[Running]:
    """Start the server without a model; stop it in the end. Raises BenchError."""
    async with _server(["bench.common.rated_server", *options], log) as running:
        yield running


@asynccontextmanager
async def _server(module: Sequence[str], log: Path) -> AsyncIterator[Running]:
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "ENGINE_API_KEY"}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *module,
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,  # it ends with us, however we end
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env=environment,
        )
    try:
        url = await _address(process, log)
        async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=300) as client:
            yield Running(process.pid, client)
    finally:
        await _stop(process)


async def _address(process: asyncio.subprocess.Process, log: Path) -> str:
    """Return what a server says of where it listens. Raises BenchError with its last words."""
    assert process.stdout is not None  # noqa: S101  asked for as a pipe above
    with contextlib.suppress(TimeoutError):
        line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
        if b"listening on http" in line:
            return line.split()[-1].decode()
    raise BenchError(f"A server did not start:\n{_last_words(log)}")


def _last_words(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
