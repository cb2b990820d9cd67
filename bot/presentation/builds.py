"""The texts of dataset builds for Discord and the terminal: plans and results."""

from collections.abc import Callable, Mapping

from bot.dataset.build.estimate import BuildEstimate
from bot.dataset.build.ranked_texts import RankedPlan
from bot.dataset.versions.judged_texts import FrozenThumbs
from bot.dataset.versions.preference_pairs import FrozenPairs
from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.datasets import composition, count_by_reason
from bot.ranking.candidates import TEXTS_PER_HERO
from bot.store.job_schema import BuildResult, BuildSpec, Changes, RankedSummary, VoteSummary

_FEW = 100  # texts


def build_plan_text(
    t: Translator, spec: BuildSpec, estimate: BuildEstimate, remaining_today: float | None
) -> str:
    """Return a build's plan; remaining_today is the rest of the day's budget, in US dollars."""
    if spec.source == "shipped":
        return _shipped_plan_text(t, estimate)
    title = mark("**A dataset of {number:,} examples, written by {model}**")
    if spec.batch:
        title = mark("**A dataset of {number:,} examples, written by {model}**, through the Batch API")
    lines = [t(title, number=estimate.slots, model=spec.model), _work_text(t, estimate)]
    if staying := estimate.first_texts.get("hand-written"):
        lines.append(
            t.count(
                "{number:,} text written by hand, which comes with the bot, is included (`{/build-dataset "
                "source:model-only}` leaves it out).",
                "{number:,} texts written by hand, which come with the bot, are included (`{/build-dataset "
                "source:model-only}` leaves them out).",
                staying,
            )
        )
    lines.append(_price_text(t, estimate))
    lines += _ranked_plan_lines(t, estimate.ranked)
    if spec.budget is not None:
        lines.append(t("The build stops before it costs more than ${budget:,.2f}.", budget=spec.budget))
    if remaining_today is not None:
        lines.append(t("Left of today's budget: ${left:,.2f}.", left=max(0.0, remaining_today)))
    lines.append(_time_text(t, spec, estimate))
    return "\n".join(lines)


def _shipped_plan_text(t: Translator, estimate: BuildEstimate) -> str:
    texts = estimate.first_texts
    lines = (
        t("**A dataset of {number:,} texts that come with the bot**", number=sum(texts.values())),
        t("{composition}.", composition=composition(texts)),
        t(
            "They are written already, so this costs nothing and takes some seconds. Descriptions that "
            "people liked join them."
        ),
        *_ranked_plan_lines(t, estimate.ranked),
    )
    return "\n".join(lines)


def _ranked_plan_lines(t: Translator, plan: RankedPlan | None) -> list[str]:
    """Return lines on what the ranker would add; none if it was not ordered."""
    if plan is None:
        return []
    if plan.refusal or plan.report is None or plan.report.validation is None:
        return [t("**No ranked texts.** {reason}", reason=plan.refusal or "")]
    found = plan.report.validation
    lines = [
        t(
            "**Ranked texts:** the best of {each} that the live model writes of a hero, for up to {heroes:,} "
            "heroes, so that they are at most a third of the dataset. Still to write: {missing:,}.",
            each=TEXTS_PER_HERO,
            heroes=plan.heroes,
            missing=plan.missing,
        ),
        t(
            "The ranker has learnt from votes on {rated:,} texts. On texts that it had not seen, its AUC is "
            "{auc:.2f} ({low:.2f} to {high:.2f}; 0.5 is chance).",
            rated=plan.report.rated,
            auc=found.auc,
            low=found.low,
            high=found.high,
        ),
    ]
    if plan.cost is None:
        lines.append(t("What they cost is unknown. An operator can add the price to data/prices.toml."))
    elif plan.cost:
        lines.append(t("They cost about ${cost:,.4f} besides.", cost=plan.cost))
    return lines


