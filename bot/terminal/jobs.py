"""The terminal's `herosmith jobs`: long work, listed, paused, resumed and cancelled."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from bot.jobs import JobBoard
from bot.store.jobs import Job
from bot.terminal.start import go, installation

jobs = typer.Typer(help="Long work: list it, pause, resume or cancel it.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The job's number in `herosmith jobs list`")]


@jobs.command("list")
def list_() -> None:
    """List the newest jobs."""
    go(_list())


@jobs.command()
def pause(job: Number) -> None:
    """Stop a job until it is resumed; calls that are out are waited for."""
    go(_change(job, JobBoard.pause))


@jobs.command()
def resume(job: Number) -> None:
    """Let a paused job go on where it was."""
    go(_change(job, JobBoard.resume))


@jobs.command()
def cancel(job: Number) -> None:
    """End a job for good. What was written is kept."""
    go(_change(job, JobBoard.cancel))


async def _list() -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)

    async with open_app(installation()) as app:
        for job in await app.board.recent():
            typer.echo(_line(job))


async def _change(job_id: int, change: Callable[[JobBoard, int], Awaitable[Job]]) -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(installation()) as app:
        typer.echo(_line(await change(app.board, job_id)))


def _line(job: Job) -> str:
    cost = f"\t${job.cost:,.4f}" if job.cost else ""
    return f"{job.id}\t{job.kind}\t{job.state}\t{job.done} of {job.total}{cost}\t{job.error or job.phase}"
