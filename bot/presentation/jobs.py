"""Reports: how a job stands and how it ended, in words and bars for Discord and the terminal."""

from collections import Counter

from bot.dataset.build.estimate import BuildEstimate
from bot.dataset.versions.preference_pairs import FrozenPairs
from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.datasets import count_by_reason
from bot.presentation.models import finetune_result_text
from bot.store.datasets import Changes
from bot.store.job_schema import BuildResult, BuildSpec, VoteSummary
from bot.store.jobs import Job

_TITLES = {"build": mark("Building a dataset"), "finetune": mark("Fine-tuning")}
_BAR = 20
_FEW = 100  # texts
_LONGEST = 1900  # characters, of the 2,000 that a message may have


def build_plan_text(t: Translator, spec: BuildSpec, forecast: BuildEstimate, left_today: float | None) -> str:
    """What a build will take, before it begins.

    left_today is what the day's budget still holds, in US dollars.
    """
    title = mark("**A dataset of {number:,} examples, written by {model}**")
    if spec.batch:
        title = mark("**A dataset of {number:,} examples, written by {model}**, through the Batch API")
    lines = [
        t(title, number=forecast.slots, model=spec.model),
        t(
            "{cached:,} are cached already, {missing:,} are to be written: "
            "about {asked:,} tokens asked and {answered:,} answered.",
            cached=forecast.cached,
            missing=forecast.missing,
            asked=forecast.prompt_tokens,
            answered=forecast.completion_tokens,
        ),
        _price(t, forecast),
    ]
    if spec.budget is not None:
        lines.append(t("It stops before it would cost more than ${budget:,.2f}.", budget=spec.budget))
    if left_today is not None:
        lines.append(t("Today's budget still holds ${left:,.2f}.", left=max(0.0, left_today)))
    lines.append(_time(t, spec, forecast))
    return "\n".join(lines)


def _price(t: Translator, forecast: BuildEstimate) -> str:
    price, cost = forecast.price, forecast.cost
    if price is None or cost is None:
        return t("Cost: **price unknown**. An operator can add it to data/prices.toml.")
    if price.input == price.output == 0:
        return t("Cost: nothing, it is written on {where}.", where=price.location)
    return t(
        "Cost: about **${cost:,.4f}**, at ${input:g} in and ${output:g} out a million tokens{source}.",
        cost=cost,
        input=price.input,
        output=price.output,
        source=price.citation,
    )


def _time(t: Translator, spec: BuildSpec, forecast: BuildEstimate) -> str:
    if spec.batch:
        return t("Time: within 24 hours, as the provider promises for batches.")
    if forecast.seconds is None:
        return t("Time: not known before the first build with this model.")
    told = mark("Time: about {time} at the pace of the last build; rejected answers are asked for again.")
    if forecast.limited:
        told = mark("Time: about {time} at the server's rate limit; rejected answers are asked for again.")
    return t(told, time=format_duration(forecast.seconds))


def progress_text(t: Translator, job: Job) -> str:
    """The text of a job's progress message."""
    said = {
        "planned": t("Waiting for somebody to confirm it."),
        "queued": t("Waiting for the worker to take it up."),
        "running": _running(t, job),
        "paused": _paused(t, job),
        "succeeded": t("Done."),
        "cancelling": t("Being cancelled ..."),
        "cancelled": t("Cancelled. What was written is kept.") if job.kind == "build" else t("Cancelled."),
        "failed": t("Failed."),
    }
    title = t("**{title}** (job {number})", title=LocalizedMessage(_TITLES[job.kind]), number=job.id)
    return f"{title}\n{progress_bar(t, job.done, job.total)}\n{said[job.state]}"


def _running(t: Translator, job: Job) -> str:
    """What is being done, how fast, how long it will take, and the cost so far, as far as these are known."""
    parts = [t(job.phase or mark("starting"))]
    if job.rate and job.kind == "build":
        parts.append(t("{rate:.1f} a second", rate=job.rate))
    if job.rate:
        parts.append(t("about {time} left", time=format_duration((job.total - job.done) / job.rate)))
    if job.cost:
        parts.append(t("${cost:,.4f} so far", cost=job.cost))
    return " · ".join(parts)


def _paused(t: Translator, job: Job) -> str:
    if job.question:
        return f"❓ {t(job.question)}"
    if job.kind == "finetune" and job.phase:
        return t("Paused: {phase}.", phase=job.phase)
    return t("Paused. What was written is kept.")


def result_text(t: Translator, job: Job) -> str:
    """What is told at a job's end, with what to do next."""
    if job.result is not None and job.state != "cancelled":
        if isinstance(job.result, BuildResult):
            return _built(t, job.result)
        return finetune_result_text(t, job.result)
    error = job.error or LocalizedMessage("")
    if job.state != "cancelled":
        told = mark("Building a dataset failed: {error}")
        if job.kind == "finetune":
            told = mark("Fine-tuning failed: {error}")
        return t(told, error=error)[:_LONGEST] + _reached(t, job)
    told = mark("Building a dataset was cancelled; what was written is kept.")
    if job.kind == "finetune":
        told = mark("Fine-tuning was cancelled; no model came of it.")
    trouble = f" ⚠️ {t(error)}" if job.error else ""
    return f"{t(told)}{trouble}{_reached(t, job)}"


def _reached(t: Translator, job: Job) -> str:
    """How far a job came that has no result, and what it cost."""
    if not job.total:
        return ""
    reached = t("{done} of {total} were done{paid}.", done=job.done, total=job.total, paid=_paid(job.cost))
    return f"\n{reached}"


def _paid(cost: float) -> LocalizedMessage | str:
    return LocalizedMessage(", ${cost:,.4f} paid", cost=cost) if cost else ""


