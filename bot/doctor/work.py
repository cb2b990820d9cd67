"""Checks of the work in progress: a worker that does not answer, and what waits for a person."""

from bot.doctor.finding import Finding
from bot.doctor.installation import Installation, Rows
from bot.errors import SettingsError
from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage
from bot.jobs.queue import WAITING_FOR_ANSWER, WorkerTiming
from bot.jobs.worker_presence import is_left_alone, may_have_worker
from bot.store.jobs import Job
from bot.tuning.providers import provider_of, server_name

_STALE_AFTER = WorkerTiming().stale_after
_UNSENT = 3600.0  # seconds after which a notice that asks for a decision should have gone out


def check_worker(installation: Installation, rows: Rows | None) -> list[Finding]:
    """Say whether the jobs that should go on have a worker that does."""
    if rows is None:
        return [_no_rows_finding("worker")]
    due = [each for each in rows.active if each.state in ("queued", "running", "cancelling")]
    settings, server = installation.settings, _server(installation)
    stuck = [job for job in due if is_left_alone(job, settings, stale_after=_STALE_AFTER, server=server)]
    if stuck:
        return [_stuck_job(job, may_run=may_have_worker(settings)) for job in stuck]
    if not due:
        return [Finding("worker", "ok", LocalizedMessage("No job waits for a worker."))]
    if len(due) == 1:
        cause = LocalizedMessage("A worker works on job {number}, or is about to.", number=due[0].id)
    else:
        numbers = [str(each.id) for each in due]
        cause = LocalizedMessage("A worker works on jobs {numbers}, or is about to.", numbers=numbers)
    return [Finding("worker", "ok", cause)]


def _server(installation: Installation) -> str:
    """Return the model server that workers of an installation use; empty if its settings name none."""
    settings = installation.settings
    try:
        provider = provider_of(settings.openai_base_url, hosted=settings.hosted, key=settings.provider)
    except SettingsError:
        return ""
    return server_name(provider, settings.openai_base_url)


def _stuck_job(job: Job, *, may_run: bool) -> Finding:
    """Return that nobody works on a job. may_run: whether a worker may run, here or on another host."""
    cause = LocalizedMessage("Job {number} is due, and no worker runs.", number=job.id)
    if may_run:
        cause = LocalizedMessage("Job {number} is due, and no worker has taken it.", number=job.id)
    if job.silence is not None:
        cause = LocalizedMessage(
            "The worker of job {number} has not been heard of for {time}.",
            number=job.id,
            time=format_duration(job.silence),
        )
    cure = LocalizedMessage(
        "Start the bot, or a worker (`herosmith worker`). If one runs, `logs/worker.log` in the data folder "
        "says why it is silent."
    )
    if job.spec.server and may_run:
        cure = LocalizedMessage(
            "Start a worker (`herosmith worker`) that uses the model server {server}, for which the job was "
            "ordered, or cancel the job. The log of a worker that runs says why it is silent.",
            server=job.spec.server,
        )
    return Finding("worker", "warning", cause, cure)


def check_waiting(rows: Rows | None) -> list[Finding]:
    """Say what waits for a person: questions and pauses of jobs, models, reports, notices."""
    if rows is None:
        return [_no_rows_finding("waiting")]
    found = [_waiting_job(each) for each in rows.active if each.state == "paused"]
    for model in rows.models:
        if model.state != "retired" and model.served_as is None:
            cause = LocalizedMessage("Model {number} is not deployed at its provider.", number=model.id)
            cure = LocalizedMessage("Deploy it there, then tell the bot its name by `{/models deployed}`.")
            found.append(Finding("waiting", "warning", cause, cure))
    if rows.reported:
        cause = LocalizedMessage.counted(
            "{number} reported text waits for a decision of the operators.",
            "{number} reported texts wait for a decision of the operators.",
            rows.reported,
        )
        cure = LocalizedMessage("Decide by the buttons under the notice of each.")
        found.append(Finding("waiting", "warning", cause, cure))
    return found or [Finding("waiting", "ok", LocalizedMessage("Nothing waits for a person."))]


def check_notices(installation: Installation, rows: Rows | None) -> list[Finding]:
    """Say whether notices to the operators are delivered."""
    if rows is None:
        return [_no_rows_finding("notices")]
    old = [each for each in rows.pending if installation.now - each.at > _UNSENT]
    if not old:
        return [Finding("notices", "ok", LocalizedMessage("No notice waits to be sent."))]
    cause = LocalizedMessage.counted(
        "{number} notice to the operators was not delivered.",
        "{number} notices to the operators were not delivered.",
        len(old),
    )
    cure = LocalizedMessage("Let the bot run, and set ADMIN_CHANNEL to a channel in which it may write.")
    return [Finding("notices", "warning", cause, cure)]


def _waiting_job(job: Job) -> Finding:
    if job.question:
        cause = LocalizedMessage(WAITING_FOR_ANSWER, job_id=job.id, question=job.question)
        cure = LocalizedMessage("Answer it by the buttons of its message, or by `herosmith jobs answer`.")
        return Finding("waiting", "warning", cause, cure)
    cause = LocalizedMessage("Job {number} is paused.", number=job.id)
    cure = LocalizedMessage(
        "Resume or cancel it by the buttons of its message, or by `herosmith jobs resume`."
    )
    return Finding("waiting", "warning", cause, cure)


def _no_rows_finding(check: str) -> Finding:
    return Finding(
        check,
        "skipped",
        LocalizedMessage("The database tells this, and it cannot be read or is not there yet."),
    )
