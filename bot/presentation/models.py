"""The texts of the registry of models for Discord and the terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.verdicts import loss_lines, verdict_lines
from bot.rating.trial_status import TrialStatus
from bot.rating.votes import VoteCounts
from bot.registry.availability import date_text, days_until
from bot.registry.lifecycle import CandidateStage
from bot.registry.names import name_in_sentence
from bot.registry.registry import ModelRecord
from bot.store.jobs import Job, State
from bot.store.models import Model, ModelEvent

_SOON_DAYS = 60  # days before a model's shutdown from which on it is marked

_EVENTS = {
    "registered": mark("was trained"),
    "deployed": mark("deployed"),
    "passed": mark("passed its check"),
    "held back": mark("held back: its check says that it writes badly"),
    "first": mark("went live in place of the base model"),
    "promoted": mark("went live by votes"),
    "override": mark("went live by hand"),
    "overruled": mark("went live by hand, though its check did not let it"),
    "rolled back": mark("went live again by rollback"),
    "fell back": mark("went live again, because its server no longer had the other one"),
    "lost": mark("retired: its server no longer had it"),
    "challenges": mark("lost its place by votes, and may win it back"),
    "outvoted": mark("retired: votes preferred the live model"),
    "retired": mark("retired"),
    "pruned": mark("its files were deleted to free disk space"),
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

_FIRST_TRAINING: dict[State, str] = {  # by the state of its job
    "queued": mark("No model has been trained yet; the first training waits to start, as job {number}."),
    "running": mark("No model has been trained yet; the first one is in training, as job {number}."),
    "paused": mark("No model has been trained yet; the first training is paused, as job {number}."),
    "cancelling": mark(
        "No model has been trained yet; the first training is being cancelled, as job {number}."
    ),
}


def no_model_message(training: Job | None) -> LocalizedMessage:
    """Return what to do while no model has been trained, or how the training of the first one stands."""
    if training:
        return LocalizedMessage(_FIRST_TRAINING[training.state], number=training.id)
    return LocalizedMessage(
        "No model has been trained yet: run `{/build-dataset source:shipped}`, which takes seconds, then "
        "`{/finetune}`."
    )


def shutdown_mark(day: str) -> str:
    left = days_until(day)
    return "⏳ " if left is not None and left <= _SOON_DAYS else ""


def model_line(
    t: Translator,
    model: Model,
    stage: CandidateStage | None,
    votes: VoteCounts,
    trial: TrialStatus | None,
) -> str:
    """Return a model's entry in the list; stage is a candidate's, trial the one that runs."""
    after = model.metrics.get("loss_after")
    parts = [
        t(_state_text(model, stage)),
        t("dataset v{version}", version=model.dataset_id),
        *([t("loss {after:.3f}", after=after)] if after else []),
        _votes_text(t, votes),
        *([t("files deleted")] if model.pruned_at is not None else []),
        *(
            [shutdown_mark(model.retires_on) + t("available until {day}", day=model.retires_on)]
            if model.retires_on
            else []
        ),
    ]
    lines = [t("**Model {number}**", number=model.id), f"-# {' · '.join(parts)}"]
    if trial and trial.candidate.id == model.id:
        lines.append(f"-# {t('Is the new model better? {figures}.', figures=trial.figures)}")
    if step := next_step_text(t, model, stage):
        lines.append(f"-# {step}")
    return "\n".join(lines)


def model_choice(t: Translator, model: Model) -> str:
    """Return a model as an entry of a menu."""
    return t(
        "Model {number} · {state} · dataset v{version}",
        number=model.id,
        state=LocalizedMessage(model.state),
        version=model.dataset_id,
    )


_DECIDE = mark(
    "You decide: `{/models promote model:{number}}` makes it live, `{/models retire model:{number}}` gives "
    "it up."
)
_NEXT_STEPS: dict[CandidateStage, str] = {
    "not deployed": mark(
        "Once it is deployed at its provider, tell the bot its name there: `{/models deployed "
        "model:{number} name:...}`."
    ),
    "without rival": mark("To make it live: `{/models promote model:{number}}`."),
    "won": _DECIDE,
    "undecided": _DECIDE,
}


def next_step_text(t: Translator, model: Model, stage: CandidateStage | None) -> str | None:
    """Return what an operator has to do before a candidate goes on; None if it needs nobody."""
    return t(_NEXT_STEPS[stage], number=model.id) if stage in _NEXT_STEPS else None


_STAGES: dict[CandidateStage, str] = {
    "not deployed": mark("candidate, waits to be deployed"),
    "without rival": mark("candidate, but no trained model is live to duel with"),
    "in duels": mark("candidate, in duels with the live model"),
    "won": mark("candidate, has won its duels"),
    "undecided": mark("candidate, votes could not decide"),
    "behind winner": mark("candidate, waits until you decide on the one that has won"),
    "waiting": mark("candidate, waits for its turn"),
}


def _state_text(model: Model, stage: CandidateStage | None) -> str:
    states = {
        "live": mark("**live**"),
        "retired": mark("retired"),
        "held back": mark("held back: its check says that it writes badly"),
        "unchecked": mark("not checked yet"),
    }
    return states[model.state] if model.state in states else _STAGES[stage or "waiting"]


def _votes_text(t: Translator, votes: VoteCounts) -> str:
    """Return the votes on a model's descriptions, and the share of thumbs up."""
    cast = votes.ups + votes.downs
    share = t(" ({share:.0%} for it)", share=votes.ups / cast) if cast else ""
    return f"👍 {votes.ups} 👎 {votes.downs}{share}"


def model_page(
    t: Translator,
    record: ModelRecord,
    stage: CandidateStage | None,
    votes: VoteCounts,
    trials: Sequence[TrialStatus],
) -> str:
    """Return a model's page; trials are its own, newest first."""
    model = record.model
    lines = [
        model_line(t, model, stage, votes, None),
        t("Trained from {base}", base=name_in_sentence(record.tuned_from or model.base)),
        t(
            "Job {number} · dataset v{version}, checksum `{hash}`",
            number=model.job_id,
            version=model.dataset_id,
            hash=record.dataset_hash[:12],
        ),
    ]
    lines.append(t("Its technical name: `{name}`", name=model.name))
    if model.served_as and model.served_as != model.name:
        lines.append(t("Asked by the name `{name}`", name=model.served_as))
    lines += loss_lines(t, model.metrics.get("loss_before"), model.metrics.get("loss_after"))
    if model.retires_on:
        when = date_text(model.retires_on, days_until(model.retires_on))
        lines.append(
            shutdown_mark(model.retires_on)
            + t("The model server shuts it or its base model down {when}.", when=when)
        )
    if model.verdict:
        lines += verdict_lines(t, model.verdict)
    lines += [trial_text(t, each) for each in trials]
    lines.append(t("**History**, the newest first"))
    return "\n".join([*lines, *(_event_line(t, each) for each in reversed(record.events))])


def trial_text(t: Translator, trial: TrialStatus) -> str:
    """Return a trial's status, or how it ended."""
    figures = (trial.figures, trial.evidence, trial.fragility_text)
    return "\n".join([t(trial.title), *(f"-# {t(each)}" for each in figures if each)])


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