def _work_text(t: Translator, estimate: BuildEstimate) -> str:
    """Return how much is to be written. Tokens are told if they cost something."""
    figures = {"cached": estimate.cached, "missing": estimate.missing}
    if estimate.price is not None and estimate.cost == 0:
        return t("Written already: {cached:,}. Still to write: {missing:,}.", **figures)
    return t(
        "Written already: {cached:,}. Still to write: {missing:,}, with about {asked:,} tokens (parts of "
        "words) sent and {answered:,} received.",
        asked=estimate.prompt_tokens,
        answered=estimate.completion_tokens,
        **figures,
    )


def _price_text(t: Translator, estimate: BuildEstimate) -> str:
    price, cost = estimate.price, estimate.cost
    if price is None or cost is None:
        return t("Cost: **price unknown**. An operator can add it to data/prices.toml.")
    if price.input == price.output == 0:
        return t("Cost: nothing, the texts are written on {where}.", where=price.location)
    return t(
        "Cost: about **${cost:,.4f}**, at ${input:g} per million tokens sent and ${output:g} per million "
        "received{source}.",
        cost=cost,
        input=price.input,
        output=price.output,
        source=price.citation,
    )


def _time_text(t: Translator, spec: BuildSpec, estimate: BuildEstimate) -> str:
    if spec.batch:
        return t("Time: within 24 hours, as the provider promises for batches.")
    if estimate.seconds is None:
        return t("Time: known after the first build with this model.")
    template = mark("Time: about {time}, as fast as the last build.")
    if not estimate.measured:
        template = mark("Time: about {time} on two idle processor cores.")
    if estimate.limited:
        template = mark("Time: about {time}, as fast as the model server allows.")
    return t(template, time=format_duration(estimate.seconds))


def paid_text(cost: float) -> LocalizedMessage | str:
    """Return what was paid, as the end of a sentence."""
    return LocalizedMessage(", ${cost:,.4f} paid", cost=cost) if cost else ""


def build_result_text(t: Translator, result: BuildResult) -> str:
    """Return the text of a finished build, with the next step."""
    template = mark("Nothing new, so dataset v{version} stays as it was: {texts}.")
    if result.new:
        template = mark("Dataset v{version} is ready: {texts}.")
    lines = [t(template, version=result.dataset, texts=_sides(result.counts))]
    composed = composition(result.counts)
    if len(composed) > 1:
        lines.append(t("{composition}.", composition=composed))
    if result.source == "shipped":
        lines.append(t("Nothing had to be written: these texts come with the bot."))
    else:
        lines += _answers_lines(t, result)
    if result.dropped:
        lines.append(t("Left out of the dataset: {reasons}.", reasons=count_by_reason(result.dropped)))
    lines += _votes_lines(t, result.votes)
    lines += _ranked_lines(t, result.ranked)
    if any(name.endswith("out_openai_completion.csv") for name in result.files):
        lines.append(t("All examples are in the table `out_openai_completion.csv`."))
    return "\n".join([*lines, *_next_lines(t, result)])


def _sides(counts: dict[str, int]) -> LocalizedMessage:
    return LocalizedMessage(
        "{train} to learn from, {valid} kept aside to test the model",
        train=LocalizedMessage.counted("{number:,} text", "{number:,} texts", counts.get("train", 0)),
        valid=counts.get("valid", 0),
    )


def _answers_lines(t: Translator, result: BuildResult) -> list[str]:
    """Return lines on what the model wrote, and what of it was thrown away."""
    written = LocalizedMessage.counted(
        "{number:,} answer written", "{number:,} answers written", result.asked
    )
    taken_over: LocalizedMessage | str = ""
    if result.cached:
        taken_over = LocalizedMessage(", {cached:,} taken over from earlier builds", cached=result.cached)
    lines = [
        t(
            "{written}{taken_over}{paid}.",
            written=written,
            taken_over=taken_over,
            paid=paid_text(result.cost),
        )
    ]
    if result.calls > result.asked:
        lines.append(
            t.count(
                "It took {number:,} call to the model, because some failed at first.",
                "It took {number:,} calls to the model, because some failed at first.",
                result.calls,
            )
        )
    if result.rejected:
        lines.append(
            t(
                "Written again because they did not fit their hero: {reasons}.",
                reasons=count_by_reason(result.rejected),
            )
        )
    if result.given_up:
        lines.append(
            t.count(
                "{number:,} example is missing: no answer for it was good enough.",
                "{number:,} examples are missing: no answer for them was good enough.",
                result.given_up,
            )
        )
    return lines


