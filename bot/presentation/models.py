"""Reports on tuning and models, in words for Discord and the terminal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.i18n.format import duration
from bot.i18n.message import Language, Sentence, later
from bot.rating.trial_status import Standing
from bot.rating.votes import Tally
from bot.registry.availability import days_until, on_day
from bot.registry.registry import Entry
from bot.store.models import Model, ModelEvent
from bot.tuning.estimate import TuningForecast

_SOON = 60  # days before a model's end from which on it is marked

_EVENTS = {
    "registered": later("trained and registered"),
    "deployed": later("deployed"),
    "first": later("went live: none was"),
    "promoted": later("went live by votes"),
    "override": later("went live by hand (override)"),
    "rolled back": later("went live again by rollback"),
    "fell back": later("went live again: the server lost the live one"),
    "lost": later("lost by its server"),
    "challenges": later("lost its place by votes, and may win it back"),
    "outvoted": later("retired: the votes preferred the live one"),
    "retired": later("retired"),
}


def plan(say: Language, forecast: TuningForecast, left_today: float | None) -> str:
    """What a fine-tuning will take, before it begins.

    left_today is what the day's budget still holds, in US dollars.
    """
    spec, counts = forecast.spec, forecast.dataset.counts
    title = later("**Fine-tuning {base}** on dataset v{version}, by {provider}")
    if spec.method == "dpo":
        title = later("**Fine-tuning {base}** by preference (DPO) on dataset v{version}, by {provider}")
    lines = [
        say(title, base=spec.base, version=spec.dataset, provider=forecast.provider.called),
        say(
            "{train:,} texts to learn from, {valid:,} held out to measure.",
            train=counts.get("train", 0),
            valid=counts.get("valid", 0),
        ),
        say(
            "About {tokens:,} tokens x {epochs} epochs ({chosen}) = {all:,}.",
            tokens=forecast.tokens,
            epochs=forecast.epochs,
            chosen=Sentence(
                later("as ordered") if spec.epochs else later("the server chooses; this many are usual")
            ),
            all=forecast.tokens * forecast.epochs,
        ),
        _cost(say, forecast),
    ]
    if left_today is not None:
        lines.append(say("Today's budget still holds ${left:,.2f}.", left=max(0.0, left_today)))
    return "\n".join([*lines, _time(say, forecast), *_warnings(say, forecast)])


def _warnings(say: Language, forecast: TuningForecast) -> list[str]:
    """What speaks against the base or the provider, and what will be left to do."""
    base, provider, lines = forecast.spec.base, forecast.provider, []
    if forecast.retires_on:
        told = say("The server shuts `{base}` down on {day}.", base=base, day=forecast.retires_on)
        lines.append(f"{_mark(forecast.retires_on)}{told}")
    if forecast.listed is False:
        lines.append(say("⚠️ The server does not list `{base}` among its models.", base=base))
    if forecast.listed is None:
        lines.append(say("Whether the server knows `{base}` could not be asked now.", base=base))
    if provider.closed:
        lines.append(f"⚠️ {say(provider.closed)}")
    if provider.deploy:
        lines.append(
            say("A model trained there must be deployed by hand before it can be asked; its end says how.")
        )
    return lines


def _cost(say: Language, forecast: TuningForecast) -> str:
    price, cost = forecast.price, forecast.cost
    if price is None or price.training is None or cost is None:
        return say("Cost: **price unknown**. An operator can add it to data/prices.toml (`training`).")
    if price.training == 0:
        return say("Cost: nothing, it is trained on {where}.", where=price.where)
    return say(
        "Cost: about **${cost:,.4f}**, at ${rate:g} a million trained tokens{source}.",
        cost=cost,
        rate=price.training,
        source=price.origin,
    )


def _time(say: Language, forecast: TuningForecast) -> str:
    if forecast.seconds is None:
        return say("Time: not known before the first training of this model.")
    told = later("Time: about {time}, on two cores; it begins when the server has its turn.")
    if forecast.measured:
        told = later("Time: about {time}, as fast as the last one; it begins when the server has its turn.")
    return say(told, time=duration(forecast.seconds))


def _mark(day: str) -> str:
    left = days_until(day)
    return "⏳ " if left is not None and left <= _SOON else ""


def tuned(say: Language, result: dict[str, Any]) -> str:
    """What is told at a fine-tuning's end, with what to do next."""
    named = {"name": result["name"], "number": result["model"]}
    if result.get("deploy"):
        ended = say("`{name}` is trained as model {number}.", **named)
        todo = say("Next: {step}.", step=Sentence.from_json(result["deploy"]))
    elif result["state"] == "live":
        ended = say("`{name}` is trained and live.", **named)
        todo = say("Try it: `/hero 40 woman healing`.")
    else:
        ended = say("`{name}` is trained as model {number}, a candidate: another one is live.", **named)
        todo = say(
            "To look closer: `/models compare a:{number}`. "
            "To let it serve: `/models promote model:{number}`.",
            number=result["model"],
        )
    return f"{' '.join([ended, *_losses(say, result, end='.')])}\n{todo}"


