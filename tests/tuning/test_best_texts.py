"""The rule of the gate that asks the texts that people liked best."""

from collections.abc import AsyncIterator

import pytest

from bot.app import App, Timing, open_app
from bot.heroes.hero import Hero
from bot.i18n.message import ENGLISH
from bot.jobs.queue import WorkerTiming
from bot.presentation.jobs import result_text
from bot.rating.votes import DOWN, UP
from bot.settings import Settings
from bot.store import descriptions
from bot.store.job_schema import FinetuneResult, Verdict
from bot.store.jobs import Job
from bot.tuning.follow import TrainingTiming
from tests.support.provider_quirks import QUIRKS
from tests.support.scripted_server import Script
from tests.support.workflows import build, finetune, silent

pytestmark = pytest.mark.settings(check_heroes=10)


@pytest.fixture
def timing() -> Timing:
    return Timing(
        worker=WorkerTiming(heartbeat=0.05),
        training=TrainingTiming(poll=0.01, listed_within=0.0, start_pauses=(0,)),
    )


async def rate(app: App, hero: Hero, thumbs: str) -> int:
    """Describe a hero for one user and let others vote. Return the description's id."""
    description = await app.describer.describe(hero, requester=1)
    for number, thumb in enumerate(thumbs):
        await app.votes.simulate(description.id, f"voter {number}", thumb)
    return description.id


async def like(app: App, number: int, thumbs: str = UP * 3) -> list[int]:
    """Let people like the descriptions of different heroes of the vocabulary. Return their ids."""
    powers = app.heroes.vocabulary.powers
    return [await rate(app, Hero(30, "woman", power), thumbs) for power in powers[:number]]


def verdict_of(job: Job) -> Verdict:
    assert (job.state, job.error) == ("succeeded", None)
    verdict = job.result_as(FinetuneResult).verdict
    assert verdict is not None
    return verdict


async def trained_twice(app: App, script: Script, number: int, new: float = -1.0) -> Job:
    """Train two models on a dataset with liked texts. new: the log-probability of words by the second."""
    await like(app, number)
    await build(app)
    await finetune(app)
    script.log_probs = {"ft:tiny:2": new}
    return await finetune(app)


@pytest.mark.parametrize(("new", "passed"), [(-0.4, True), (-1.09, True), (-1.11, False)])
async def test_a_model_that_finds_liked_texts_less_likely_is_held_back(
    app: App, script: Script, new: float, *, passed: bool
) -> None:
    job = await trained_twice(app, script, 8, new)
    verdict = verdict_of(job)
    assert verdict.live is not None
    assert verdict.best_texts == 8
    assert verdict.live.best_log_prob == pytest.approx(-1.0)
    assert verdict.new.best_log_prob == pytest.approx(new)
    assert verdict.faults == ([] if passed else ["best texts below live"])
    assert (await app.registry.get(2)).state == ("candidate" if passed else "held back")
    text = result_text(ENGLISH, job)
    assert f"Loss on the 8 texts that people liked best (less is better): {-new:.2f}, against 1.00" in text
    assert ("has forgotten what they liked" in text) is not passed


async def test_both_models_are_asked_the_liked_texts_as_they_train(app: App, script: Script) -> None:
    await trained_twice(app, script, 8)
    async with app.db.read() as tx:
        liked = [await descriptions.get(tx, number) for number in range(1, 9)]
    texts = {
        (app.heroes.prompts.tuning_prompt(each.hero), app.heroes.curation.trim(each.text))
        for each in liked
        if each
    }
    for model in ("ft:tiny:1", "ft:tiny:2"):
        asked = [body["messages"] for body in script.scored if body["model"] == model]
        assert sorted((one["content"], other["content"]) for one, other in asked) == sorted(texts)
    assert len(script.scored) == 16


async def test_too_few_liked_texts_are_not_asked_and_the_verdict_says_so(app: App, script: Script) -> None:
    job = await trained_twice(app, script, 7, -9.0)
    assert (verdict_of(job).best_texts, verdict_of(job).faults, script.scored) == (7, [], [])
    assert "Too few texts are liked so far to compare how badly both guess them (7 of 8)." in result_text(
        ENGLISH, job
    )


