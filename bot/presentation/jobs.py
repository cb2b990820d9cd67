"""Reports: how a job stands and how it ended, in words and bars for Discord and the terminal."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from bot.dataset.build.estimate import Forecast
from bot.dataset.build.plan import BuildSpec
from bot.dataset.versions.preference_pairs import Paired
from bot.i18n.format import duration
from bot.i18n.message import Language, Sentence, later
from bot.presentation.datasets import reasons
from bot.presentation.models import tuned
from bot.store.jobs import Job

_TITLES = {"build": later("Building a dataset"), "finetune": later("Fine-tuning")}
_BAR = 20
_FEW = 100  # texts
_LONGEST = 1900  # characters, of the 2,000 that a message may have


def plan(say: Language, spec: BuildSpec, forecast: Forecast, left_today: float | None) -> str:
    """What a build will take, before it begins.

    left_today is what the day's budget still holds, in US dollars.
    """
    title = later("**A dataset of {number:,} examples, written by {model}**")
    if spec.batch:
        title = later("**A dataset of {number:,} examples, written by {model}**, through the Batch API")
    lines = [
        say(title, number=forecast.slots, model=spec.model),
        say(
            "{cached:,} are cached already, {missing:,} are to be written: "
            "about {asked:,} tokens asked and {answered:,} answered.",
            cached=forecast.cached,
            missing=forecast.missing,
            asked=forecast.prompt_tokens,
            answered=forecast.completion_tokens,
        ),
        _price(say, forecast),
    ]
    if spec.budget is not None:
        lines.append(say("It stops before it would cost more than ${budget:,.2f}.", budget=spec.budget))
    if left_today is not None:
        lines.append(say("Today's budget still holds ${left:,.2f}.", left=max(0.0, left_today)))
    lines.append(_time(say, spec, forecast))
    return "\n".join(lines)


def _price(say: Language, forecast: Forecast) -> str:
    price, cost = forecast.price, forecast.cost
    if price is None or cost is None:
        return say("Cost: **price unknown**. An operator can add it to data/prices.toml.")
    if price.input == price.output == 0:
        return say("Cost: nothing, it is written on {where}.", where=price.where)
    return say(
        "Cost: about **${cost:,.4f}**, at ${input:g} in and ${output:g} out a million tokens{source}.",
        cost=cost,
        input=price.input,
        output=price.output,
        source=price.origin,
    )


def _time(say: Language, spec: BuildSpec, forecast: Forecast) -> str:
    if spec.batch:
        return say("Time: within 24 hours, as the provider promises for batches.")
    if forecast.seconds is None:
        return say("Time: not known before the first build with this model.")
    told = later("Time: about {time} at the pace of the last build; rejected answers are asked for again.")
    if forecast.limited:
        told = later("Time: about {time} at the server's rate limit; rejected answers are asked for again.")
    return say(told, time=duration(forecast.seconds))


def standing(say: Language, job: Job) -> str:
    """The text of a job's progress message."""
    said = {
        "planned": say("Waiting for somebody to confirm it."),
        "queued": say("Waiting for the worker to take it up."),
        "running": _running(say, job),
        "paused": _paused(say, job),
        "succeeded": say("Done."),
        "cancelling": say("Being cancelled ..."),
        "cancelled": say("Cancelled. What was written is kept.")
        if job.kind == "build"
        else say("Cancelled."),
        "failed": say("Failed."),
    }
    title = say("**{title}** (job {number})", title=Sentence(_TITLES[job.kind]), number=job.id)
    return f"{title}\n{bar(say, job.done, job.total)}\n{said[job.state]}"


def _running(say: Language, job: Job) -> str:
    """What is being done, how fast, how long it will take, and the cost so far, as far as these are known."""
    parts = [say(job.phase or later("starting"))]
    if job.rate and job.kind == "build":
        parts.append(say("{rate:.1f} a second", rate=job.rate))
    if job.rate:
        parts.append(say("about {time} left", time=duration((job.total - job.done) / job.rate)))
    if job.cost:
        parts.append(say("${cost:,.4f} so far", cost=job.cost))
    return " · ".join(parts)


def _paused(say: Language, job: Job) -> str:
    if job.question:
        return f"❓ {say(job.question)}"
    if job.kind == "finetune" and job.phase:
        return say("Paused: {phase}.", phase=job.phase)
    return say("Paused. What was written is kept.")


def ending(say: Language, job: Job) -> str:
    """What is told at a job's end, with what to do next."""
    if job.result is not None and job.state != "cancelled":
        return _built(say, job.result) if job.kind == "build" else tuned(say, job.result)
    error = job.error or Sentence("")
    if job.state != "cancelled":
        told = later("Building a dataset failed: {error}")
        if job.kind == "finetune":
            told = later("Fine-tuning failed: {error}")
        return say(told, error=error)[:_LONGEST] + _reached(say, job)
    told = later("Building a dataset was cancelled; what was written is kept.")
    if job.kind == "finetune":
        told = later("Fine-tuning was cancelled; no model came of it.")
    trouble = f" ⚠️ {say(error)}" if job.error else ""
    return f"{say(told)}{trouble}{_reached(say, job)}"


def _reached(say: Language, job: Job) -> str:
    """How far a job came that has no result, and what it cost."""
    if not job.total:
        return ""
    reached = say("{done} of {total} were done{paid}.", done=job.done, total=job.total, paid=_paid(job.cost))
    return f"\n{reached}"


def _paid(cost: float) -> Sentence | str:
    return Sentence(", ${cost:,.4f} paid", cost=cost) if cost else ""