def _losses(say: Language, metrics: Mapping[str, Any], end: str = "") -> list[str]:
    """The loss on what was held out, as far as it was measured."""
    before, after = metrics.get("loss_before"), metrics.get("loss_after")
    if not after:
        return []
    if not before:
        return [say("Held-out loss: {after:.3f}", after=after) + end]
    return [say("Held-out loss: {before:.3f} → {after:.3f}", before=before, after=after) + end]


def line(say: Language, model: Model, challenger: Model | None, votes: Tally, trial: Standing | None) -> str:
    """A model in the list; trial is the one that runs."""
    after = model.metrics.get("loss_after")
    parts = [
        say(_state(model, challenger)),
        say("dataset v{version}", version=model.dataset_id),
        *([say("loss {after:.3f}", after=after)] if after else []),
        _score(say, votes),
        *([_mark(model.retires_on) + say("until {day}", day=model.retires_on)] if model.retires_on else []),
    ]
    lines = [f"**{model.id}** `{model.name}`", f"-# {' · '.join(parts)}"]
    if trial and trial.candidate.id == model.id:
        lines.append(f"-# {say(trial.figures)}")
    return "\n".join(lines)


def _state(model: Model, challenger: Model | None) -> str:
    if model.state != "candidate":
        return later("**live**") if model.state == "live" else later("retired")
    if challenger and challenger.id == model.id:
        return later("candidate, challenges the live one")
    if model.served_as is None:
        return later("candidate, waits to be deployed")
    return later("candidate, waits for its turn")


def _score(say: Language, votes: Tally) -> str:
    """The votes on a model's descriptions, and the share of them that is for it."""
    cast = votes.ups + votes.downs
    share = say(" ({percent:.0f} % for it)", percent=100 * votes.ups / cast) if cast else ""
    return f"👍 {votes.ups} 👎 {votes.downs}{share}"


def page(
    say: Language, entry: Entry, challenger: Model | None, votes: Tally, trials: Sequence[Standing]
) -> str:
    """A model with all that is known of it; trials are its own, the newest first."""
    model = entry.model
    lines = [
        line(say, model, challenger, votes, None),
        say("Base: `{base}`", base=model.base),
        say(
            "Job {number} · dataset v{version}, `{hash}`",
            number=model.job_id,
            version=model.dataset_id,
            hash=entry.dataset_hash[:12],
        ),
    ]
    if model.served_as and model.served_as != model.name:
        lines.append(say("Asked as `{name}`", name=model.served_as))
    lines += _losses(say, model.metrics)
    if model.retires_on:
        when = on_day(model.retires_on, days_until(model.retires_on))
        lines.append(_mark(model.retires_on) + say("Its server shuts it or its base down {when}.", when=when))
    lines += [trial_lines(say, each) for each in trials]
    lines.append(say("**History**, the newest first"))
    return "\n".join([*lines, *(_event(say, each) for each in reversed(entry.events))])


def trial_lines(say: Language, trial: Standing) -> str:
    """A trial and how it stands or ended."""
    return f"{say(trial.title)}\n-# {say(trial.figures)}"


def _event(say: Language, event: ModelEvent) -> str:
    at = datetime.fromtimestamp(event.at, UTC)
    what = say(_EVENTS[event.what])
    if event.replaced_id:
        what += say(", in the place of model {number}", number=event.replaced_id)
    if event.actor_id:
        what += say(", by {person}", person=f"<@{event.actor_id}>")
    return f"-# {at:%Y-%m-%d %H:%M} UTC · {what}"
