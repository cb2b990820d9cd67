"""Following a job in the terminal: its row as a bar, until it ends."""

import asyncio
import time
from contextlib import AsyncExitStack

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.app import App
from bot.cli.runtime import log_to_stderr
from bot.errors import UserError
from bot.i18n.message import ENGLISH
from bot.jobs.queue import JobQueue
from bot.presentation.jobs import result_text
from bot.processes import run_engine, run_worker
from bot.settings import Settings
from bot.store.jobs import Job

_LOOK = 0.3  # seconds between two looks
_PATIENCE = 3.0  # seconds in which a worker that runs already takes a job up


async def follow(
    board: JobQueue, job_id: int, console: Console, title: str, *, until_left: bool = False
) -> Job:
    """Show a job's row as a bar until it ends or is paused. Returns it.

    until_left: or until its worker has not been heard of for so long that another one may take it up.
    """
    began = time.time()
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
            over = _over(job)
            said = job.state if over else str(job.phase or "")
            bars.update(task, completed=job.done, total=job.total or None, description=said)
            beat = job.heartbeat or 0.0
            heard_of = beat if job.owner else max(began, beat)  # one that let go may have a successor soon
            if over or (until_left and time.time() - heard_of > board.timing.stale_after):
                return job
            await asyncio.sleep(_LOOK)


def print_end(job: Job, settings: Settings, console: Console) -> None:
    """Say how a job ended, and where its files lie. Raises UserError in its words where it failed."""
    if job.state == "paused" and job.question:
        console.print(f"{job.question}\nAnswer with: herosmith jobs answer {job.id} --training ID, or --none")
        return
    if job.state == "paused":
        console.print(f"Paused. To go on: herosmith jobs resume {job.id}", soft_wrap=True)
        return
    if job.result is None:
        raise UserError(result_text(ENGLISH, job))
    console.print(result_text(ENGLISH, job), highlight=False, soft_wrap=True)
    for name in job.result.files:
        console.print(str(settings.data_dir / name), highlight=False, soft_wrap=True)


async def attended(board: JobQueue, job_id: int) -> bool:
    """Whether a worker has a job, or takes it up within a few seconds: one that runs with the bot."""
    for _ in range(int(_PATIENCE / _LOOK)):
        job = await board.get(job_id)
        if job.ended or board.is_claimed(job):
            return True
        await asyncio.sleep(_LOOK)
    return False


async def run_worker_until(app: App, job_id: int, settings: Settings, console: Console) -> Job:
    """Follow a job to its end; where nobody works on it, with an engine and a worker of our own."""
    title = f"job {job_id}"
    if await attended(app.jobs, job_id):
        job = await follow(app.jobs, job_id, console, title, until_left=True)
        if _over(job):
            return job
    async with AsyncExitStack() as stack:
        log_to_stderr(settings)
        with console.status("starting a worker ..."):
            reachable = await stack.enter_async_context(run_engine(settings))
            await stack.enter_async_context(run_worker(reachable))
        return await follow(app.jobs, job_id, console, title)


def _over(job: Job) -> bool:
    return job.ended or job.state == "paused"


async def run_worker_if(wanted: bool, app: App, job: Job, settings: Settings, console: Console) -> None:
    """Carry a plan out and tell its end, or drop it."""
    if not wanted:
        await app.jobs.cancel(job.id)
        console.print("Nothing was done.")
        return
    await app.jobs.confirm(job.id)
    print_end(await run_worker_until(app, job.id, settings, console), settings, console)
