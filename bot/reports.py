"""Reports: how a job stands and how it ended, in words and bars for Discord."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bot.dataset.forecast import Forecast
from bot.dataset.pairs import Paired
from bot.dataset.plan import BuildSpec
from bot.duration import duration
from bot.store.jobs import Job
from bot.tuning.report import tuned

_TITLES = {"build": "Building a dataset", "finetune": "Fine-tuning"}
_BAR = 20
_FEW = 100  # texts
_LONGEST = 1900  # characters, of the 2,000 that a message may have


def plan(spec: BuildSpec, forecast: Forecast, left_today: float | None) -> str:
    """What a build will take, before it begins.

    left_today is what the day's budget still holds, in US dollars.
    """
    way = ", through the Batch API" if spec.batch else ""
    lines = [
        f"**A dataset of {forecast.slots:,} examples, written by {spec.model}**{way}",
        _missing(forecast),
        _price(forecast),
    ]
    if spec.budget is not None:
        lines.append(f"It stops before it would cost more than ${spec.budget:,.2f}.")
    if left_today is not None:
        lines.append(f"Today's budget still holds ${max(0.0, left_today):,.2f}.")
    if spec.batch:
        lines.append("Time: within 24 hours, as the provider promises for batches.")
    elif forecast.seconds is not None:
        pace = "at the server's rate limit" if forecast.limited else "at the pace of the last build"
        lines.append(
            f"Time: about {duration(forecast.seconds)} {pace}; rejected answers are asked for again."
        )
    else:
        lines.append("Time: not known before the first build with this model.")
    return "\n".join(lines)


def _missing(forecast: Forecast) -> str:
    return (
        f"{forecast.cached:,} are cached already, {forecast.missing:,} are to be written: "
        f"about {forecast.prompt_tokens:,} tokens asked and {forecast.completion_tokens:,} answered."
    )


def _price(forecast: Forecast) -> str:
    price, cost = forecast.price, forecast.cost
    if price is None or cost is None:
        return "Cost: **price unknown**. An operator can add it to data/prices.toml."
    if price.input == price.output == 0:
        return f"Cost: nothing, it is written on {price.source or 'a server of your own'}."
    read = f", as of {price.read_on:%Y-%m-%d}" if price.read_on else ""
    source = f" (<{price.source}>)" if price.source.startswith("http") else ""
    rates = f"${price.input:g} in and ${price.output:g} out a million tokens"
    return f"Cost: about **${cost:,.4f}**, at {rates}{read}{source}."


def standing(job: Job) -> str:
    """The text of a job's progress message."""
    said = {
        "planned": "Waiting for somebody to confirm it.",
        "queued": "Waiting for the worker to take it up.",
        "running": f"{job.phase or 'starting'}{_pace(job)}",
        "paused": _paused(job),
        "succeeded": "Done.",
        "cancelling": "Being cancelled ...",
        "cancelled": "Cancelled. What was written is kept." if job.kind == "build" else "Cancelled.",
        "failed": "Failed.",
    }
    return f"**{_TITLES[job.kind]}** (job {job.id})\n{bar(job.done, job.total)}\n{said[job.state]}"


def _paused(job: Job) -> str:
    if job.question:
        return f"❓ {job.question}"
    if job.kind == "finetune":
        return f"Paused: {job.phase}."
    return "Paused. What was written is kept."


def ending(job: Job) -> str:
    """What is told at a job's end, with what to do next."""
    if job.state == "cancelled":
        kept = "what was written is kept" if job.kind == "build" else "no model came of it"
        trouble = f" ⚠️ {job.error}" if job.error else ""
        return f"{_TITLES[job.kind]} was cancelled; {kept}.{trouble}{_reached(job)}"
    if job.result is None:
        return f"{_TITLES[job.kind]} failed: {job.error}"[:_LONGEST] + _reached(job)
    return _built(job.result) if job.kind == "build" else tuned(job.result)


def _reached(job: Job) -> str:
    """How far a job came that has no result, and what it cost."""
    cost = f", ${job.cost:,.4f} paid" if job.cost else ""
    return f"\n{job.done} of {job.total} were done{cost}." if job.total else ""


