"""`herosmith jobs`: list, show, follow, pause, resume and cancel jobs."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bot.cli.commands import CommandGroup, Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import (
    TERMINAL,
    date_time,
    iso_time,
    own_models_hint,
    plain,
    print_fields,
    print_json,
    print_table,
    program,
)
from bot.settings import Settings
from bot.store.job_schema import BuildResult, FinetuneResult

if TYPE_CHECKING:
    from bot.jobs.queue import JobQueue
    from bot.store.jobs import Job

jobs = CommandGroup("Long work, such as builds and trainings: list it, pause, resume or cancel it.")

Number = Annotated[int, typer.Argument(help="The job's number in `jobs list`")]

_HEADINGS = ("job", "kind", "state", "done", "cost in $", "started", "outcome")
_ORDERED = {  # what a job was ordered to do, by the names of the commands' options
    "repeats": "repeats",
    "limit": "limit",
    "model": "model",
    "budget": "budget",
    "batch": "batch",
    "source": "source",
    "dataset": "dataset",
    "base": "base model",
    "method": "method",
    "epochs": "epochs",
}


@jobs.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, help="How many to list at most")] = 10,
    as_json: Json = False,
) -> None:
    """List the newest jobs."""
    run_command(_list(limit, as_json=as_json))


@jobs.command()
def show(job: Number, as_json: Json = False) -> None:
    """Show all that is known of a job: what was ordered, how far it is, how it ended."""
    run_command(_show(job, as_json=as_json))


@jobs.command()
def pause(job: Number) -> None:
    """Stop a job until it is resumed. Answers that it has asked for are still taken in."""
    run_command(_change(job, lambda queue, number: queue.pause(number)))


@jobs.command()
def resume(job: Number) -> None:
    """Let a paused job go on where it stopped, and show its progress."""
    run_command(_follow(installation_settings(), job, resume=True))


@jobs.command()
def follow(job: Number) -> None:
    """Show a job's progress to its end. If the bot does not run, this command does the work."""
    run_command(_follow(installation_settings(), job, resume=False))


@jobs.command()
def cancel(job: Number) -> None:
    """End a job for good. Texts that a build has written are kept."""
    run_command(_cancel(installation_settings(), job))


@jobs.command()
def answer(
    job: Number,
    training: Annotated[str | None, typer.Option(help="It has: the training's id there")] = None,
    none: Annotated[bool, typer.Option("--none", help="It has not: start it")] = False,
) -> None:
    """Answer a job that asks whether its training has begun at the model server, and let it go on."""
    if none == (training is not None):
        raise typer.BadParameter("Give either --training ID or --none.")
    run_command(_change(job, lambda queue, number: queue.answer(number, training)))


async def _list(limit: int, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)

    async with open_app(installation_settings()) as app:
        found = await app.jobs.recent(limit)
        if as_json:
            print_json([_job_json(job) for job in found])
        elif found:
            print_table(_HEADINGS, [_row(app.jobs, job) for job in found])
        else:
            typer.echo(
                f"There is no job yet. {program()} dataset build --source shipped orders one, of seconds. "
                f"{own_models_hint()}"
            )


async def _show(job_id: int, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.presentation.jobs import result_text  # noqa: PLC0415

    async with open_app(installation_settings()) as app:
        job = await app.jobs.get(job_id)
        if as_json:
            print_json(_job_json(job))
            return
        spec = job.spec.model_dump()
        ordered = {shown: spec[name] for name, shown in _ORDERED.items() if spec.get(name)}
        print_fields(dict(zip(_HEADINGS, _row(app.jobs, job), strict=True)) | ordered)
        if job.ended:
            typer.echo(f"\n{plain(result_text(TERMINAL, job))}")


async def _change(job_id: int, change: "Callable[[JobQueue, int], Awaitable[Job]]") -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(installation_settings()) as app:
        print_table(_HEADINGS, [_row(app.jobs, await change(app.jobs, job_id))])


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
        print_table(_HEADINGS, [_row(app.jobs, job)])


def _row(queue: "JobQueue", job: "Job") -> tuple[object, ...]:
    return (
        job.id,
        job.kind,
        job.state,
        _done_text(job),
        job.cost or None,
        date_time(job.started_at or job.created_at),
        _outcome_text(queue, job),
    )


def _done_text(job: "Job") -> str | None:
    """Return how far a job has come. A training counts its steps, then the texts of its check."""
    from bot.tuning.gate import is_check  # noqa: PLC0415

    if not job.total:
        return None
    done = f"{100 * job.done // job.total}%"
    if job.kind != "finetune" or job.ended:
        return done
    return f"{done} of the {'check' if is_check(job) else 'training'}"


def _outcome_text(queue: "JobQueue", job: "Job") -> str:
    from bot.presentation.jobs import BEHIND, PLAN_DROPPED, is_dropped_plan  # noqa: PLC0415

    if is_dropped_plan(job):
        return TERMINAL(PLAN_DROPPED)
    if job.state == "running" and not queue.is_claimed(job):
        return f"nobody works on it; to go on: {program()} jobs follow {job.id}"
    if job.behind is not None:
        return TERMINAL(BEHIND, number=job.behind)
    if isinstance(job.result, BuildResult):
        return f"dataset v{job.result.dataset}"
    if isinstance(job.result, FinetuneResult):
        return f"model {job.result.model}"
    message = job.error or job.question or (None if job.ended else job.phase)
    return TERMINAL(message) if message else ""


def _job_json(job: "Job") -> dict[str, Any]:
    """Return a job as docs/cli.md describes it."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "cost": job.cost,
        "created_at": iso_time(job.created_at),
        "started_at": iso_time(job.started_at),
        "finished_at": iso_time(job.finished_at),
        "phase": TERMINAL(job.phase) if job.phase else None,
        "question": TERMINAL(job.question) if job.question else None,
        "error": TERMINAL(job.error) if job.error else None,
        "spec": job.spec.model_dump(mode="json"),
        "result": _result_json(job),
    }


_FINETUNE_FIELDS = {
    *("model", "name", "state", "dataset", "seconds", "files"),
    *("loss_before", "loss_after", "kept_epoch", "epochs"),
}


def _result_json(job: "Job") -> dict[str, Any] | None:
    result = job.result
    if isinstance(result, BuildResult):
        return {"dataset": result.dataset, "new": result.new, "counts": result.counts, "files": result.files}
    if isinstance(result, FinetuneResult):
        return result.model_dump(mode="json", include=_FINETUNE_FIELDS)
    return None
