"""The texts of jobs for Discord and the terminal: plans, progress and results."""

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
_BAR_WIDTH = 20
_FEW = 100  # texts
_MAX_LENGTH = 1900  # characters, of the 2,000 that a message may have


def build_plan_text(
    t: Translator, spec: BuildSpec, estimate: BuildEstimate, remaining_today: float | None
) -> str:
    """Return a build's plan; remaining_today is the rest of the day's budget, in US dollars."""
    title = mark("**A dataset of {number:,} examples, written by {model}**")
    if spec.batch:
        title = mark("**A dataset of {number:,} examples, written by {model}**, through the Batch API")
    lines = [
        t(title, number=estimate.slots, model=spec.model),
        t(
            "{cached:,} are cached already, {missing:,} are to be written: "
            "about {asked:,} tokens asked and {answered:,} answered.",
            cached=estimate.cached,
            missing=estimate.missing,
            asked=estimate.prompt_tokens,
            answered=estimate.completion_tokens,
        ),
        _price_text(t, estimate),
    ]
    if spec.budget is not None:
        lines.append(t("It stops before it would cost more than ${budget:,.2f}.", budget=spec.budget))
    if remaining_today is not None:
        lines.append(t("Today's budget still holds ${left:,.2f}.", left=max(0.0, remaining_today)))
    lines.append(_time_text(t, spec, estimate))
    return "\n".join(lines)


def _price_text(t: Translator, estimate: BuildEstimate) -> str:
    price, cost = estimate.price, estimate.cost
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


def _time_text(t: Translator, spec: BuildSpec, estimate: BuildEstimate) -> str:
    if spec.batch:
        return t("Time: within 24 hours, as the provider promises for batches.")
    if estimate.seconds is None:
        return t("Time: not known before the first build with this model.")
    template = mark("Time: about {time} at the pace of the last build; rejected answers are asked for again.")
    if estimate.limited:
        template = mark(
            "Time: about {time} at the server's rate limit; rejected answers are asked for again."
        )
    return t(template, time=format_duration(estimate.seconds))


def progress_text(t: Translator, job: Job) -> str:
    """Return the text of a job's progress message."""
    states = {
        "planned": t("Waiting for somebody to confirm it."),
        "queued": t("Waiting for the worker to take it up."),
        "running": _running_text(t, job),
        "paused": _paused_text(t, job),
        "succeeded": t("Done."),
        "cancelling": t("Being cancelled ..."),
        "cancelled": t("Cancelled. What was written is kept.") if job.kind == "build" else t("Cancelled."),
        "failed": t("Failed."),
    }
    title = t("**{title}** (job {number})", title=LocalizedMessage(_TITLES[job.kind]), number=job.id)
    return f"{title}\n{progress_bar(t, job.done, job.total)}\n{states[job.state]}"


def _running_text(t: Translator, job: Job) -> str:
    """Return phase, speed, remaining time and cost so far, as far as they are known."""
    parts = [t(job.phase or mark("starting"))]
    if job.rate and job.kind == "build":
        parts.append(t("{rate:.1f} a second", rate=job.rate))
    if job.rate:
        parts.append(t("about {time} left", time=format_duration((job.total - job.done) / job.rate)))
    if job.cost:
        parts.append(t("${cost:,.4f} so far", cost=job.cost))
    return " · ".join(parts)


def _paused_text(t: Translator, job: Job) -> str:
    if job.question:
        return f"❓ {t(job.question)}"
    if job.kind == "finetune" and job.phase:
        return t("Paused: {phase}.", phase=job.phase)
    return t("Paused. What was written is kept.")


def result_text(t: Translator, job: Job) -> str:
    """Return the text of a job's end, with the next step."""
    if job.result is not None and job.state != "cancelled":
        if isinstance(job.result, BuildResult):
            return _build_result_text(t, job.result)
        return finetune_result_text(t, job.result)
    error = job.error or LocalizedMessage("")
    if job.state != "cancelled":
        template = mark("Building a dataset failed: {error}")
        if job.kind == "finetune":
            template = mark("Fine-tuning failed: {error}")
        return t(template, error=error)[:_MAX_LENGTH] + _reached_text(t, job)
    template = mark("Building a dataset was cancelled; what was written is kept.")
    if job.kind == "finetune":
        template = mark("Fine-tuning was cancelled; no model came of it.")
    warning = f" ⚠️ {t(error)}" if job.error else ""
    return f"{t(template)}{warning}{_reached_text(t, job)}"


