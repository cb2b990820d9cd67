"""Following a job in the terminal: its row as a bar, until it ends."""

import asyncio

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bot.jobs import JobBoard
from bot.store.jobs import Job

_LOOK = 0.3  # seconds between two looks


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


async def taken_up(board: JobBoard, job_id: int, seconds: float) -> bool:
    """Whether a worker takes a job up within so many seconds: one that runs with the bot, perhaps."""
    for _ in range(int(seconds / _LOOK)):
        if (await board.get(job_id)).state != "queued":
            return True
        await asyncio.sleep(_LOOK)
    return False
