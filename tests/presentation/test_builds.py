"""What builds say: their plan, their end, what came and went, in the right numbers."""

import re

import pytest

from bot.app import App
from bot.dataset.build.estimate import BuildEstimate
from bot.i18n.catalogues import Catalogues
from bot.i18n.message import ENGLISH, Translator
from bot.llm.prices import Price
from bot.presentation.builds import build_plan_text, build_result_text
from bot.presentation.datasets import composition, count_by_reason
from bot.presentation.jobs import progress_text, result_text
from bot.settings import ROOT
from bot.store import jobs
from bot.store.job_schema import BuildResult, BuildSpec, Changes
from bot.store.jobs import Job

GERMAN = Catalogues(ROOT / "data" / "languages").translator_for("de")
LANGUAGES = pytest.mark.parametrize("t", [ENGLISH, GERMAN], ids=["en", "de"])
SOURCES = ("herosmith-build", "hand-written", "example", "description", "import")
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