async def test_texts_that_the_new_model_alone_has_learnt_are_left_out(app: App, script: Script) -> None:
    await build(app)
    await finetune(app)
    await like(app, 9)
    await build(app)  # with the nine texts
    assert verdict_of(await finetune(app)).best_texts == 0
    assert script.scored == []


async def test_what_neither_has_learnt_counts_and_what_both_models_come_from_is_learnt(
    app: App,
) -> None:
    await like(app, 5)
    await build(app)
    await finetune(app)
    for age in (71, 76, 83):  # after the build: neither model has learnt it
        await rate(app, Hero(age, "man", app.heroes.vocabulary.powers[-1]), UP * 3)
    job, _ = await app.finetunes.submit(base="ft:tiny:1", dataset=1)
    assert await app.worker.run_next()
    assert (verdict_of(await app.jobs.get(job.id)).best_texts or 0) >= 8


async def test_hidden_and_disliked_texts_are_left_out(app: App, script: Script) -> None:
    (hidden, *_) = await like(app, 9)
    await rate(app, Hero(60, "man", app.heroes.vocabulary.powers[0]), DOWN * 3)
    await build(app)
    await finetune(app)
    async with app.db.write() as tx:
        await descriptions.remove(tx, hidden, at=1.0)
    assert verdict_of(await finetune(app)).best_texts == 8
    assert len(script.scored) == 16


async def test_the_most_certain_thirty_are_asked(app: App, script: Script) -> None:
    certain = await like(app, 2, UP * 6)
    for age in (31, 32):
        for power in app.heroes.vocabulary.powers[:16]:
            await rate(app, Hero(age, "man", power), UP * 2)
    await build(app)
    await finetune(app)
    assert verdict_of(await finetune(app)).best_texts == 30
    async with app.db.read() as tx:
        texts = [await descriptions.get(tx, each) for each in certain]
    asked = {body["messages"][1]["content"] for body in script.scored}
    assert {app.heroes.curation.trim(each.text) for each in texts if each} <= asked


async def test_an_engine_without_log_probabilities_leaves_the_rule_out(app: App, script: Script) -> None:
    await like(app, 8)
    await build(app)
    await finetune(app)
    script.log_probs = None
    job = await finetune(app)
    assert (verdict_of(job).best_texts, verdict_of(job).faults) == (None, [])
    assert "guess the texts that people liked best could not be compared here" in result_text(ENGLISH, job)


@pytest.fixture
async def paid(hosted: Settings, timing: Timing, script: Script) -> AsyncIterator[App]:
    script.trainings.quirks = QUIRKS["other"]
    async with open_app(hosted, timing) as opened:
        yield opened


async def test_a_provider_without_log_probabilities_is_not_asked(paid: App, script: Script) -> None:
    job = await trained_twice(paid, script, 8, -9.0)
    assert (verdict_of(job).best_texts, verdict_of(job).faults, script.scored) == (None, [], [])


async def test_a_first_model_is_compared_with_nothing(app: App, script: Script) -> None:
    await like(app, 8)
    await build(app)
    job = await finetune(app)
    assert (verdict_of(job).best_texts, script.scored) == (None, [])
    assert "liked best" not in result_text(ENGLISH, job)


async def test_an_interrupted_comparison_is_made_anew_and_no_text_is_written_twice(
    app: App, script: Script
) -> None:
    await like(app, 8)
    await build(app)
    await finetune(app)
    script.faults["POST /v1/chat/log_probs"] = [400]
    job = await finetune(app)
    assert "The check of Model 2 ended after 10 of 10 texts." in result_text(ENGLISH, job)
    assert (await app.registry.get(2)).state == "unchecked"

    script.scored.clear()
    assert (await app.finetunes.check(2, silent)).state == "candidate"
    checks = [body for body in script.asked if body["model"] == "ft:tiny:2" and body.get("seed", 2**31) < 100]
    assert len(checks) == 10
    assert len(script.scored) == 16