def _next_lines(t: Translator, result: BuildResult) -> list[str]:
    """Return lines on the changes since the previous version, and the next step."""
    lines, changes, train = [], result.changes, result.counts.get("train", 0)
    if changes:
        lines += _changes_lines(t, changes)
    if result.lost:
        lines.append(
            t.count(
                "{number} call was still open when the build was interrupted. It was made again, and may "
                "have been paid for twice.",
                "{number} calls were still open when the build was interrupted. They were made again, and"
                " may have been paid for twice.",
                result.lost,
            )
        )
    if train < _FEW:
        lines.append(t("These are few: a model learns little from fewer than a few hundred texts."))
    if not result.new and changes:
        lines.append(
            t(
                "To train on it, although v{newer} is newer: `{/finetune dataset:{version}}`.",
                newer=changes.since,
                version=result.dataset,
            )
        )
    if result.new and result.source == "shipped":
        lines.append(t("Next, for operators: `{/finetune}` trains a model on it."))
    elif result.new:
        lines.append(
            t(
                "Next, for operators: `{/finetune}` trains a model on it. To read the texts first: `{/dataset"
                " review}`."
            )
        )
    return lines


def _changes_lines(t: Translator, changes: Changes) -> list[str]:
    """Return lines on what came and went since a version, and where to find what went."""
    lines = [_changes_text(t, changes)]
    if changes.gone.get("import"):
        lines.append(
            t(
                "A build takes in no imported texts: they are in v{version} (`{/finetune "
                "dataset:{version}}`).",
                version=changes.since,
            )
        )
    if changes.gone.get("herosmith-build"):
        lines.append(
            t(
                "The texts that the model has just written replace those that came with the bot "
                "(`{/build-dataset source:shipped}` takes those again)."
            )
        )
    return lines


def pairs_text(t: Translator, found: FrozenPairs) -> str:
    """Return the text of a new dataset of pairs, with the next step."""
    dataset, new = found.frozen.dataset, found.frozen.new
    train, valid = (dataset.counts.get(name, 0) for name in ("train", "valid"))
    texts = LocalizedMessage(
        "{train} to learn from, {valid} kept aside to test the model",
        train=LocalizedMessage.counted("{number:,} pair", "{number:,} pairs", train),
        valid=valid,
    )
    template = mark("No new pairs, so dataset v{version} stays as it was: {texts}.")
    if new:
        template = mark("Dataset v{version} is ready: {texts}.")
    origins = {
        "duels": mark("{number:,} from duels"),
        "takes": mark("{number:,} from takes"),
        "verdicts": mark("{number:,} from thumbs"),
    }
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
        lines.append(_changes_text(t, found.frozen.changes, _count_pairs))
    if new:
        lines.append(t("Next, for operators: `{/finetune method:dpo}` trains a model on these pairs."))
    return "\n".join(lines)


