"""Start a bot as a process of its own, and wait until it is connected."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.common.errors import BenchError
from bot.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_NO_MORE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RunningBot:
    """A bot that is connected: its process id, the seconds from its start, the heavy libraries it loaded."""

    id: int
    ready_s: float
    heavy: list[str]


def default_environment() -> dict[str, str]:
    """Return this process's environment without settings: what is measured must not ask a paid model."""
    return {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}


@asynccontextmanager
async def bot_process(
    name: str, discord: str, model: str, folder: Path, settings: Mapping[str, str] = _NO_MORE
) -> AsyncIterator[RunningBot]:
    """Run a bot of bench.interactions.bot_process until the block ends.

    Raises BenchError if it does not start.

    discord, model: the servers' URLs. folder: the bot's data. settings: those that differ from the defaults.
    """
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.interactions.bot_process", name, discord, model, str(folder)),
        cwd=_ROOT,
        env={**default_environment(), **settings},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if not (process.stdin and process.stdout):
        raise BenchError("the bot's process has no pipes")
    try:
        line = (await process.stdout.readline()).decode().split()
        if not line:
            raise BenchError(f"{name} did not start")
        yield RunningBot(process.pid, time.perf_counter() - started, line[1:])
    finally:
        process.stdin.close()
        await process.wait()
