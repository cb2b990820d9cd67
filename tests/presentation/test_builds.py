"""What builds say: their plan, their end, what came and went, in the right numbers."""

import re
from dataclasses import replace

import pytest

from bot.app import App
from bot.dataset.build.estimate import BuildEstimate
from bot.dataset.build.ranked_texts import RankedPlan
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import ENGLISH, LocalizedMessage, Translator
from bot.llm.prices import Price
from bot.presentation.builds import build_plan_text, build_result_text
from bot.presentation.datasets import composition, count_by_reason
from bot.presentation.jobs import progress_text, result_text
from bot.ranking.logistic_regression import CrossValidation
from bot.ranking.ranker import RankerReport
from bot.settings import ROOT
from bot.store import jobs
from bot.store.job_schema import BuildResult, BuildSpec, Changes, RankedSummary
from bot.store.jobs import Job

GERMAN = Catalogues(ROOT / "data" / "languages").translator_for("de")
LANGUAGES = pytest.mark.parametrize("t", [ENGLISH, GERMAN], ids=["en", "de"])
SOURCES = ("herosmith-build", "hand-written", "example", "description", "ranked", "import")
FREE = Price(input=0, output=0, source="this machine")


def texts_of(t: Translator, number: int) -> list[str]:
    return [t(text) for text in composition(dict.fromkeys(SOURCES, number))]


def test_one_text_is_not_called_texts() -> None:
    one, two = texts_of(ENGLISH, 1), texts_of(ENGLISH, 2)
    assert all(text.startswith("1 ") and not re.search(r"\btexts\b", text) for text in one)
    assert all(text.startswith("2 ") and re.search(r"\btexts\b", text) for text in two)
    assert not any("Texte" in text for text in texts_of(GERMAN, 1) if "Texte eines" not in text)
    assert composition({"train": 5, "valid": 1, "example": 0}) == []


def changed(**gone: int) -> BuildResult:
    counts = {"train": 300, "valid": 30, "example": 330}
    changes = Changes(
        since=4, added={"example": 1}, gone={name.replace("_", "-"): n for name, n in gone.items()}
    )
    return BuildResult(dataset=5, new=True, counts=counts, asked=1, calls=1, changes=changes)


@LANGUAGES
def test_where_imported_texts_are_is_told_when_they_leave(t: Translator) -> None:
    text = build_result_text(t, changed(**{"import": 1}))
    assert "v4" in text
    assert ("/finetune dataset:4" if t is ENGLISH else "/finetune datensatz:4") in text
    if t is ENGLISH:
        assert "Added since v4: 1 text written here by the model. Gone: 1 imported text." in text
        assert "A build takes in no imported texts" in text
    assert "imported" not in build_result_text(ENGLISH, changed(description=1))


@pytest.mark.parametrize(
    ("cached", "paid", "said"),
    [
        (0, 0.0, "2 answers written."),
        (3, 0.5, "2 answers written, 3 taken over from earlier builds, $0.5000 paid."),
    ],
)
def test_only_answers_that_were_taken_over_are_told(cached: int, paid: float, said: str) -> None:
    result = BuildResult(counts={"train": 200}, asked=2, calls=2, cached=cached, cost=paid)
    assert said in build_result_text(ENGLISH, result).split("\n")


@LANGUAGES
def test_how_to_have_the_shipped_build_again_is_told_when_it_leaves(t: Translator) -> None:
    assert ":shipped`" in build_result_text(t, changed(herosmith_build=2))
    assert ":shipped`" not in build_result_text(t, changed(hand_written=2))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("another gender", "1 with another gender"),
        ("not a tale", "1 without a story"),
        ("power never named", "1 without the power"),
        ("too short", "1 too short"),
        ("much like another", "1 much like another"),
    ],
)
def test_reasons_are_words_that_go_with_a_number(reason: str, said: str) -> None:
    assert [str(text) for text in count_by_reason({reason: 1})] == [said]
    result = BuildResult(counts={"train": 200}, asked=2, calls=2, rejected={reason: 1})
    assert f"because they did not fit their hero: {said}." in build_result_text(ENGLISH, result)


