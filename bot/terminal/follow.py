"""Following a job in the terminal: its row as a bar, until it ends."""

import asyncio
import time
from contextlib import AsyncExitStack

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.app import App
from bot.children import engine_beside, worker_beside
from bot.errors import UserError
from bot.jobs import JobBoard
from bot.reports import ending
from bot.settings import Settings
from bot.store.jobs import Job
from bot.terminal.start import log_to_stderr
from bot.worker import STALE

_LOOK = 0.3  # seconds between two looks
_PATIENCE = 3.0  # seconds in which a worker that runs already takes a job up


async def follow(board: JobBoard, job_id: int, console: Console, title: str) -> Job:
    """Show a job's row as a bar until it ends or is paused. Returns it."""
    columns = (
        TextColumn("{task.fields[title]:8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task("waiting", total=None, title=title)
        while True:
            job = await board.get(job_id)
            over = job.ended or job.state == "paused"
            said = job.state if over else job.phase
            bars.update(task, completed=job.done, total=job.total or None, description=said)
            if over:
                return job
            await asyncio.sleep(_LOOK)


def tell_end(job: Job, settings: Settings, console: Console) -> None:
    """Say how a job ended, and where its files lie. Raises UserError in its words where it failed."""
    if job.state == "paused":
        console.print(f"Paused. To go on: herosmith jobs resume {job.id}")
        return
    if job.result is None:
        raise UserError(ending(job))
    console.print(ending(job), highlight=False)
    for name in job.result.get("files", ()):
        console.print(str(settings.data_dir / name), highlight=False)


async def attended(board: JobBoard, job_id: int) -> bool:
    """Whether a worker has a job, or takes it up within a few seconds: one that runs with the bot."""
    for _ in range(int(_PATIENCE / _LOOK)):
        job = await board.get(job_id)
        if job.ended or (job.owner and time.time() - (job.heartbeat or 0) < STALE):
            return True
        await asyncio.sleep(_LOOK)
    return False


async def carry_out(app: App, job_id: int, settings: Settings, console: Console) -> Job:
    """Follow a job to its end; where nobody works on it, with an engine and a worker of our own."""
    async with AsyncExitStack() as stack:
        if not await attended(app.board, job_id):
            log_to_stderr(settings)
            with console.status("starting a worker ..."):
                reachable = await stack.enter_async_context(engine_beside(settings))
                await stack.enter_async_context(worker_beside(reachable))
        return await follow(app.board, job_id, console, f"job {job_id}")
