"""Datasets on the dashboard: their reports, and a browser of the texts."""

from collections.abc import Mapping
from typing import Any

from bot.app import App
from bot.dashboard.blocks import Block, table, text
from bot.dashboard.refusals import UNREADABLE_REQUEST
from bot.dataset.browsing.texts import PAGE, BrowsedText, TextFilter, TextPage
from bot.errors import UserError
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.presentation.builds import build_result_text
from bot.presentation.datasets import count_by_reason, dataset_composition, dataset_status_text
from bot.store.datasets import DatasetKind, Source
from bot.store.examples import Verdict
from bot.store.job_schema import BuildResult

_REPORTS = 100  # jobs among which the reports of builds are looked for
_KINDS: dict[DatasetKind, str] = {
    "sft": mark("single texts"),
    "preference": mark("pairs"),
    "thumbs": mark("liked or voted down"),
}
_SOURCES: dict[Source, str] = {
    "example": mark("written here by a model"),
    "description": mark("liked by people"),
    "scene": mark("scenes liked by people"),
    "import": mark("imported"),
    "ranked": mark("chosen by the ranker"),
    "herosmith-build": mark("ready-made by a model"),
    "hand-written": mark("written by hand"),
}
_SPLITS = {"train": mark("to learn from"), "valid": mark("kept aside to test the model")}
_VERDICTS: dict[Verdict, str] = {"keep": mark("kept"), "edit": mark("edited"), "reject": mark("rejected")}
_SCORES = (0.5, 0.75, 0.9)  # shares of thumbs up that can be chosen


async def dataset_blocks(app: App, t: Translator) -> list[Block]:
    """Return all datasets, what the votes would admit, and the report of each build."""
    found = await app.dataset_contents.all()
    headings = [t("Dataset"), t("Kind"), t("To learn from"), t("Kept aside"), t("What is in it")]
    rows = [
        (
            f"v{each.id}",
            t(_KINDS[each.kind]),
            each.counts.get("train", 0),
            each.counts.get("valid", 0),
            t("{composition}.", composition=dataset_composition(each)),
        )
        for each in found
    ]
    empty = t("There is no dataset yet. `{/build-dataset source:shipped}` makes one in seconds.")
    blocks = [table(t("Datasets, newest first"), headings, rows, empty=empty)]
    if found:
        status = await app.dataset_statuses.status()
        blocks.append(text(dataset_status_text(t, status)))
    return [*blocks, *await _reports(app, t)]


async def _reports(app: App, t: Translator) -> list[Block]:
    """Return what each build told at its end: what was left out, and why."""
    return [
        text(f"### {t('Report of job {number}', number=job.id)}\n{build_result_text(t, job.result)}")
        for job in await app.jobs.recent(_REPORTS)
        if isinstance(job.result, BuildResult) and job.state == "succeeded"
    ]


async def browse(app: App, t: Translator, query: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of texts, and what may be chosen in the filter.

    query: version, source, reason, score and page, as the page's form has them. Raise UserError if one
    cannot be read.
    """
    versions = [each.id for each in await app.dataset_contents.all()]
    if not versions:
        return {"versions": []}
    version, number, wanted = _read(query, versions)
    page = await app.dataset_texts.page(version, wanted, number)
    shares = [_option(str(share), t("at least {share:.0%} 👍", share=share)) for share in _SCORES]
    return {
        "versions": [_option(str(each), f"v{each}") for each in versions],
        "version": str(version),
        "sources": _source_options(t, page, wanted),
        "reasons": _reason_options(t, page, wanted),
        "scores": [_option("", t("any, or none")), *shares],
        "found": t.count("{number:,} text", "{number:,} texts", page.fitting),
        "pages": -(-page.fitting // PAGE),
        "page": number,
        "texts": [_text(t, each) for each in page.texts],
    }


def _option(value: str, label: str) -> dict[str, str]:
    return {"value": value, "label": label}


def _source_options(t: Translator, page: TextPage, wanted: TextFilter) -> list[dict[str, str]]:
    """Return the sources that there are, and the chosen one, so that the filter shows what it does."""
    shown = [name for name in _SOURCES if page.sources[name] or name == wanted.source]
    found = [_option(name, f"{t(_SOURCES[name])} ({page.sources[name]})") for name in shown]
    return [_option("", t("all")), *found]


def _reason_options(t: Translator, page: TextPage, wanted: TextFilter) -> list[dict[str, str]]:
    """Return that a text is in the dataset, and the reasons for which others are not."""
    counts = dict(page.reasons) | ({wanted.reason: page.reasons[wanted.reason]} if wanted.reason else {})
    every = t("left out, for any reason ({number:,})", number=page.reasons.total())
    labels = zip(sorted(counts), count_by_reason(counts), strict=True)
    return [
        _option("", t("in the dataset")),
        _option("out", every),
        *(_option(reason, t("left out: {reason}", reason=label)) for reason, label in labels),
    ]


def _read(query: Mapping[str, str], versions: list[int]) -> tuple[int, int, TextFilter]:
    """Return the version, the number of the page and the filter."""
    try:
        version = int(query.get("version") or versions[0])
        number = max(0, int(query.get("page") or 0))
        score = float(query["score"]) if query.get("score") else None
    except ValueError as error:
        raise UserError(UNREADABLE_REQUEST) from error
    if version not in versions:
        raise UserError(UNREADABLE_REQUEST)
    reason = query.get("reason") or None
    wanted = TextFilter(
        source=query.get("source") or None,
        left_out=reason is not None,
        reason=None if reason == "out" else reason,
        score=score,
    )
    return version, number, wanted


def _text(t: Translator, shown: BrowsedText) -> dict[str, Any]:
    facts = [t(_SOURCES[shown.source])]
    if shown.split:
        facts.append(t(_SPLITS[shown.split]))
    if shown.reason:
        facts.append(t("left out: {reason}", reason=LocalizedMessage(shown.reason)))
    if shown.votes:
        facts.append(f"👍 {shown.votes[0]} 👎 {shown.votes[1]}")
    if shown.verdict:
        facts.append(t("review: {verdict}", verdict=LocalizedMessage(_VERDICTS[shown.verdict])))
    return {
        "prompt": shown.prompt,
        "text": shown.text,
        "worse": t(_worse(shown), text=shown.worse) if shown.worse else "",
        "facts": " · ".join(facts),
        "example": shown.example_id,
        "verdict": shown.verdict,
    }


async def judge(app: App, example_id: int, verdict: str) -> None:
    """Keep or reject an example, from the next dataset on. Raise UserError if it is gone."""
    if verdict not in ("keep", "reject"):
        raise UserError(UNREADABLE_REQUEST)
    await app.reviews.judge(example_id, "keep" if verdict == "keep" else "reject")


def _worse(shown: BrowsedText) -> str:
    return mark("The worse one: {text}") if shown.text else mark("Voted down: {text}")