def test_tokens_are_told_only_if_they_cost_something() -> None:
    free = BuildEstimate(20, 5, 900, 600, FREE, 0.0, 12.0, limited=False, measured=False)
    paid = BuildEstimate(20, 5, 900, 600, Price(input=1, output=2), 0.1, 12.0, limited=False)
    spec = BuildSpec(model="m")
    assert "\nWritten already: 5. Still to write: 15.\n" in build_plan_text(ENGLISH, spec, free, None)
    assert "about 12 s on two idle processor cores" in build_plan_text(ENGLISH, spec, free, None)
    assert "about 900 tokens (parts of words) sent" in build_plan_text(ENGLISH, spec, paid, None)
    assert "about 12 s, as fast as the last build." in build_plan_text(ENGLISH, spec, paid, None)


async def stopped(app: App, state: jobs.State, done: int) -> Job:
    job = await app.jobs.plan(BuildSpec(model="m"))
    async with app.db.write() as tx:
        await jobs.change(tx, job.id, state=state, started_at=1.0, done=done, total=20)
    return await app.jobs.get(job.id)


@pytest.mark.parametrize("done", [0, 3])
async def test_only_what_was_written_is_said_to_be_kept(app: App, done: int) -> None:
    cancelled = await stopped(app, "cancelled", done)
    paused = await stopped(app, "paused", done)
    for said in (
        progress_text(ENGLISH, cancelled),
        result_text(ENGLISH, cancelled),
        progress_text(ENGLISH, paused),
    ):
        assert ("written is kept" in said) == bool(done)
    assert ("before anything was written" in result_text(ENGLISH, cancelled)) == (not done)


@LANGUAGES
@pytest.mark.parametrize(("cost", "said"), [(0.0, None), (1.5, "1"), (None, "data/prices.toml")])
def test_a_plan_tells_what_the_ranker_adds(t: Translator, cost: float | None, said: str | None) -> None:
    report = RankerReport(120, 70, 40, 60, CrossValidation(0.71, 0.62, 0.8))
    plan = RankedPlan(None, report, None, 130, 1040, cost)
    free = BuildEstimate(294, 0, 0, 0, FREE, 0.0, 1.0, limited=False)
    without = build_plan_text(t, BuildSpec(model="m"), free, None)
    text = build_plan_text(t, BuildSpec(model="m"), replace(free, ranked=plan), None)
    added = "\n".join(line for line in text.split("\n") if line not in without.split("\n"))
    assert len(added.split("\n")) == (2 if said is None else 3)
    assert said is None or said in added.split("\n")[2]
    if t is ENGLISH:
        assert "the best of 8 that the live model writes of a hero, for up to 130 heroes" in added
        assert "Still to write: 1,040." in added
        assert "votes on 120 texts" in added
        assert "0.71 (0.62 to 0.80; 0.5 is chance)" in added


@LANGUAGES
def test_why_the_ranker_is_not_used_is_told_before_and_after(t: Translator) -> None:
    refusal = LocalizedMessage("Because it rains.")
    estimate = BuildEstimate(294, 0, 0, 0, FREE, 0.0, 1.0, limited=False, ranked=RankedPlan(refusal))
    assert "Because it rains." in build_plan_text(t, BuildSpec(model="m"), estimate, None)
    result = BuildResult(counts={"train": 200}, ranked=RankedSummary(refused=refusal))
    assert "Because it rains." in build_result_text(t, BuildResult.from_json(result.to_json()))


def test_the_end_tells_what_the_ranker_added() -> None:
    ranked = RankedSummary(
        model=3, rated=120, auc=0.71, low=0.62, high=0.8, heroes=130, written=1040, fit=990, added=128
    )
    text = build_result_text(ENGLISH, BuildResult(counts={"example": 260, "ranked": 128}, ranked=ranked))
    assert "128 texts that the ranker chose" in text
    assert (
        "Ranked texts: 128 of 1,040 that model 3 wrote of 130 heroes; 990 of them are fit to learn from. On "
        "texts that it had not seen, the ranker's AUC is 0.71 (0.62 to 0.80), by votes on 120 texts." in text
    )
    assert "anker" not in build_result_text(ENGLISH, BuildResult(counts={"train": 200}))
