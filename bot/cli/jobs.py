"""`herosmith jobs`: list, follow, pause, resume and cancel jobs."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.console import Console

from bot.cli.runtime import installation_settings, run_command
from bot.jobs.queue import JobQueue
from bot.settings import Settings
from bot.store.job_schema import BuildResult
from bot.store.jobs import Job

jobs = typer.Typer(help="Long work: list it, pause, resume or cancel it.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The job's number in `herosmith jobs list`")]


@jobs.command("list")
def list_() -> None:
    """List the newest jobs."""
    run_command(_list())


@jobs.command()
def pause(job: Number) -> None:
    """Stop a job until it is resumed; calls that are out are waited for."""
    run_command(_change(job, JobQueue.pause))


@jobs.command()
def resume(job: Number) -> None:
    """Let a paused job go on where it was, and follow it."""
    run_command(_follow(installation_settings(), job, resume=True))


@jobs.command()
def follow(job: Number) -> None:
    """Follow a job to its end; where no worker runs, this command is one."""
    run_command(_follow(installation_settings(), job, resume=False))


@jobs.command()
def cancel(job: Number) -> None:
    """End a job for good. What was written is kept."""
    run_command(_cancel(installation_settings(), job))


@jobs.command()
def answer(
    job: Number,
    training: Annotated[str | None, typer.Option(help="The training's id at the model server")] = None,
    none: Annotated[bool, typer.Option("--none", help="There is none: start it")] = False,
) -> None:
    """Answer a fine-tuning's question whether its training was started, and let it go on."""
    if none == (training is not None):
        raise typer.BadParameter("Give either --training ID or --none.")
    run_command(_change(job, lambda queue, number: queue.answer(number, training)))


async def _list() -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)

    async with open_app(installation_settings()) as app:
        for job in await app.jobs.recent():
            typer.echo(_format_job(app.jobs, job))


async def _change(job_id: int, change: Callable[[JobQueue, int], Awaitable[Job]]) -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(installation_settings()) as app:
        typer.echo(_format_job(app.jobs, await change(app.jobs, job_id)))


async def _follow(settings: Settings, job_id: int, *, resume: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.cli.progress import print_outcome, run_until_done  # noqa: PLC0415

    console = Console()
    async with open_app(settings) as app:
        if resume:
            await app.jobs.resume(job_id)
        print_outcome(await run_until_done(app, job_id, settings, console), settings, console)


async def _cancel(settings: Settings, job_id: int) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.cli.progress import run_until_done  # noqa: PLC0415

    async with open_app(settings) as app:
        job = await app.jobs.cancel(job_id)
        if job.state == "cancelling":  # by the worker that has it, or one that tells the provider
            job = await run_until_done(app, job_id, settings, Console())
        typer.echo(_format_job(app.jobs, job))


def _format_job(queue: JobQueue, job: Job) -> str:
    cost = f"\t${job.cost:,.4f}" if job.cost else ""
    return (
        f"{job.id}\t{job.kind}\t{job.state}\t{job.done} of {job.total}{cost}\t{_format_outcome(queue, job)}"
    )


def _format_outcome(queue: JobQueue, job: Job) -> str:
    if job.state == "running" and not queue.is_claimed(job):
        return f"no worker is heard of; to go on: herosmith jobs follow {job.id}"
    if isinstance(job.result, BuildResult):
        return f"dataset v{job.result.dataset}"
    message = job.error or job.question or (None if job.ended else job.phase)
    return str(message or "")
