"""The texts of fine-tuning and models for Discord and the terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.rating.trial_status import TrialStatus
from bot.rating.votes import VoteCounts
from bot.registry.availability import date_text, days_until
from bot.registry.names import name_in_sentence
from bot.registry.registry import ModelRecord
from bot.store.job_schema import FinetuneResult
from bot.store.models import Model, ModelEvent
from bot.tuning.estimate import TuningEstimate
from bot.tuning.remote_api import PlannedWeights

_SOON_DAYS = 60  # days before a model's shutdown from which on it is marked

_EVENTS = {
    "registered": mark("trained and registered"),
    "deployed": mark("deployed"),
    "first": mark("went live in place of the base model"),
    "promoted": mark("went live by votes"),
    "override": mark("went live by hand"),
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
    "rolled back": _IN_THE_TERMINAL,
    "fell back": _BY_ITSELF,
    "retired": _IN_THE_TERMINAL,
}


def finetune_plan_text(t: Translator, estimate: TuningEstimate, remaining_today: float | None) -> str:
    """Return a fine-tuning's plan; remaining_today is the rest of the day's budget, in US dollars."""
    spec, counts = estimate.spec, estimate.dataset.counts
    title = mark("**Fine-tuning {base}** on dataset v{version}, by {provider}")
    if spec.method == "dpo":
        title = mark("**Fine-tuning {base}** by preference (DPO) on dataset v{version}, by {provider}")
    lines = [
        t(title, base=_base_text(estimate), version=spec.dataset, provider=estimate.provider.display_name),
        t(
            "{train:,} texts to learn from, {valid:,} held out to measure.",
            train=counts.get("train", 0),
            valid=counts.get("valid", 0),
        ),
        t(
            "About {tokens:,} tokens x {epochs} epochs ({chosen}) = {all:,}.",
            tokens=estimate.tokens,
            epochs=estimate.epochs,
            chosen=LocalizedMessage(
                mark("as ordered") if spec.epochs else mark("the server chooses; this many are usual")
            ),
            all=estimate.tokens * estimate.epochs,
        ),
        _cost_text(t, estimate),
    ]
    if estimate.provider.reports_weights:
        text = planned_weights_text(t, estimate.weights, serves_adapters=estimate.serves_adapters)
        lines.insert(-1, text)
    if remaining_today is not None:
        lines.append(t("Today's budget still holds ${left:,.2f}.", left=max(0.0, remaining_today)))
    return "\n".join([*lines, _time_text(t, estimate), *_warning_lines(t, estimate)])


_OBSTACLES = {
    "memory": mark(
        "An adapter is tuned (a small addition to the model), not the whole model: that would take "
        "{needed:.1f} GB of memory, and {available:.1f} are free."
    ),
    "disk": mark(
        "An adapter is tuned (a small addition to the model), not the whole model: that would take "
        "{needed:.1f} GB on the disk, and {available:.1f} are free."
    ),
    "size": mark(
        "An adapter is tuned (a small addition to the model), not the whole model: it has {needed:.1f} "
        "billion weights, and models are tuned as a whole up to {available:.1f}."
    ),
}


def planned_weights_text(t: Translator, planned: PlannedWeights | None, *, serves_adapters: bool) -> str:
    """Return what a training at the engine changes, and why; None: the engine does not say it beforehand.

    serves_adapters tells whether the server that answers loads nothing else.
    """
    if planned is None:
        return t(
            "The whole model is tuned if the machine has room for it, else an adapter (a small addition "
            "to the model)."
        )
    if planned.weights == "all":
        return t("The whole model is tuned: all its weights.")
    if serves_adapters:
        return t(
            "An adapter is tuned (a small addition to the model): the server at SERVING_URL loads nothing "
            "else."
        )
    if planned.obstacle is None:
        return t("An adapter is tuned (a small addition to the model), as TUNE says.")
    needed, available = planned.obstacle.needed / 1e9, planned.obstacle.available / 1e9
    return t(_OBSTACLES[planned.obstacle.of], needed=needed, available=available)


def _warning_lines(t: Translator, estimate: TuningEstimate) -> list[str]:
    """Return warnings on the base and the provider, and what an operator will have to do."""
    base, provider, lines = _base_text(estimate), estimate.provider, []
    if estimate.retires_on:
        shutdown = t("The server shuts {base} down on {day}.", base=base, day=estimate.retires_on)
        lines.append(f"{_shutdown_mark(estimate.retires_on)}{shutdown}")
    if estimate.listed is False:
        lines.append(t("⚠️ The server does not list {base} among its models.", base=base))
    if estimate.listed is None:
        lines.append(t("Whether the server knows {base} could not be asked now.", base=base))
    if provider.shutdown_notice:
        lines.append(f"⚠️ {t(provider.shutdown_notice)}")
    if provider.deploy_step:
        lines.append(
            t("A model trained there must be deployed by hand before it can be asked; its end says how.")
        )
    return lines


def _base_text(estimate: TuningEstimate) -> LocalizedMessage | str:
    return name_in_sentence(estimate.tuned_from or estimate.spec.base)


def _cost_text(t: Translator, estimate: TuningEstimate) -> str:
    price, cost = estimate.price, estimate.cost
    if price is None or price.training is None or cost is None:
        return t("Cost: **price unknown**. An operator can add it to data/prices.toml (`training`).")
    if price.training == 0:
        return t("Cost: nothing, it is trained on {where}.", where=price.location)
    return t(
        "Cost: about **${cost:,.4f}**, at ${rate:g} a million trained tokens{source}.",
        cost=cost,
        rate=price.training,
        source=price.citation,
    )


def _time_text(t: Translator, estimate: TuningEstimate) -> str:
    if estimate.seconds is None:
        return t("Time: not known before the first training of this model.")
    template = mark("Time: about {time}, on two cores; it begins when the server has its turn.")
    if estimate.measured:
        template = mark(
            "Time: about {time}, as fast as the last one; it begins when the server has its turn."
        )
    return t(template, time=format_duration(estimate.seconds))


def _shutdown_mark(day: str) -> str:
    left = days_until(day)
    return "⏳ " if left is not None and left <= _SOON_DAYS else ""


def finetune_result_text(t: Translator, result: FinetuneResult) -> str:
    """Return the text of a fine-tuning's end, with the next step."""
    fields = {"name": result.name, "number": result.model}
    if result.deploy:
        ended = t("`{name}` is trained as model {number}.", **fields)
        next_step = t("Next: {step}.", step=result.deploy)
    elif result.state == "live":
        ended = t("`{name}` is trained and live.", **fields)
        next_step = t("Try it: `{/hero hero:40 woman healing}`.")
    else:
        ended = t("`{name}` is trained as model {number}, a candidate: another one is live.", **fields)
        next_step = t(
            "To look closer: `{/models compare a:{number}}`. "
            "To let it serve: `{/models promote model:{number}}`.",
            number=result.model,
        )
    return (
        f"{' '.join([ended, *_loss_lines(t, result.loss_before, result.loss_after, end='.')])}\n{next_step}"
    )