def _reached_text(t: Translator, job: Job) -> str:
    """Return how far a job without a result came, and its cost."""
    if not job.total:
        return ""
    reached = t(
        "{done} of {total} were done{paid}.", done=job.done, total=job.total, paid=_paid_text(job.cost)
    )
    return f"\n{reached}"


def _paid_text(cost: float) -> LocalizedMessage | str:
    return LocalizedMessage(", ${cost:,.4f} paid", cost=cost) if cost else ""


def progress_bar(t: Translator, done: int, total: int) -> str:
    """Return a bar of twenty characters with percentage and counts; an empty bar if the total is unknown."""
    if not total:
        return "▱" * _BAR_WIDTH
    filled = _BAR_WIDTH * done // total
    counts = t("{done} of {total}", done=done, total=total)
    return f"{'▰' * filled}{'▱' * (_BAR_WIDTH - filled)} {100 * done // total} % · {counts}"


def _build_result_text(t: Translator, result: BuildResult) -> str:
    counts = result.counts
    template = mark("Dataset v{version} stays as it was (no text is new): {texts}.")
    if result.new:
        template = mark("Dataset v{version} is ready: {texts}.")
    texts = LocalizedMessage(
        "{train} texts to learn from ({liked} of them rated well by people), {valid} held out",
        train=counts.get("train", 0),
        valid=counts.get("valid", 0),
        liked=counts.get("description", 0),
    )
    lines = [
        t(template, version=result.dataset, texts=texts),
        t(
            "{asked} answers written in {calls} calls, {cached} found cached{paid}.",
            asked=result.asked,
            calls=result.calls,
            cached=result.cached,
            paid=_paid_text(result.cost),
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
    return "\n".join([*lines, *_votes_lines(t, result.votes), *_next_lines(t, result)])


def _next_lines(t: Translator, result: BuildResult) -> list[str]:
    """Return lines on the changes since the previous version, and the next step."""
    lines, changes, train = [], result.changes, result.counts.get("train", 0)
    if changes:
        lines.append(_changes_text(t, changes))
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
    """Return the text of a new dataset of pairs, with the next step."""
    dataset, new = found.frozen.dataset, found.frozen.new
    train, valid = (dataset.counts.get(name, 0) for name in ("train", "valid"))
    texts = LocalizedMessage("{train:,} pairs to learn from, {valid:,} held out", train=train, valid=valid)
    template = mark("Dataset v{version} stays as it was (no pair is new): {texts}.")
    if new:
        template = mark("Dataset v{version} is ready: {texts}.")
    origins = {"duels": mark("{number:,} from duels"), "verdicts": mark("{number:,} from verdicts")}
    sources = [
        LocalizedMessage(origins[name], number=number) for name, number in sorted(found.by_origin.items())
    ]
    lines = [
        t(template, version=dataset.id, texts=texts),
        t("The pairs: {origins}.", origins=sources),
    ]
    if +found.dropped:
        lines.append(t("Left out: {reasons}.", reasons=count_by_reason(+found.dropped)))
    if found.not_counted:
        lines.append(t("Votes not counted: {reasons}.", reasons=found.not_counted))
    if found.frozen.changes:
        lines.append(_changes_text(t, found.frozen.changes, pairs=True))
    if new:
        lines.append(t("Next: `/finetune method:dpo`."))
    return "\n".join(lines)


def _votes_lines(t: Translator, votes: VoteSummary) -> list[str]:
    """Return lines on what the votes admitted and kept out, and which votes did not count."""
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


def _changes_text(t: Translator, changes: Changes, *, pairs: bool = False) -> str:
    """Return what was added and removed since a version, by source."""
    return t(
        "Since v{version}: {added} added, {gone} gone.",
        version=changes.since,
        added=_source_counts(changes.added, pairs=pairs),
        gone=_source_counts(changes.gone, pairs=pairs),
    )


def _source_counts(counts: dict[str, int], *, pairs: bool) -> list[LocalizedMessage]:
    if pairs:
        counts = {"pair": sum(counts.values())} if counts else {}
    number = Counter(counts)
    texts = {
        "pair": LocalizedMessage.counted("{number:,} pair", "{number:,} pairs", number["pair"]),
        "example": LocalizedMessage.counted("{number:,} example", "{number:,} examples", number["example"]),
        "description": LocalizedMessage.counted(
            "{number:,} description", "{number:,} descriptions", number["description"]
        ),
        "import": LocalizedMessage.counted("{number:,} import", "{number:,} imports", number["import"]),
    }
    return [texts[source] for source in sorted(counts)] or [LocalizedMessage("nothing")]
