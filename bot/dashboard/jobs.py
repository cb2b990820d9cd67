"""Jobs on the dashboard: how far each is, and what may be done with it."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.app import App
from bot.dashboard.refusals import UNREADABLE_REQUEST
from bot.errors import UserError
from bot.i18n.message import Translator, mark
from bot.jobs.queue import JobQueue
from bot.jobs.worker_presence import is_left_alone
from bot.presentation.jobs import progress_text, result_text
from bot.store.jobs import Job

_SHOWN = 20  # jobs
_NO_WORKER = mark(
    "Nobody works on it: start the bot, or let the terminal do it by `herosmith jobs follow {number}`."
)
_PAUSE, _RESUME, _CANCEL = mark("Pause"), mark("Resume"), mark("Cancel the job")
_QUESTIONS = {
    "pause": mark("Pause job {number}? Answers that it has asked for are still taken in."),
    "resume": mark("Let job {number} go on where it stopped?"),
    "cancel": mark("End job {number} for good? Texts that a build has written are kept."),
}
_CHANGES: dict[str, Callable[[JobQueue, int], Awaitable[Job]]] = {
    "pause": JobQueue.pause,
    "resume": JobQueue.resume,
    "cancel": JobQueue.cancel,
}


async def list_jobs(app: App, t: Translator) -> list[dict[str, Any]]:
    """Return the newest jobs, newest first, as the page draws them."""
    return [_job(app, t, job) for job in await app.jobs.recent(_SHOWN)]


async def change_job(app: App, job_id: int, change: str) -> None:
    """Pause, resume or cancel a job. Raise UserError if that is not possible now."""
    if change not in _CHANGES:
        raise UserError(UNREADABLE_REQUEST)
    await _CHANGES[change](app.jobs, job_id)


def _job(app: App, t: Translator, job: Job) -> dict[str, Any]:
    title, _, progress = progress_text(t, job).partition("\n")
    queue = app.jobs
    stuck = is_left_alone(job, app.settings, stale_after=queue.timing.stale_after, server=queue.server)
    return {
        "id": job.id,
        "title": title.replace("**", ""),
        "state": job.state,
        "progress": result_text(t, job) if job.ended else progress,
        "note": t(_NO_WORKER, number=job.id) if stuck else "",
        "at": job.finished_at or job.started_at or job.created_at,
        "actions": [_action(t, job, change, label) for change, label in _possible(job)],
    }


def _possible(job: Job) -> list[tuple[str, str]]:
    """Return what may be done with a job in its state, with the words on the button."""
    possible = []
    if job.state in ("queued", "running"):
        possible.append(("pause", _PAUSE))
    if job.state == "paused" and not job.question:
        possible.append(("resume", _RESUME))
    if job.state in ("queued", "running", "paused"):
        possible.append(("cancel", _CANCEL))
    return possible


def _action(t: Translator, job: Job, change: str, label: str) -> dict[str, str]:
    question = t(_QUESTIONS[change], number=job.id)
    return {"change": change, "label": t(label), "name": f"{t(label)} ({job.id})", "question": question}