def _loss_lines(t: Translator, before: float | None, after: float | None, end: str = "") -> list[str]:
    """Return the held-out loss as a line, if it was measured."""
    if not after:
        return []
    if not before:
        return [t("Held-out loss: {after:.3f}", after=after) + end]
    return [t("Held-out loss: {before:.3f} → {after:.3f}", before=before, after=after) + end]


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
            [_shutdown_mark(model.retires_on) + t("until {day}", day=model.retires_on)]
            if model.retires_on
            else []
        ),
    ]
    lines = [t("**Model {number}**", number=model.id), f"-# {' · '.join(parts)}"]
    if trial and trial.candidate.id == model.id:
        lines.append(f"-# {t(trial.figures)}")
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
    if model.state != "candidate":
        return mark("**live**") if model.state == "live" else mark("retired")
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
    lines += _loss_lines(t, model.metrics.get("loss_before"), model.metrics.get("loss_after"))
    if model.retires_on:
        when = date_text(model.retires_on, days_until(model.retires_on))
        lines.append(
            _shutdown_mark(model.retires_on) + t("Its server shuts it or its base down {when}.", when=when)
        )
    lines += [trial_text(t, each) for each in trials]
    lines.append(t("**History**, the newest first"))
    return "\n".join([*lines, *(_event_line(t, each) for each in reversed(record.events))])


def trial_text(t: Translator, trial: TrialStatus) -> str:
    """Return a trial's status, or how it ended."""
    return f"{t(trial.title)}\n-# {t(trial.figures)}"


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