def thumbs_text(t: Translator, found: FrozenThumbs) -> str:
    """Return the text of a new dataset of thumbs, with the next step."""
    dataset, new, counts = found.frozen.dataset, found.frozen.new, found.counts
    template = mark("No new thumbs, so dataset v{version} stays as it was: {texts}.")
    if new:
        template = mark("Dataset v{version} is ready: {texts}.")
    train, valid = (dataset.counts.get(name, 0) for name in ("train", "valid"))
    texts = LocalizedMessage(
        "{train} to learn from, {valid} kept aside to test the model",
        train=LocalizedMessage.counted("{number:,} text", "{number:,} texts", train),
        valid=valid,
    )
    lines = [
        t(template, version=dataset.id, texts=texts),
        t(
            "Of these, people liked {liked:,} and voted {voted_down:,} down.",
            liked=counts.liked,
            voted_down=counts.voted_down,
        ),
    ]
    if found.dropped:
        lines.append(t("Left out: {reasons}.", reasons=count_by_reason(found.dropped)))
    if found.not_counted:
        lines.append(t("Votes not counted: {reasons}.", reasons=found.not_counted))
    if found.frozen.changes:
        lines.append(_changes_text(t, found.frozen.changes, _count_texts))
    if new:
        lines.append(t("Next, for operators: `{/finetune method:kto}` trains a model on these texts."))
    return "\n".join(lines)


def _votes_lines(t: Translator, votes: VoteSummary) -> list[str]:
    """Return lines on what the votes admitted and kept out, and which votes did not count."""
    lines = []
    if votes.liked or votes.voted_down or votes.unfit:
        unfit: LocalizedMessage | str = ""
        if votes.unfit:
            unfit = LocalizedMessage(
                "; liked, but not fit to learn from: {reasons}", reasons=count_by_reason(votes.unfit)
            )
        lines.append(
            t(
                "Descriptions with votes: {liked:,} liked well enough to be taken in, {down:,} voted "
                "down{unfit}.",
                liked=votes.liked,
                down=votes.voted_down,
                unfit=unfit,
            )
        )
    if votes.scenes or votes.unfit_scenes:
        lines.append(
            t.count(
                "{number:,} scene of a story was liked well enough to be taken in.",
                "{number:,} scenes of stories were liked well enough to be taken in.",
                votes.scenes,
            )
        )
    if votes.unfit_scenes:
        lines.append(
            t(
                "Scenes that people liked, but that are not fit to learn from: {reasons}.",
                reasons=count_by_reason(votes.unfit_scenes),
            )
        )
    if votes.not_counted:
        lines.append(t("Votes not counted: {reasons}.", reasons=votes.not_counted))
    return lines


def _ranked_lines(t: Translator, ranked: RankedSummary | None) -> list[str]:
    """Return lines on what the ranker did; none if it was not ordered."""
    if ranked is None:
        return []
    if ranked.refused:
        return [t("**No ranked texts.** {reason}", reason=ranked.refused)]
    return [
        t(
            "Ranked texts: {added:,} of {written:,} that model {model} wrote of {heroes:,} heroes; {fit:,} "
            "of them are fit to learn from. On texts that it had not seen, the ranker's AUC is {auc:.2f} "
            "({low:.2f} to {high:.2f}), by votes on {rated:,} texts.",
            added=ranked.added,
            written=ranked.written,
            model=ranked.model,
            heroes=ranked.heroes,
            fit=ranked.fit,
            auc=ranked.auc,
            low=ranked.low,
            high=ranked.high,
            rated=ranked.rated,
        )
    ]


def _changes_text(
    t: Translator,
    changes: Changes,
    count: Callable[[Mapping[str, int]], list[LocalizedMessage]] = composition,
) -> str:
    """Return what was added and removed since a version, by source."""
    nothing = [LocalizedMessage("nothing")]
    return t(
        "Added since v{version}: {added}. Gone: {gone}.",
        version=changes.since,
        added=count(changes.added) or nothing,
        gone=count(changes.gone) or nothing,
    )


def _count_pairs(counts: Mapping[str, int]) -> list[LocalizedMessage]:
    number = sum(counts.values())
    return [LocalizedMessage.counted("{number:,} pair", "{number:,} pairs", number)] if number else []


def _count_texts(counts: Mapping[str, int]) -> list[LocalizedMessage]:
    number = sum(counts.values())
    return [LocalizedMessage.counted("{number:,} text", "{number:,} texts", number)] if number else []