def progress_bar(t: Translator, done: int, total: int) -> str:
    """A bar of twenty places with the share and the counts; empty where the total is not known."""
    if not total:
        return "▱" * _BAR
    filled = _BAR * done // total
    counts = t("{done} of {total}", done=done, total=total)
    return f"{'▰' * filled}{'▱' * (_BAR - filled)} {100 * done // total} % · {counts}"


def _built(t: Translator, result: BuildResult) -> str:
    counts = result.counts
    told = mark("Dataset v{version} stays as it was (no text is new): {texts}.")
    if result.new:
        told = mark("Dataset v{version} is ready: {texts}.")
    texts = LocalizedMessage(
        "{train} texts to learn from ({liked} of them rated well by people), {valid} held out",
        train=counts.get("train", 0),
        valid=counts.get("valid", 0),
        liked=counts.get("description", 0),
    )
    lines = [
        t(told, version=result.dataset, texts=texts),
        t(
            "{asked} answers written in {calls} calls, {cached} found cached{paid}.",
            asked=result.asked,
            calls=result.calls,
            cached=result.cached,
            paid=_paid(result.cost),
        ),
    ]
    if result.rejected:
        lines.append(
            t(
                "Rejected on the way: {reasons}. Examples given up: {given_up}.",
                reasons=count_by_reason(result.rejected),
                given_up=result.given_up,
            )
        )
    if result.dropped:
        lines.append(t("Left out at the end: {reasons}.", reasons=count_by_reason(result.dropped)))
    return "\n".join([*lines, *_voted(t, result.votes), *_next(t, result)])


def _next(t: Translator, result: BuildResult) -> list[str]:
    """What has changed since the version before, and what to do next."""
    lines, changes, train = [], result.changes, result.counts.get("train", 0)
    if changes:
        lines.append(_changed(t, changes))
    if result.lost:
        lines.append(
            t.count(
                "{number} call was in the air when the build was cut off: it was made again, and may have "
                "been paid for twice.",
                "{number} calls were in the air when the build was cut off: they were made again, and may "
                "have been paid for twice.",
                result.lost,
            )
        )
    if train < _FEW:
        lines.append(t("Few texts teach little: a few hundred are worth having."))
    if not result.new and changes:
        lines.append(
            t(
                "To tune on it, though v{newer} is newer: `/finetune dataset:{version}`.",
                newer=changes.since,
                version=result.dataset,
            )
        )
    if result.new:
        lines.append(t("Next: `/finetune`. To look through the texts: `/dataset review`."))
    return lines


def pairs_text(t: Translator, found: FrozenPairs) -> str:
    """What is told of a dataset of pairs, with what to do next."""
    dataset, new = found.frozen.dataset, found.frozen.new
    train, valid = (dataset.counts.get(name, 0) for name in ("train", "valid"))
    texts = LocalizedMessage("{train:,} pairs to learn from, {valid:,} held out", train=train, valid=valid)
    told = mark("Dataset v{version} stays as it was (no pair is new): {texts}.")
    if new:
        told = mark("Dataset v{version} is ready: {texts}.")
    origins = {"duels": mark("{number:,} from duels"), "verdicts": mark("{number:,} from verdicts")}
    came = [
        LocalizedMessage(origins[name], number=number) for name, number in sorted(found.by_origin.items())
    ]
    lines = [
        t(told, version=dataset.id, texts=texts),
        t("The pairs: {origins}.", origins=came),
    ]
    if +found.left_out:
        lines.append(t("Left out: {reasons}.", reasons=count_by_reason(+found.left_out)))
    if found.not_counted:
        lines.append(t("Votes not counted: {reasons}.", reasons=found.not_counted))
    if found.frozen.changes:
        lines.append(_changed(t, found.frozen.changes, pairs=True))
    if new:
        lines.append(t("Next: `/finetune method:dpo`."))
    return "\n".join(lines)


def _voted(t: Translator, votes: VoteSummary) -> list[str]:
    """What the votes let in and kept out, and which of them did not count."""
    lines = []
    if votes.liked or votes.voted_down or votes.unfit:
        unfit: LocalizedMessage | str = ""
        if votes.unfit:
            unfit = LocalizedMessage(
                "; liked, but unfit to train: {reasons}", reasons=count_by_reason(votes.unfit)
            )
        lines.append(
            t(
                "Descriptions: {liked:,} admitted by votes, {down:,} voted down{unfit}.",
                liked=votes.liked,
                down=votes.voted_down,
                unfit=unfit,
            )
        )
    if votes.not_counted:
        lines.append(t("Votes not counted: {reasons}.", reasons=votes.not_counted))
    return lines


def _changed(t: Translator, changes: Changes, *, pairs: bool = False) -> str:
    """What came and went since the version before, by source."""
    return t(
        "Since v{version}: {added} added, {gone} gone.",
        version=changes.since,
        added=_sources(changes.added, pairs=pairs),
        gone=_sources(changes.gone, pairs=pairs),
    )


def _sources(counts: dict[str, int], *, pairs: bool) -> list[LocalizedMessage]:
    if pairs:
        counts = {"pair": sum(counts.values())} if counts else {}
    number = Counter(counts)
    said = {
        "pair": LocalizedMessage.counted("{number:,} pair", "{number:,} pairs", number["pair"]),
        "example": LocalizedMessage.counted("{number:,} example", "{number:,} examples", number["example"]),
        "description": LocalizedMessage.counted(
            "{number:,} description", "{number:,} descriptions", number["description"]
        ),
        "import": LocalizedMessage.counted("{number:,} import", "{number:,} imports", number["import"]),
    }
    return [said[each] for each in sorted(counts)] or [LocalizedMessage("nothing")]
