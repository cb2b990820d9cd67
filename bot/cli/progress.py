"""Follow a job in the terminal: a progress bar from the job's row, or lines in a pipe, then its result."""

import asyncio
import logging
import signal
import sys
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any, NoReturn, Protocol, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from bot.app import App
from bot.cli.engine_start import shared_engine
from bot.cli.runtime import log_to_stderr
from bot.cli.terminal import TERMINAL, plain, program, shown
from bot.errors import OperatorError, UserError
from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage
from bot.jobs.queue import JobQueue
from bot.jobs.worker import Worker
from bot.jobs.worker_presence import may_have_worker
from bot.presentation.jobs import BEHIND, result_text
from bot.presentation.verdicts import sample_lines
from bot.processes import run_worker, until_engine_ends
from bot.settings import Settings
from bot.store.job_schema import KINDS, FinetuneResult, Kind
from bot.store.jobs import Job

log = logging.getLogger(__name__)

T = TypeVar("T")

_POLL_INTERVAL = 0.3  # seconds
_PICKUP_TIMEOUT = 3.0  # seconds in which a running worker claims a job
_WORK = {"build": "building", "finetune": "training"}
_LINE_INTERVAL = 10.0  # seconds between lines of progress where no terminal shows a bar


class ProgressView(Protocol):
    """Shows how far work has come; total is 0 while it is unknown."""

    def update(self, done: int, total: int, description: str) -> None: ...


