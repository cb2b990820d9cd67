"""Kept verdicts: what is kept of a text is what curation says of it, until its rules change."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from bot.app import App, Timing, open_app
from bot.dataset.versions import kept_verdicts
from bot.dataset.versions.admission import OUTSIDE_VOCABULARY
from bot.dataset.versions.admission_counts import AdmissionCounter
from bot.dataset.versions.kept_verdicts import KeptVerdicts, rules_version
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.rating.thresholds import Thresholds
from bot.settings import ROOT, Settings
from bot.store.schema import curation_verdict, description, kept_choice
from bot.store.timing import DatabaseTiming
from tests.support.electorate import cast, row
from tests.support.eventually import eventually
from tests.support.locked_database import held
from tests.support.query_plans import QueryPlans

_HERO = Hero(40, "woman", "flight")
_WORDS = [
    "she",
    "he",
    "they",
    "a",
    "40-year-old",
    "woman",
    "man",
    "flies.",
    "flight",
    "Ada",
    "Ben,",
    "You",
    "I",
    '"So"',
    "power",
    "of",
    "and",
]


async def store(app: App, texts: Sequence[tuple[Hero, str]], *, ups: int = 2) -> list[int]:
    """Store texts that people liked, and return their ids."""
    others = {
        "model": "m",
        "tuned": True,
        "finish_reason": "stop",
        "prompt_version": 1,
        "sampling": {},
        "requester": "requester",
        "prompt_tokens": 1,
        "completion_tokens": 1,
        "seconds": 0.1,
        "created_at": 1.0,
    }
    ids = []
    async with app.db.write() as tx:
        for hero, text in texts:
            values = {**hero.as_dict(), "text": text, **others}
            added = insert(description).values(values).returning(description.c.id)
            ids.append((await tx.execute(added)).scalar_one())
    votes = [(each, f"voter {number}", 86_400.0 * each) for each in ids for number in range(ups)]
    if votes:
        await cast(app, [row(each, voter, 1, at=at) for each, voter, at in votes])  # one a day
    return ids


async def kept(app: App, ids: Sequence[int]) -> dict[int, str | None]:
    async with app.db.read() as tx:
        return await app.admission.verdicts.read(tx, ids)


def said(app: App, hero: Hero, text: str) -> str | None:
    """Return what curation says."""
    return app.heroes.curation.rejection_reason(hero, app.heroes.curation.trim(text))


async def test_admission_counts_and_takes_what_curation_lets_pass(app: App) -> None:
    """Of the first dataset's texts, told of their own hero and of another one."""
    lines = (ROOT / "data" / "first_dataset.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    texts = [(Hero(each["age"], each["gender"], each["power"]), each["text"]) for each in found]
    told = [
        (texts[index - 7][0] if index % 3 == 0 else hero, text) for index, (hero, text) in enumerate(texts)
    ]
    ids = await store(app, told)
    expected = [said(app, *each) for each in told]
    assert {None} < set(expected)
    known = set((await app.powers.vocabulary()).powers)
    reasons = [
        reason if hero.power in known else OUTSIDE_VOCABULARY
        for (hero, _), reason in zip(told, expected, strict=True)
    ]
    assert {None, OUTSIDE_VOCABULARY} < set(reasons)

    status = await app.dataset_statuses.status()
    assert status.counts.admitted == reasons.count(None)
    assert status.counts.unfit == Counter(reason for reason in reasons if reason)
    assert [each.rejection_reason for each in await app.admission.judge(ids)] == reasons
    assert await kept(app, ids) == dict(zip(ids, expected, strict=True))
    admitted = await app.admission.admit()
    assert (admitted.liked_count, admitted.unfit) == (status.counts.admitted, status.counts.unfit)


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300),
            st.text("aeo .!?\"'“”*\n-0123456789", max_size=300),
            st.lists(
                st.sampled_from(_WORDS),
                max_size=90,
            ).map(" ".join),
        ),
        max_size=20,
    )
)
async def test_what_is_kept_of_any_text_is_what_curation_says(app: App, texts: list[str]) -> None:
    ids = await store(app, [(_HERO, text) for text in texts], ups=0)
    expected = [said(app, _HERO, text) for text in texts]
    first = [each.rejection_reason for each in await app.admission.judge(ids)]
    again = [each.rejection_reason for each in await app.admission.judge(ids)]
    assert first == again == expected
    assert await kept(app, ids) == dict(zip(ids, expected, strict=True))


