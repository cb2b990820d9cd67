"""Follow a job in the terminal: a progress bar from the job's row, then its result."""

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

_POLL_INTERVAL = 0.3  # seconds
_PICKUP_TIMEOUT = 3.0  # seconds in which a running worker claims a job


async def follow_job(
    queue: JobQueue, job_id: int, console: Console, title: str, *, until_abandoned: bool = False
) -> Job:
    """Show a job as a progress bar until it ends or is paused. Return the job.

    until_abandoned: return also if its worker has been silent for so long that another may take over.
    """
    started_at = time.time()
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
            job = await queue.get(job_id)
            is_over = _is_over(job)
            description = job.state if is_over else str(job.phase or "")
            bars.update(task, completed=job.done, total=job.total or None, description=description)
            heartbeat = job.heartbeat or 0.0
            # a worker that released the job may have a successor soon
            last_sign = heartbeat if job.owner else max(started_at, heartbeat)
            if is_over or (until_abandoned and time.time() - last_sign > queue.timing.stale_after):
                return job
            await asyncio.sleep(_POLL_INTERVAL)


def print_outcome(job: Job, settings: Settings, console: Console) -> None:
    """Print how a job ended, and the paths of its files. Raise UserError with its text if it failed."""
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


async def is_picked_up(queue: JobQueue, job_id: int) -> bool:
    """Return whether a worker, such as the bot's, has claimed a job or claims it within a few seconds."""
    for _ in range(int(_PICKUP_TIMEOUT / _POLL_INTERVAL)):
        job = await queue.get(job_id)
        if job.ended or queue.is_claimed(job):
            return True
        await asyncio.sleep(_POLL_INTERVAL)
    return False


async def run_until_done(app: App, job_id: int, settings: Settings, console: Console) -> Job:
    """Follow a job to its end. If no worker has it, start an engine and a worker for it."""
    title = f"job {job_id}"
    if await is_picked_up(app.jobs, job_id):
        job = await follow_job(app.jobs, job_id, console, title, until_abandoned=True)
        if _is_over(job):
            return job
    async with AsyncExitStack() as stack:
        log_to_stderr(settings)
        with console.status("starting a worker ..."):
            reachable = await stack.enter_async_context(run_engine(settings))
            await stack.enter_async_context(run_worker(reachable))
        return await follow_job(app.jobs, job_id, console, title)


def _is_over(job: Job) -> bool:
    return job.ended or job.state == "paused"


async def run_if_confirmed(confirmed: bool, app: App, job: Job, settings: Settings, console: Console) -> None:
    """Run a planned job and print its outcome if it was confirmed; otherwise cancel it."""
    if not confirmed:
        await app.jobs.cancel(job.id)
        console.print("Nothing was done.")
        return
    await app.jobs.confirm(job.id)
    print_outcome(await run_until_done(app, job.id, settings, console), settings, console)
