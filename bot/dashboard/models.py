"""Models on the dashboard: losses, checks, and the evidence of trials over time."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.app import App
from bot.dashboard.blocks import Block, in_percent, lines, table, text, with_level
from bot.i18n.message import LocalizedMessage, Translator
from bot.presentation.models import no_model_message, trial_text
from bot.presentation.verdicts import verdict_lines
from bot.rating.sequential_test import EVIDENCE_THRESHOLD
from bot.rating.trial_status import TrialStatus
from bot.rating.trials import Evidence
from bot.store.models import Model

_TRIALS = 6  # charts


async def model_blocks(app: App, t: Translator) -> list[Block]:
    """Return all models, their losses and checks, and the newest trials."""
    models = await app.registry.all()
    if not models:
        return [text(t(no_model_message(await app.jobs.active("finetune"))))]
    blocks = [_table(t, models), _losses(t, models)]
    checked = [model for model in models if model.verdict]
    if checked:
        blocks += [_checks(t, checked), text(_newest_check(t, checked[-1]))]
    for trial in await app.trials.newest(_TRIALS):
        blocks += [text(trial_text(t, trial)), *_course(t, trial, await app.trials.course(trial.trial.id))]
    return blocks


def _table(t: Translator, models: Sequence[Model]) -> Block:
    headings = [t("Model"), t("State"), t("Dataset"), t("Loss before"), t("Loss after"), t("Trained")]
    rows = [
        (
            str(model.id),
            t(LocalizedMessage(model.state)),
            f"v{model.dataset_id}",
            model.metrics.get("loss_before"),
            model.metrics.get("loss_after"),
            f"{datetime.fromtimestamp(model.created_at, UTC):%Y-%m-%d %H:%M} UTC",
        )
        for model in reversed(models)
    ]
    return table(t("Models, newest first"), headings, rows)


def _losses(t: Translator, models: Sequence[Model]) -> Block:
    after = [model.metrics.get("loss_after") for model in models]
    known = [loss for loss in after if loss is not None]
    summary = t("No loss was measured.")
    if known:
        summary = t(
            "{last:.3f} after the last training, {best:.3f} at best; less is better",
            last=known[-1],
            best=min(known),
        )
    before = [model.metrics.get("loss_before") for model in models]
    series = {t("before the training"): before, t("after it"): after}
    return lines(t("Loss on the texts kept aside"), summary, _names(models), series, across=t("model"))


def _checks(t: Translator, models: Sequence[Model]) -> Block:
    figures = [model.verdict.new for model in models if model.verdict]
    series = {
        t("good enough to learn from, in percent"): [100 * each.fit_share for each in figures],
        t("all rules kept at once, in percent"): [100 * each.all_rules_share for each in figures],
    }
    summary = t(
        "Of the newest checked model's texts, {fit:.0%} are good enough to learn from, and {rules:.0%} keep "
        "all rules",
        fit=figures[-1].fit_share,
        rules=figures[-1].all_rules_share,
    )
    chart = lines(t("Checks of new models"), summary, _names(models), series, across=t("model"))
    return in_percent(chart)


def _newest_check(t: Translator, model: Model) -> str:
    found = verdict_lines(t, model.verdict) if model.verdict else []
    return "\n".join([t("**Model {number}**", number=model.id), *found])


def _course(t: Translator, trial: TrialStatus, course: Sequence[Evidence]) -> list[Block]:
    """Return the chart of a trial; none if no vote counts in it yet."""
    if not course:
        return []
    summary = t(
        "evidence {evidence:,.2f} after {votes:,} votes; {threshold:.0f} decide the trial",
        evidence=course[-1].evidence,
        votes=len(course),
        threshold=EVIDENCE_THRESHOLD,
    )
    labels = [f"{datetime.fromtimestamp(each.at, UTC):%m-%d %H:%M}" for each in course]
    series = {t("evidence that one of the two is preferred"): [each.evidence for each in course]}
    title = t("Evidence of trial {number} over time", number=trial.trial.id)
    chart = lines(title, summary, labels, series, across=t("vote (UTC)"))
    return [with_level(chart, t("decides the trial"), EVIDENCE_THRESHOLD)]


def _names(models: Sequence[Model]) -> list[str]:
    return [str(model.id) for model in models]