async def test_a_text_is_judged_once_and_again_by_other_rules(app: App) -> None:
    (one,) = await store(app, [(_HERO, "Too short.")])
    assert (await app.dataset_statuses.status()).counts.unfit == {"too short": 1}
    async with app.db.write() as tx:
        await tx.execute(update(curation_verdict).values(reason=None))
    assert (await app.dataset_statuses.status()).counts.admitted == 1  # what is kept is believed
    assert (await app.admission.admit()).liked_count == 1
    async with app.db.write() as tx:
        await tx.execute(update(curation_verdict).values(rules="of last year"))
    assert (await app.dataset_statuses.status()).counts.unfit == {"too short": 1}
    assert await kept(app, [one]) == {one: "too short"}


def test_the_version_changes_with_the_rules_alone(hosted: Settings) -> None:
    rules = read_heroes(hosted.heroes_file).curation
    version = rules_version(rules)
    assert len(version) == 16
    fewer = rules.curation.model_copy(update={"left_out": ("not a tale",)})
    assert rules_version(rules.model_copy(update={"curation": fewer})) != version
    assert rules_version(rules.model_copy(update={"names": {"man": frozenset({"Bo"})}})) != version
    code = (
        "from bot.heroes.config import read_heroes; from bot.settings import Settings;"
        "from bot.dataset.versions.kept_verdicts import rules_version;"
        "print(rules_version(read_heroes(Settings().heroes_file).curation))"
    )
    for seed in ("1", "2"):  # sets have another order in each process
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        assert found.stdout.decode().strip() == version