def bar(done: int, total: int) -> str:
    """A bar of twenty places with the share and the counts; empty where the total is not known."""
    if not total:
        return "▱" * _BAR
    filled = _BAR * done // total
    return f"{'▰' * filled}{'▱' * (_BAR - filled)} {100 * done // total} % · {done} of {total}"


def _pace(job: Job) -> str:
    """How fast it goes, how long it will take, and what it has cost so far, as far as these are known."""
    parts = []
    if job.rate and job.kind == "build":
        parts.append(f"{job.rate:.1f} a second")
    if job.rate:
        parts.append(f"about {duration((job.total - job.done) / job.rate)} left")
    if job.cost:
        parts.append(f"${job.cost:,.4f} so far")
    return "".join(f" · {part}" for part in parts)


def _built(result: dict[str, Any]) -> str:
    counts = result["counts"]
    state = "is ready" if result["new"] else "stays as it was (no text is new)"
    train, valid, liked = (counts.get(name, 0) for name in ("train", "valid", "description"))
    cost = f", ${result['cost']:,.4f} paid" if result["cost"] else ""
    texts = f"{train} texts to learn from ({liked} of them rated well by people), {valid} held out"
    found = f"{result['cached']} found cached{cost}"
    lines = [
        f"Dataset v{result['dataset']} {state}: {texts}.",
        f"{result['asked']} answers written in {result['calls']} calls, {found}.",
    ]
    if result["rejected"]:
        lines.append(
            f"Rejected on the way: {_listed(result['rejected'])}. Examples given up: {result['given_up']}."
        )
    if result["dropped"]:
        lines.append(f"Left out at the end: {_listed(result['dropped'])}.")
    lines += _voted(result["votes"])
    if result["changes"]:
        lines.append(_changed(**result["changes"]))
    if result["lost"]:
        lines.append(
            f"{result['lost']} calls were in the air when the build was cut off: they were made again, "
            "and may have been paid for twice."
        )
    if train < _FEW:
        lines.append("Few texts teach little: a few hundred are worth having.")
    if not result["new"] and result["changes"]:
        since = result["changes"]["since"]
        lines.append(f"To tune on it, though v{since} is newer: `/finetune dataset:{result['dataset']}`.")
    if result["new"]:
        lines.append("Next: `/finetune`. To look through the texts: `/dataset review`.")
    return "\n".join(lines)


def paired(found: Paired) -> str:
    """What is told of a dataset of pairs, with what to do next."""
    dataset, new = found.frozen.dataset, found.frozen.new
    state = "is ready" if new else "stays as it was (no pair is new)"
    train, valid = (dataset.counts.get(name, 0) for name in ("train", "valid"))
    origins = " and ".join(f"{count:,} from {origin}" for origin, count in sorted(found.by_origin.items()))
    lines = [
        f"Dataset v{dataset.id} {state}: {train:,} pairs to learn from, {valid:,} held out.",
        f"The pairs: {origins}.",
    ]
    if +found.left_out:
        lines.append(f"Left out: {_listed(+found.left_out)}.")
    if found.not_counted:
        lines.append(f"Votes not counted: {', '.join(found.not_counted)}.")
    if found.frozen.changes:
        lines.append(_changed(**asdict(found.frozen.changes), noun="pair"))
    if new:
        lines.append("Next: `/finetune method:dpo`.")
    return "\n".join(lines)


def _voted(votes: dict[str, Any]) -> list[str]:
    """What the votes let in and kept out, and which of them did not count."""
    lines = []
    if votes["liked"] or votes["voted_down"] or votes["unfit"]:
        unfit = f"; liked, but unfit to train: {_listed(votes['unfit'])}" if votes["unfit"] else ""
        lines.append(
            f"Descriptions: {votes['liked']:,} admitted by votes, {votes['voted_down']:,} voted down{unfit}."
        )
    if votes["not_counted"]:
        lines.append(f"Votes not counted: {', '.join(votes['not_counted'])}.")
    return lines


def _changed(since: int, added: dict[str, int], gone: dict[str, int], noun: str = "") -> str:
    """What came and went since the version before, by source."""

    def said(counts: dict[str, int]) -> str:
        named = ((count, noun or source) for source, count in sorted(counts.items()))
        return ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for count, name in named) or "nothing"

    return f"Since v{since}: {said(added)} added, {said(gone)} gone."


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
