"""How long a job waits for another worker after its own was killed in a build."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bench.common.errors import BenchError
from bench.common.servers import rate_limited_server
from bench.dataset.installation import build_spec, paid_settings
from bench.interactions.running_bot import default_environment
from bot.app import App, open_app

_ROOT = Path(__file__).resolve().parents[2]
_EXAMPLES = 64
_LATENCY_MS = 600_000  # the build waits for its first answers while its workers die
_AT_WORK = 3.0  # seconds for which a worker has the job before it is killed: beyond its first heartbeat
_PATIENCE = 120.0  # seconds
_LOOK = 0.05


async def measure(database: str, rounds: int, folder: Path) -> list[float]:
    """Kill so many workers, one after the other, and return the seconds until the next one had the job.

    All look for work from the beginning. Raises BenchError if none takes the job.
    """
    async with AsyncExitStack() as stack:
        options = ["--latency", str(_LATENCY_MS)]
        server = await stack.enter_async_context(rate_limited_server(options, folder / "server.log"))
        model = str(server.client.base_url)
        app = await stack.enter_async_context(open_app(paid_settings(model, folder / "app", database)))
        workers = [
            await stack.enter_async_context(_worker(model, folder / "app", database))
            for _ in range(rounds + 1)
        ]
        job, _ = await app.builds.submit(build_spec(app, _EXAMPLES))
        owner = await _until_owned(app, job.id, None)
        seconds = []
        for _ in range(rounds):
            await asyncio.sleep(_AT_WORK)
            next(each for each in workers if f":{each.pid}:" in owner).kill()
            killed_at = time.perf_counter()
            owner = await _until_owned(app, job.id, owner)
            seconds.append(time.perf_counter() - killed_at)
        return seconds


async def _until_owned(app: App, job_id: int, before: str | None) -> str:
    """Wait until another worker has the job than the one before; return the name it works under."""
    end = time.perf_counter() + _PATIENCE
    while time.perf_counter() < end:
        job = await app.jobs.get(job_id)
        if job.owner and job.owner != before:
            return job.owner
        if job.ended:
            raise BenchError(f"The build {job.state}: {job.error}")
        await asyncio.sleep(_LOOK)
    raise BenchError(f"No worker took the build within {_PATIENCE:.0f} s.")


@asynccontextmanager
async def _worker(model: str, folder: Path, database: str) -> AsyncIterator[Process]:
    command = (sys.executable, "-m", "bench.scale.worker_process", model, str(folder), database)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=_ROOT, env=default_environment(), stdin=PIPE, stdout=PIPE
    )
    try:
        if not (process.stdout and await process.stdout.readline()):
            raise BenchError("a worker did not start")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
