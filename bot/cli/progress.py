"""Follow a job in the terminal: a progress bar from the job's row, or lines in a pipe, then its result."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.app import App
from bot.cli.runtime import log_to_stderr
from bot.cli.terminal import TERMINAL, plain, program
from bot.errors import UserError
from bot.i18n.format import format_duration
from bot.jobs.queue import JobQueue
from bot.presentation.jobs import result_text
from bot.presentation.verdicts import sample_lines
from bot.processes import run_worker, share_engine
from bot.settings import Settings
from bot.store.job_schema import FinetuneResult
from bot.store.jobs import Job

_POLL_INTERVAL = 0.3  # seconds
_PICKUP_TIMEOUT = 3.0  # seconds in which a running worker claims a job
_LINE_INTERVAL = 10.0  # seconds between lines of progress where no terminal shows a bar


class ProgressView(Protocol):
    """Shows how far work has come; total is 0 while it is unknown."""

    def update(self, done: int, total: int, description: str) -> None: ...


@contextmanager
def show_progress(
    console: Console, title: str, *, line_interval: float = _LINE_INTERVAL
) -> Iterator[ProgressView]:
    """Show a bar in a terminal; in a pipe or a log, a line every line_interval seconds."""
    if not console.is_terminal:
        yield _Lines(console, title, line_interval)
        return
    columns = (
        TextColumn("{task.fields[title]:8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bars:
        yield _Bar(bars, title)


class _Bar:
    def __init__(self, bars: Progress, title: str) -> None:
        self._bars = bars
        self._task = bars.add_task("waiting", total=None, title=title)

    def update(self, done: int, total: int, description: str) -> None:
        self._bars.update(self._task, completed=done, total=total or None, description=description)


class _Lines:
    def __init__(self, console: Console, title: str, interval: float) -> None:
        self._console = console
        self._title = title
        self._interval = interval
        self._started = self._printed = time.monotonic()

    def update(self, done: int, total: int, description: str) -> None:
        now = time.monotonic()
        if now - self._printed < self._interval:
            return
        self._printed = now
        reached = f"{done:,} of {total:,}, " if total else ""
        elapsed = format_duration(now - self._started)
        self._console.print(
            f"{self._title}: {reached}{description} ({elapsed})",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


async def follow_job(
    queue: JobQueue, job_id: int, console: Console, title: str, *, until_abandoned: bool = False
) -> Job:
    """Show a job as a progress bar until it ends or is paused. Return the job.

    until_abandoned: return also if its worker has been silent for so long that another may take over.
    """
    started_at = time.time()
    with show_progress(console, title) as view:
        while True:
            job = await queue.get(job_id)
            is_over = _is_over(job)
            view.update(job.done, job.total, job.state if is_over else TERMINAL(job.phase or job.state))
            heartbeat = job.heartbeat or 0.0
            # a worker that released the job may have a successor soon
            last_sign = heartbeat if job.owner else max(started_at, heartbeat)
            if is_over or (until_abandoned and time.time() - last_sign > queue.timing.stale_after):
                return job
            await asyncio.sleep(_POLL_INTERVAL)


def print_outcome(job: Job, settings: Settings, console: Console) -> None:
    """Print how a job ended, and the paths of its files. Raise UserError with its text if it failed."""
    if job.state == "paused" and job.question:
        answer = f"{program()} jobs answer {job.id} --training ID, or --none"
        console.print(f"{TERMINAL(job.question)}\nAnswer with: {answer}", soft_wrap=True)
        return
    if job.state == "paused":
        console.print(f"Paused. To go on: {program()} jobs resume {job.id}", soft_wrap=True)
        return
    if job.result is None:
        raise UserError("{text}", text=plain(result_text(TERMINAL, job)))
    console.print(plain(result_text(TERMINAL, job)), highlight=False, markup=False, soft_wrap=True)
    if isinstance(job.result, FinetuneResult) and job.result.verdict and not job.result.verdict.passed:
        for line in sample_lines(TERMINAL, job.result.verdict):
            console.print(f"\n{line}\n", highlight=False, markup=False, soft_wrap=True)
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
            reachable = await stack.enter_async_context(share_engine(settings))
            await stack.enter_async_context(run_worker(reachable))
        return await follow_job(app.jobs, job_id, console, title)


def _is_over(job: Job) -> bool:
    return job.ended or job.state == "paused"


def confirm(question: str) -> bool:
    """Ask for a yes or no; yes if Enter is pressed. Raises UserError if there is nobody to ask."""
    try:
        return typer.confirm(question, default=True)
    except typer.Abort:
        raise UserError("Nobody answered the question, so nothing was done: confirm with --yes.") from None


async def run_if_confirmed(confirmed: bool, app: App, job: Job, settings: Settings, console: Console) -> None:
    """Run a planned job and print its outcome if it was confirmed; otherwise cancel it."""
    if not confirmed:
        await app.jobs.cancel(job.id)
        console.print("Nothing was done.")
        return
    await app.jobs.confirm(job.id)
    print_outcome(await run_until_done(app, job.id, settings, console), settings, console)
