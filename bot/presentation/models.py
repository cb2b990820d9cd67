"""The texts of the registry of models for Discord and the terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.verdicts import loss_lines, verdict_lines
from bot.rating.trial_status import TrialStatus
from bot.rating.votes import VoteCounts
from bot.registry.availability import date_text, days_until
from bot.registry.names import name_in_sentence
from bot.registry.registry import ModelRecord
from bot.store.models import Model, ModelEvent

_SOON_DAYS = 60  # days before a model's shutdown from which on it is marked

_EVENTS = {
    "registered": mark("trained and registered"),
    "deployed": mark("deployed"),
    "passed": mark("passed its check"),
    "held back": mark("held back by its check"),
    "first": mark("went live in place of the base model"),
    "promoted": mark("went live by votes"),
    "override": mark("went live by hand"),
    "overruled": mark("went live by hand, though its check did not let it"),
    "rolled back": mark("went live again by rollback"),
    "fell back": mark("went live again: the server lost the live one"),
    "lost": mark("lost by its server"),
    "challenges": mark("lost its place by votes, and may win it back"),
    "outvoted": mark("retired: the votes preferred the live one"),
    "retired": mark("retired"),
}
_IN_THE_TERMINAL = mark(", in the terminal")
_BY_ITSELF = mark(", by itself")
_WITHOUT_ACTOR = {
    "first": _BY_ITSELF,
    "promoted": _BY_ITSELF,
    "override": _IN_THE_TERMINAL,
    "overruled": _IN_THE_TERMINAL,
    "rolled back": _IN_THE_TERMINAL,
    "fell back": _BY_ITSELF,
    "retired": _IN_THE_TERMINAL,
}


def shutdown_mark(day: str) -> str:
    left = days_until(day)
    return "⏳ " if left is not None and left <= _SOON_DAYS else ""


def model_line(
    t: Translator, model: Model, challenger: Model | None, votes: VoteCounts, trial: TrialStatus | None
) -> str:
    """Return a model's entry in the list; trial is the one that runs."""
    after = model.metrics.get("loss_after")
    parts = [
        t(_state_text(model, challenger)),
        t("dataset v{version}", version=model.dataset_id),
        *([t("loss {after:.3f}", after=after)] if after else []),
        _votes_text(t, votes),
        *(
            [shutdown_mark(model.retires_on) + t("until {day}", day=model.retires_on)]
            if model.retires_on
            else []
        ),
    ]
    lines = [t("**Model {number}**", number=model.id), f"-# {' · '.join(parts)}"]
    if trial and trial.candidate.id == model.id:
        lines.append(f"-# {t('Is the new model better? {figures}.', figures=trial.figures)}")
    return "\n".join(lines)


def model_choice(t: Translator, model: Model) -> str:
    """Return a model as an entry of a menu."""
    return t(
        "Model {number} · {state} · dataset v{version}",
        number=model.id,
        state=LocalizedMessage(model.state),
        version=model.dataset_id,
    )


def _state_text(model: Model, challenger: Model | None) -> str:
    states = {
        "live": mark("**live**"),
        "retired": mark("retired"),
        "held back": mark("held back by its check"),
        "unchecked": mark("not checked yet"),
    }
    if model.state in states:
        return states[model.state]
    if challenger and challenger.id == model.id:
        return mark("candidate, challenges the live one")
    if model.served_as is None:
        return mark("candidate, waits to be deployed")
    return mark("candidate, waits for its turn")


def _votes_text(t: Translator, votes: VoteCounts) -> str:
    """Return the votes on a model's descriptions, and the share of thumbs up."""
    cast = votes.ups + votes.downs
    share = t(" ({percent:.0f} % for it)", percent=100 * votes.ups / cast) if cast else ""
    return f"👍 {votes.ups} 👎 {votes.downs}{share}"


def model_page(
    t: Translator,
    record: ModelRecord,
    challenger: Model | None,
    votes: VoteCounts,
    trials: Sequence[TrialStatus],
) -> str:
    """Return a model's page; trials are its own, newest first."""
    model = record.model
    lines = [
        model_line(t, model, challenger, votes, None),
        t("Tuned from {base}", base=name_in_sentence(record.tuned_from or model.base)),
        t(
            "Job {number} · dataset v{version}, `{hash}`",
            number=model.job_id,
            version=model.dataset_id,
            hash=record.dataset_hash[:12],
        ),
    ]
    lines.append(t("Its server calls it `{name}`", name=model.name))
    if model.served_as and model.served_as != model.name:
        lines.append(t("Asked as `{name}`", name=model.served_as))
    lines += loss_lines(t, model.metrics.get("loss_before"), model.metrics.get("loss_after"))
    if model.retires_on:
        when = date_text(model.retires_on, days_until(model.retires_on))
        lines.append(
            shutdown_mark(model.retires_on) + t("Its server shuts it or its base down {when}.", when=when)
        )
    if model.verdict:
        lines += verdict_lines(t, model.verdict)
    lines += [trial_text(t, each) for each in trials]
    lines.append(t("**History**, the newest first"))
    return "\n".join([*lines, *(_event_line(t, each) for each in reversed(record.events))])


def trial_text(t: Translator, trial: TrialStatus) -> str:
    """Return a trial's status, or how it ended."""
    lines = [t(trial.title), f"-# {t(trial.figures)}"]
    return "\n".join([*lines, *([f"-# {t(trial.evidence)}"] if trial.evidence else [])])


def _event_line(t: Translator, event: ModelEvent) -> str:
    at = datetime.fromtimestamp(event.at, UTC)
    what = t(_EVENTS[event.what])
    if event.replaced_id:
        what += t(", in the place of model {number}", number=event.replaced_id)
    if event.actor_id:
        what += t(", by {person}", person=f"<@{event.actor_id}>")
    elif event.what in _WITHOUT_ACTOR:
        what += t(_WITHOUT_ACTOR[event.what])
    return f"-# {at:%Y-%m-%d %H:%M} UTC · {what}"
