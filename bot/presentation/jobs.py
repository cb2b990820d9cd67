"""The texts of jobs for Discord and the terminal: progress and results."""

from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.builds import build_result_text, paid_text
from bot.presentation.finetune import finetune_result_text
from bot.store.job_schema import BuildResult, FinetuneSpec
from bot.store.jobs import Job
from bot.tuning.gate import is_check

_TITLES = {"build": mark("Building a dataset"), "finetune": mark("Training a model")}
BEHIND = mark("Waiting for the end of job {number}, which uses the same model or server.")
PLAN_DROPPED = mark("The plan was cancelled; nothing was started.")
_BAR_WIDTH = 20
_MAX_LENGTH = 1900  # characters, of the 2,000 that a message may have


def is_dropped_plan(job: Job) -> bool:
    """Return whether a job was cancelled before any work on it began."""
    return job.state == "cancelled" and job.started_at is None


def progress_text(t: Translator, job: Job) -> str:
    """Return the text of a job's progress message."""
    states = {
        "planned": t("Waiting for an operator to confirm it."),
        "queued": t("Waiting to start.") if job.behind is None else t(BEHIND, number=job.behind),
        "running": _running_text(t, job),
        "paused": _paused_text(t, job),
        "succeeded": t("Done."),
        "cancelling": t("Being cancelled ..."),
        "cancelled": t("Cancelled.") + _kept_text(t, job),
        "failed": t("Failed."),
    }
    title = t("**{title}** (job {number})", title=LocalizedMessage(_TITLES[job.kind]), number=job.id)
    if is_dropped_plan(job):
        return f"{title}\n{t(PLAN_DROPPED)}"
    return f"{title}\n{progress_bar(t, job.done, job.total)}\n{states[job.state]}"


def _running_text(t: Translator, job: Job) -> str:
    """Return phase, speed, remaining time and cost so far, as far as they are known."""
    parts = [t(job.phase or mark("starting"))]
    if job.rate and job.kind == "build":
        parts.append(t("{rate:.1f} texts a second", rate=job.rate))
    if job.rate:
        parts.append(_time_left_text(t, job, (job.total - job.done) / job.rate))
    if job.cost:
        parts.append(t("${cost:,.4f} so far", cost=job.cost))
    return " · ".join(parts)


def _time_left_text(t: Translator, job: Job, seconds: float) -> str:
    """Return the time that the phase still takes, and after a training that of the check which follows."""
    check = job.spec.check_seconds if isinstance(job.spec, FinetuneSpec) else None
    if not check or is_check(job):
        return t("about {time} left", time=format_duration(seconds))
    return t(
        "about {time} left, then about {check} of checking",
        time=format_duration(seconds),
        check=format_duration(check),
    )


def _paused_text(t: Translator, job: Job) -> str:
    if job.question:
        return f"❓ {t(job.question)}"
    if job.kind == "finetune" and job.phase:
        return t("Paused: {phase}.", phase=job.phase)
    return t("Paused.") + _kept_text(t, job)


def _kept_text(t: Translator, job: Job) -> str:
    """Return that what a build has written is kept, if it has written anything."""
    return f" {t('What was written is kept.')}" if job.kind == "build" and job.done else ""


def result_text(t: Translator, job: Job) -> str:
    """Return the text of a job's end, with the next step."""
    if is_dropped_plan(job):
        return t(PLAN_DROPPED)
    if job.result is not None and job.state != "cancelled":
        if isinstance(job.result, BuildResult):
            return build_result_text(t, job.result)
        return finetune_result_text(t, job.result)
    error = job.error or LocalizedMessage("")
    if job.state != "cancelled":
        template = mark("The build failed. {error}")
        if job.kind == "finetune":
            template = mark("The training failed. {error}")
        return t(template, error=error)[:_MAX_LENGTH] + _reached_text(t, job)
    template = mark("The build was cancelled before anything was written.")
    if job.done:
        template = mark("The build was cancelled; what was written is kept for the next one.")
    if job.kind == "finetune":
        template = mark("The training was cancelled; there is no new model. `{/finetune}` begins a new one.")
        if job.error:  # it says what is left
            template = mark("The training was cancelled.")
    warning = f" ⚠️ {t(error)}" if job.error else ""
    return f"{t(template)}{warning}{_reached_text(t, job)}"


def _reached_text(t: Translator, job: Job) -> str:
    """Return how far a job without a result came, and its cost."""
    if not job.total:
        return ""
    reached = t(
        "It got to {done:,} of {total:,}{paid}.", done=job.done, total=job.total, paid=paid_text(job.cost)
    )
    return f"\n{reached}"


def progress_bar(t: Translator, done: int, total: int) -> str:
    """Return a bar of twenty characters with percentage and counts; an empty bar if the total is unknown."""
    if not total:
        return "▱" * _BAR_WIDTH
    filled = _BAR_WIDTH * done // total
    share = t("{share:.0%}", share=100 * done // total / 100)  # never 100% before the end
    counts = t("{done:,} of {total:,}", done=done, total=total)
    return f"{'▰' * filled}{'▱' * (_BAR_WIDTH - filled)} {share} · {counts}"
