"""Reports on tuning and models, in words for Discord and the terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bot.duration import duration
from bot.rating.standing import Standing
from bot.rating.votes import Tally
from bot.store.models import Model, ModelEvent
from bot.tuning.forecast import TuningForecast
from bot.tuning.registry import Entry
from bot.tuning.upkeep import days_until

_SOON = 60  # days before a model's end from which on it is marked

_EVENTS = {
    "registered": "trained and registered",
    "deployed": "deployed",
    "first": "went live: none was",
    "promoted": "went live by votes",
    "override": "went live by hand (override)",
    "rolled back": "went live again by rollback",
    "fell back": "went live again: the server lost the live one",
    "lost": "lost by its server",
    "challenges": "lost its place by votes, and may win it back",
    "outvoted": "retired: the votes preferred the live one",
    "retired": "retired",
}


def plan(forecast: TuningForecast, left_today: float | None) -> str:
    """What a fine-tuning will take, before it begins.

    left_today is what the day's budget still holds, in US dollars.
    """
    spec, counts = forecast.spec, forecast.dataset.counts
    train, valid = counts.get("train", 0), counts.get("valid", 0)
    chosen = "as ordered" if spec.epochs else "the server chooses; this many are usual"
    method = "" if spec.method == "supervised" else " by preference (DPO)"
    tokens, epochs = forecast.tokens, forecast.epochs
    lines = [
        f"**Fine-tuning {spec.base}**{method} on dataset v{spec.dataset}, by {forecast.provider.name}",
        f"{train:,} texts to learn from, {valid:,} held out to measure.",
        f"About {tokens:,} tokens x {epochs} epochs ({chosen}) = {tokens * epochs:,}.",
        _cost(forecast),
    ]
    if left_today is not None:
        lines.append(f"Today's budget still holds ${max(0.0, left_today):,.2f}.")
    lines.append(_time(forecast))
    if forecast.retires_on:
        lines.append(
            f"{_mark(forecast.retires_on)}The server shuts `{spec.base}` down on {forecast.retires_on}."
        )
    if forecast.listed is False:
        lines.append(f"⚠️ The server does not list `{spec.base}` among its models.")
    if forecast.listed is None:
        lines.append(f"Whether the server knows `{spec.base}` could not be asked now.")
    if forecast.provider.closed:
        lines.append(f"⚠️ {forecast.provider.closed}")
    if forecast.provider.deploy:
        lines.append(
            "A model trained there must be deployed by hand before it can be asked; its end says how."
        )
    return "\n".join(lines)


def _cost(forecast: TuningForecast) -> str:
    price, cost = forecast.price, forecast.cost
    if price is None or price.training is None or cost is None:
        return "Cost: **price unknown**. An operator can add it to data/prices.toml (`training`)."
    if price.training == 0:
        return f"Cost: nothing, it is trained on {price.source or 'a server of your own'}."
    read = f", as of {price.read_on:%Y-%m-%d}" if price.read_on else ""
    return f"Cost: about **${cost:,.4f}**, at ${price.training:g} a million trained tokens{read}."


def _time(forecast: TuningForecast) -> str:
    if forecast.seconds is None:
        return "Time: not known before the first training of this model."
    basis = "as fast as the last one" if forecast.measured else "on two cores"
    return f"Time: about {duration(forecast.seconds)}, {basis}; it begins when the server has its turn."


def _mark(day: str) -> str:
    left = days_until(day)
    return "⏳ " if left is not None and left <= _SOON else ""


def tuned(result: dict[str, Any]) -> str:
    """What is told at a fine-tuning's end, with what to do next."""
    after, before = result.get("loss_after"), result.get("loss_before")
    losses = ""
    if after:
        losses = f" Held-out loss: {before:.3f} → {after:.3f}." if before else f" Held-out loss: {after:.3f}."
    number, name = result["model"], result["name"]
    if result.get("deploy"):
        return f"`{name}` is trained as model {number}.{losses}\nNext: {result['deploy']}."
    if result["state"] == "live":
        return f"`{name}` is trained and live.{losses}\nTry it: `/hero 40 woman healing`."
    return (
        f"`{name}` is trained as model {number}, a candidate: another one is live.{losses}"
        f"\nTo look closer: `/models compare a:{number}`. To let it serve: `/models promote model:{number}`."
    )


def line(model: Model, challenger: Model | None, votes: Tally, trial: Standing | None) -> str:
    """A model in the list; trial is the one that runs."""
    state = model.state
    if state == "candidate":
        waits = "waits to be deployed" if model.served_as is None else "waits for its turn"
        state_told = "challenges the live one" if challenger and challenger.id == model.id else waits
        told = f"candidate, {state_told}"
    else:
        told = "**live**" if state == "live" else "retired"
    after = model.metrics.get("loss_after")
    parts = [
        told,
        f"dataset v{model.dataset_id}",
        *([f"loss {after:.3f}"] if after else []),
        _score(votes),
        *([f"{_mark(model.retires_on)}until {model.retires_on}"] if model.retires_on else []),
    ]
    lines = [f"**{model.id}** `{model.name}`", f"-# {' · '.join(parts)}"]
    if trial and trial.candidate.id == model.id:
        lines.append(f"-# {trial.figures}")
    return "\n".join(lines)


def _score(votes: Tally) -> str:
    """The votes on a model's descriptions, and the share of them that is for it."""
    cast = votes.ups + votes.downs
    return f"👍 {votes.ups} 👎 {votes.downs}" + (f" ({100 * votes.ups / cast:.0f} % for it)" if cast else "")


def page(entry: Entry, challenger: Model | None, votes: Tally, trials: Sequence[Standing]) -> str:
    """A model with all that is known of it; trials are its own, the newest first."""
    model = entry.model
    before, after = model.metrics.get("loss_before"), model.metrics.get("loss_after")
    lines = [
        line(model, challenger, votes, None),
        f"Base: `{model.base}`",
        f"Job {model.job_id} · dataset v{model.dataset_id}, `{entry.dataset_hash[:12]}`",
    ]
    if model.served_as and model.served_as != model.name:
        lines.append(f"Asked as `{model.served_as}`")
    if after:
        lines.append(f"Held-out loss: {f'{before:.3f} → ' if before else ''}{after:.3f}")
    if model.retires_on:
        left = days_until(model.retires_on)
        when = f", in {left} days" if left is not None and left > 0 else ""
        lines.append(
            f"{_mark(model.retires_on)}Its server shuts it or its base down on {model.retires_on}{when}."
        )
    lines += [trial_lines(each) for each in trials]
    lines += ["**History**, the newest first", *(_event(each) for each in reversed(entry.events))]
    return "\n".join(lines)


def trial_lines(trial: Standing) -> str:
    """A trial and how it stands or ended."""
    return f"{trial.title}\n-# {trial.figures}"


def _event(event: ModelEvent) -> str:
    at = datetime.fromtimestamp(event.at, UTC)
    replaced = f", in the place of model {event.replaced_id}" if event.replaced_id else ""
    actor = f", by <@{event.actor_id}>" if event.actor_id else ""
    return f"-# {at:%Y-%m-%d %H:%M} UTC · {_EVENTS[event.what]}{replaced}{actor}"