def test_a_process_keeps_the_version_of_the_rules_that_it_runs(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update replaces modules while the bot still judges by those that it has loaded."""
    verdicts = KeptVerdicts(app.db, app.heroes.curation)
    monkeypatch.setattr(kept_verdicts, "RULES", ())  # as they are on the disk then
    assert verdicts.rules != rules_version(app.heroes.curation)
    assert verdicts.rules == app.admission.verdicts.rules


async def test_a_busy_database_keeps_nobody_from_a_verdict(hosted: Settings) -> None:
    timing = Timing(database=DatabaseTiming(busy_timeout=0.05))
    async with open_app(hosted, timing) as app:
        (one,) = await store(app, [(_HERO, "Too short.")])
        async with held(hosted):
            effect = await app.admission.effect(one, 5)
        assert effect is not None
        assert effect.rejection_reason == "too short"
        assert await kept(app, [one]) == {}


async def test_many_votes_are_not_counted_each_time(app: App) -> None:
    verdicts = KeptVerdicts(app.db, app.heroes.curation)
    counter = AdmissionCounter(app.db, app.scores, app.powers, verdicts, few_votes=1)
    usual, loose = Thresholds(), Thresholds(min_voters=1)
    await store(app, [(_HERO, "Too short.")])
    first = await counter.count([usual])
    await store(app, [(_HERO, "Too short, as well.")])
    assert await counter.count([usual]) is first
    await store(app, [(_HERO, "Short.")], ups=1)
    assert (await counter.count([usual, loose])).by(loose).unfit == {"too short": 1}  # as before
    await counter.aclose()


async def test_counts_of_many_votes_serve_after_a_start_until_they_are_renewed(app: App) -> None:
    verdicts, usual, loose = app.admission.verdicts, Thresholds(), Thresholds(min_voters=1, above=0.0)

    async def count(thresholds: Thresholds = usual, *, few_votes: int = 1) -> tuple[float, Counter[str]]:
        counter = AdmissionCounter(app.db, app.scores, app.powers, verdicts, few_votes=few_votes)
        counted = await counter.count([thresholds])
        await counter.aclose()
        return counted.at, counted.by(thresholds).unfit

    await store(app, [(_HERO, "Too short.")])
    await store(app, [(_HERO, "Short.")], ups=1)
    at, unfit = await count()
    await store(app, [(_HERO, "Too short, as well.")])
    assert await count() == (at, unfit) == (at, {"too short": 1})
    assert (await count(loose))[1] == {"too short": 3}  # it was not judged for these
    assert (await count())[1] == {"too short": 2}  # that was the newest count

    async with app.db.write() as tx:
        await tx.execute(update(kept_choice).values(at=1.0))
    counter = AdmissionCounter(app.db, app.scores, app.powers, verdicts, few_votes=1)
    assert (await counter.count([usual])).at == 1.0
    await eventually(lambda: _is_new(counter, usual), what="it is counted anew in the background")
    await counter.aclose()

    await app.powers.add("yodelling")
    assert (await count(few_votes=100))[0] > at  # it depends on what may train
    async with app.db.read() as tx:
        assert len((await tx.execute(select(kept_choice.c.key))).all()) == 1  # few votes are not kept


async def _is_new(counter: AdmissionCounter, thresholds: Thresholds) -> bool:
    return (await counter.count([thresholds])).at > 1.0


async def test_texts_that_only_looser_thresholds_admit_are_judged_for_them(app: App) -> None:
    verdicts = KeptVerdicts(app.db, app.heroes.curation)
    counter = AdmissionCounter(app.db, app.scores, app.powers, verdicts, few_votes=1)
    usual, loose = Thresholds(), Thresholds(min_voters=1, above=0.0)
    await store(app, [(_HERO, "Too short.")])
    (lone,) = await store(app, [(_HERO, "Short.")], ups=1)
    await counter.count([usual])
    assert await kept(app, [lone]) == {}
    assert (await counter.count([loose])).by(loose).unfit == {"too short": 2}
    await counter.aclose()


async def test_a_text_that_some_vote_against_is_judged_as_well(app: App) -> None:
    """Five voters are enough, and one of them may be against it: fewer ups than voters admit."""
    counter = AdmissionCounter(app.db, app.scores, app.powers, app.admission.verdicts)
    strict = Thresholds(min_voters=5)
    assert strict.admits(4, 1)
    (one,) = await store(app, [(_HERO, "Too short.")], ups=4)
    await cast(app, [row(one, "somebody else", -1, at=86_400.0)])
    counts = (await counter.count([strict])).by(strict)
    assert (counts.admitted, counts.unfit) == (0, {"too short": 1})
    await counter.aclose()


async def test_who_asks_beside_somebody_gets_the_counts_of_their_own_thresholds(app: App) -> None:
    counter = AdmissionCounter(app.db, app.scores, app.powers, app.admission.verdicts)
    usual, loose = Thresholds(), Thresholds(min_voters=1, above=0.0)
    await store(app, [(_HERO, "Too short.")])
    await store(app, [(_HERO, "Short.")], ups=1)
    one, other = await asyncio.gather(counter.count([usual]), counter.count([loose]))
    assert one.by(usual).unfit == {"too short": 1}
    assert (other.by(loose).admitted, other.by(loose).unfit) == (0, {"too short": 2})
    await counter.aclose()


async def test_votes_that_come_while_texts_are_judged_count_next_time(app: App) -> None:
    """All of a count is of one moment: no text is in it that was rated since, and was not judged."""
    usual = Thresholds()
    late: list[int] = []

    class Slow(KeptVerdicts):
        async def judge_all(self, ids: Sequence[int]) -> dict[int, str | None]:
            late.extend(await store(app, [(_HERO, "Short, and late.")]))
            return await super().judge_all(ids)

    verdicts = Slow(app.db, app.heroes.curation)
    counter = AdmissionCounter(app.db, app.scores, app.powers, verdicts)
    await store(app, [(_HERO, "Too short.")])
    counts = (await counter.count([usual])).by(usual)
    assert (counts.admitted, counts.unfit) == (0, {"too short": 1})
    assert await kept(app, late) == {}
    counts = (await counter.count([usual])).by(usual)
    assert (counts.admitted, counts.unfit) == (0, {"too short": 2})
    await counter.aclose()


async def test_a_deleted_text_has_no_verdict(app: App) -> None:
    described = await app.describer.describe(_HERO, requester=7, guild_id=None)
    await app.admission.judge([described.id])
    assert await kept(app, [described.id])
    await app.privacy.delete(7)
    assert await kept(app, [described.id]) == {}


@pytest.mark.sqlite("the plan is its own")
async def test_verdicts_are_found_by_their_index(app: App, query_plans: QueryPlans) -> None:
    async with query_plans.recorded(app.db):
        await app.admission.judge([1, 2])
    assert {table for table, _ in query_plans.scans} <= {"power"}