def bar(say: Language, done: int, total: int) -> str:
    """A bar of twenty places with the share and the counts; empty where the total is not known."""
    if not total:
        return "▱" * _BAR
    filled = _BAR * done // total
    counts = say("{done} of {total}", done=done, total=total)
    return f"{'▰' * filled}{'▱' * (_BAR - filled)} {100 * done // total} % · {counts}"


def _built(say: Language, result: dict[str, Any]) -> str:
    counts = result["counts"]
    told = later("Dataset v{version} stays as it was (no text is new): {texts}.")
    if result["new"]:
        told = later("Dataset v{version} is ready: {texts}.")
    texts = Sentence(
        "{train} texts to learn from ({liked} of them rated well by people), {valid} held out",
        train=counts.get("train", 0),
        valid=counts.get("valid", 0),
        liked=counts.get("description", 0),
    )
    lines = [
        say(told, version=result["dataset"], texts=texts),
        say(
            "{asked} answers written in {calls} calls, {cached} found cached{paid}.",
            asked=result["asked"],
            calls=result["calls"],
            cached=result["cached"],
            paid=_paid(result["cost"]),
        ),
    ]
    if result["rejected"]:
        lines.append(
            say(
                "Rejected on the way: {reasons}. Examples given up: {given_up}.",
                reasons=reasons(result["rejected"]),
                given_up=result["given_up"],
            )
        )
    if result["dropped"]:
        lines.append(say("Left out at the end: {reasons}.", reasons=reasons(result["dropped"])))
    return "\n".join([*lines, *_voted(say, result["votes"]), *_next(say, result)])


def _next(say: Language, result: dict[str, Any]) -> list[str]:
    """What has changed since the version before, and what to do next."""
    lines, changes, train = [], result["changes"], result["counts"].get("train", 0)
    if changes:
        lines.append(_changed(say, **changes))
    if result["lost"]:
        lines.append(
            say.count(
                "{number} call was in the air when the build was cut off: it was made again, and may have "
                "been paid for twice.",
                "{number} calls were in the air when the build was cut off: they were made again, and may "
                "have been paid for twice.",
                result["lost"],
            )
        )
    if train < _FEW:
        lines.append(say("Few texts teach little: a few hundred are worth having."))
    if not result["new"] and changes:
        lines.append(
            say(
                "To tune on it, though v{newer} is newer: `/finetune dataset:{version}`.",
                newer=changes["since"],
                version=result["dataset"],
            )
        )
    if result["new"]:
        lines.append(say("Next: `/finetune`. To look through the texts: `/dataset review`."))
    return lines


def paired(say: Language, found: Paired) -> str:
    """What is told of a dataset of pairs, with what to do next."""
    dataset, new = found.frozen.dataset, found.frozen.new
    train, valid = (dataset.counts.get(name, 0) for name in ("train", "valid"))
    texts = Sentence("{train:,} pairs to learn from, {valid:,} held out", train=train, valid=valid)
    told = later("Dataset v{version} stays as it was (no pair is new): {texts}.")
    if new:
        told = later("Dataset v{version} is ready: {texts}.")
    origins = {"duels": later("{number:,} from duels"), "verdicts": later("{number:,} from verdicts")}
    came = [Sentence(origins[name], number=number) for name, number in sorted(found.by_origin.items())]
    lines = [
        say(told, version=dataset.id, texts=texts),
        say("The pairs: {origins}.", origins=came),
    ]
    if +found.left_out:
        lines.append(say("Left out: {reasons}.", reasons=reasons(+found.left_out)))
    if found.not_counted:
        lines.append(say("Votes not counted: {reasons}.", reasons=found.not_counted))
    if found.frozen.changes:
        lines.append(_changed(say, **asdict(found.frozen.changes), pairs=True))
    if new:
        lines.append(say("Next: `/finetune method:dpo`."))
    return "\n".join(lines)


def _voted(say: Language, votes: dict[str, Any]) -> list[str]:
    """What the votes let in and kept out, and which of them did not count."""
    lines = []
    if votes["liked"] or votes["voted_down"] or votes["unfit"]:
        unfit: Sentence | str = ""
        if votes["unfit"]:
            unfit = Sentence("; liked, but unfit to train: {reasons}", reasons=reasons(votes["unfit"]))
        lines.append(
            say(
                "Descriptions: {liked:,} admitted by votes, {down:,} voted down{unfit}.",
                liked=votes["liked"],
                down=votes["voted_down"],
                unfit=unfit,
            )
        )
    if votes["not_counted"]:
        not_counted = [Sentence.from_json(each) for each in votes["not_counted"]]
        lines.append(say("Votes not counted: {reasons}.", reasons=not_counted))
    return lines


def _changed(
    say: Language, since: int, added: dict[str, int], gone: dict[str, int], *, pairs: bool = False
) -> str:
    """What came and went since the version before, by source."""
    return say(
        "Since v{version}: {added} added, {gone} gone.",
        version=since,
        added=_sources(added, pairs=pairs),
        gone=_sources(gone, pairs=pairs),
    )


def _sources(counts: dict[str, int], *, pairs: bool) -> list[Sentence]:
    if pairs:
        counts = {"pair": sum(counts.values())} if counts else {}
    number = Counter(counts)
    said = {
        "pair": Sentence.counted("{number:,} pair", "{number:,} pairs", number["pair"]),
        "example": Sentence.counted("{number:,} example", "{number:,} examples", number["example"]),
        "description": Sentence.counted(
            "{number:,} description", "{number:,} descriptions", number["description"]
        ),
        "import": Sentence.counted("{number:,} import", "{number:,} imports", number["import"]),
    }
    return [said[each] for each in sorted(counts)] or [Sentence("nothing")]