@contextmanager
def show_progress(
    console: Console,
    title: str,
    *,
    line_interval: float = _LINE_INTERVAL,
    first_line: float | None = None,
) -> Iterator[ProgressView]:
    """Show a bar in a terminal; in a pipe or a log, a line every line_interval seconds.

    first_line: seconds until the first one, if it is to come sooner.
    """
    if not console.is_terminal:
        yield _Lines(console, title, line_interval, first_line or line_interval)
        return
    columns = (
        TextColumn("{task.fields[title]:8}", markup=False),  # not cut, however narrow the terminal is
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(overflow="fold")),  # it wraps
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
    def __init__(self, console: Console, title: str, interval: float, first: float) -> None:
        self._console = console
        self._title = title
        self._interval = interval
        self._started = time.monotonic()
        self._printed = self._started - interval + first

    def update(self, done: int, total: int, description: str) -> None:
        now = time.monotonic()
        if now - self._printed < self._interval:
            return
        self._printed = now
        reached = f" {done:,} of {total:,} done ·" if total else ""
        elapsed = format_duration(now - self._started)
        self._console.print(
            f"{self._title}:{reached} {description} · {elapsed} so far",
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
    followed_since = (await queue.get(job_id)).read_at
    with show_progress(console, title) as view:
        while True:
            job = await queue.get(job_id)
            is_over = _is_over(job)
            view.update(job.done, job.total, job.state if is_over else TERMINAL(_phase(job)))
            heartbeat = job.heartbeat or 0.0
            # a worker that released the job may have a successor soon
            last_sign = heartbeat if job.owner else max(followed_since, heartbeat)
            if is_over or (until_abandoned and job.read_at - last_sign > queue.timing.stale_after):
                return job
            await asyncio.sleep(_POLL_INTERVAL)


def _phase(job: Job) -> LocalizedMessage | str:
    if job.behind is not None:
        return LocalizedMessage(BEHIND, number=job.behind)
    return job.phase or job.state


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
        console.print(shown(settings.data_dir / name), highlight=False, soft_wrap=True)


async def is_picked_up(queue: JobQueue, job_id: int, settings: Settings) -> bool:
    """Return whether a worker has claimed a job. If one may run, such as the bot's, give it some seconds."""
    deadline = time.monotonic() + (_PICKUP_TIMEOUT if may_have_worker(settings) else 0.0)
    while True:
        job = await queue.get(job_id)
        if job.ended or queue.is_claimed(job):
            return True
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(_POLL_INTERVAL)


async def run_until_done(app: App, job_id: int, settings: Settings, console: Console) -> Job:
    """Follow a job to its end.

    If no worker has it, start an engine and a worker for it; if it asks no model, work here without them.
    Raises OperatorError if that cannot be done, also because the job is for another model server.
    """
    job = await app.jobs.get(job_id)
    title = f"{_WORK[job.kind]} (job {job_id})"
    while not _is_over(job):
        if await is_picked_up(app.jobs, job_id, settings):
            job = await follow_job(app.jobs, job_id, console, title, until_abandoned=True)
            continue
        if not job.can_be_done_by(app.jobs.server):
            raise OperatorError(
                f"Job {job_id} was ordered for the model server {job.spec.server}, and the settings here "
                f"name {app.jobs.server}. Start {program()} worker where they name {job.spec.server}, or "
                f"cancel the job: {program()} jobs cancel {job_id}"
            )
        log_to_stderr(settings, quiet=True)
        if not job.spec.asks_model:
            cure = f"What was done is kept; to go on: {program()} jobs follow {job_id}"
            following = follow_job(app.jobs, job_id, console, title)
            return await run_with_worker(app.worker, following, cure, kinds=(job.kind,))
        job = await _follow_with_worker(app, job, settings, console, title)
    return job


async def _follow_with_worker(app: App, job: Job, settings: Settings, console: Console, title: str) -> Job:
    """Follow a job with a worker of this command, and with the engine that runs or one of its own.

    Return the job when it has ended, or when the engine has, with the bot that had started it: the bot that
    is started next has an engine and a worker of its own.
    """
    async with AsyncExitStack() as stack:
        reachable = await stack.enter_async_context(shared_engine(settings))
        await stack.enter_async_context(run_worker(reachable))
        following = asyncio.ensure_future(follow_job(app.jobs, job.id, console, title))
        awaited: list[asyncio.Future[Any]] = [following]
        if settings.starts_engine:
            awaited.append(asyncio.ensure_future(until_engine_ends(reachable)))
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                return following.result()
        finally:
            for each in awaited:
                each.cancel()
            await asyncio.gather(*awaited, return_exceptions=True)
    return await app.jobs.get(job.id)


async def run_with_worker(
    worker: Worker, work: Coroutine[Any, Any, T], cure: str, *, kinds: Sequence[Kind] = KINDS
) -> T:
    """Await work that waits for jobs of these kinds, while a worker carries them out in this process.

    Raises OperatorError, which ends with the cure, if the worker dies before the work is done: nobody else
    would end the jobs. The log has the cause.
    """
    working = asyncio.create_task(worker.run_forever(kinds))
    waiting = asyncio.create_task(work)
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            cause = working.exception()
            log.error("the worker died", exc_info=cause)
            raise OperatorError(f"The work stopped unexpectedly; the log has the cause. {cure}") from cause
        return waiting.result()
    finally:
        waiting.cancel()
        working.cancel()
        await asyncio.gather(waiting, working, return_exceptions=True)


def _is_over(job: Job) -> bool:
    return job.ended or job.state == "paused"


def confirm(question: str, *, default: bool = True, flags: str = "--yes") -> bool:
    """Ask for a yes or no; default if Enter is pressed at a terminal: elsewhere only y or n is an answer.

    flags: what confirms without a question. Raises UserError if there is no answer, and CancelledError on
    SIGTERM, as what asyncio runs does.
    """
    try:
        with _interruptible():
            return typer.confirm(question, default=default if sys.stdin.isatty() else None)
    except typer.Abort:
        typer.echo(err=True)  # the question's line is still open
        raise UserError(
            "The question was not answered, so nothing was done. To say yes without a question, start the "
            "command again with {flags}.",
            flags=flags,
        ) from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end a question: asyncio would heed them only after the answer."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard_by_loop = signal.set_wakeup_fd(-1)  # or it would cancel what closes the app after the question
    on_interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    on_termination = signal.signal(signal.SIGTERM, _cancel)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, on_termination)
        signal.signal(signal.SIGINT, on_interrupt)
        signal.set_wakeup_fd(heard_by_loop, warn_on_full_buffer=False)


def _cancel(_number: int, _frame: object) -> NoReturn:
    typer.echo(err=True)  # the question's line is still open
    raise asyncio.CancelledError


async def run_if_confirmed(confirmed: bool, app: App, job: Job, settings: Settings, console: Console) -> None:
    """Run a planned job and print its outcome if it was confirmed; otherwise cancel it."""
    if not confirmed:
        await app.jobs.cancel(job.id)
        console.print("Nothing was done.")
        return
    await app.jobs.confirm(job.id)
    print_outcome(await run_until_done(app, job.id, settings, console), settings, console)
