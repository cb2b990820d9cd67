"""The gate in a fine-tuning job: what each kind of model comes to, and what an interruption leaves."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from bot.app import App, Timing, open_app
from bot.errors import Busy, CheckBrokenOff, UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.first_dataset import FirstDataset
from bot.heroes.hero import Hero
from bot.heroes.unseen_heroes import unseen_heroes
from bot.i18n.message import ENGLISH
from bot.jobs.queue import WorkerTiming
from bot.presentation.jobs import result_text
from bot.registry.registry import NotPassed
from bot.settings import Settings
from bot.store import jobs, leases
from bot.store.database import Transaction
from bot.store.job_schema import Fault, FinetuneResult, FinetuneSpec
from bot.store.jobs import Job
from bot.store.schema import model_answer
from bot.tuning.follow import TrainingTiming
from tests.support.provider_quirks import QUIRKS
from tests.support.scripted_server import Script, Writer
from tests.support.workflows import build, finetune, silent
from tests.support.writers import of_one_taste, rarely_wrong, sound, tuned_on_24_texts

pytestmark = pytest.mark.settings(check_heroes=40)

HERO = Hero(40, "woman", "healing")


@pytest.fixture
def timing() -> Timing:
    return Timing(
        worker=WorkerTiming(heartbeat=0.05),
        training=TrainingTiming(poll=0.01, listed_within=0.0, start_pauses=(0,)),
    )


@pytest.fixture
async def paid(hosted: Settings, timing: Timing, script: Script) -> AsyncIterator[App]:
    """Return an installation at a paid provider that knows what its tuned models cost."""
    prices = hosted.prices_file
    prices.write_text(prices.read_text() + '[models."ft:tiny"]\ninput = 1000\noutput = 1000\n')
    script.trainings.quirks = QUIRKS["other"]
    async with open_app(hosted, timing) as opened:
        yield opened


def asked(script: Script, model: str) -> int:
    """Return how often a model was asked with the seed of a check."""
    return len(requests_of_checks(script, model))


def requests_of_checks(script: Script, model: str) -> list[dict[str, Any]]:
    """Return the requests of a model's checks: they count their seeds, others have large ones at random."""
    return [body for body in script.asked if body["model"] == model and body.get("seed", 2**31) < 100]


async def answers(app: App, model_id: int) -> int:
    query = select(func.count()).select_from(model_answer).where(model_answer.c.model_id == model_id)
    async with app.db.read() as tx:
        return int((await tx.execute(query)).scalar_one())


async def trained(app: App, script: Script, *writers: Writer) -> Job:
    """Train a model after the other, each of which writes in its own way. Return the last job."""
    await build(app)
    for number, writer in enumerate(writers, 1):
        script.writers[f"ft:tiny:{number}"] = writer
        job = await finetune(app)
        assert (job.state, job.error) == ("succeeded", None)
    return job


async def states(app: App) -> list[str]:
    return [model.state for model in await app.registry.all()]


async def test_a_sound_model_goes_live_once_its_forty_texts_are_read(app: App, script: Script) -> None:
    job = await trained(app, script, sound)
    assert await states(app) == ["live"]
    assert asked(script, "ft:tiny:1") == 40
    prompts = {app.heroes.prompts.tuning_prompt(hero) for hero in unseen_heroes(app.heroes.vocabulary, 40)}
    read = requests_of_checks(script, "ft:tiny:1")
    assert {body["messages"][0]["content"] for body in read} == prompts
    assert sum(", person, " in prompt for prompt in prompts) == 9  # of the grid's heroes about as many
    verdict = job.result_as(FinetuneResult).verdict
    assert verdict is not None
    assert (verdict.new.texts, verdict.new.fit, verdict.new.all_rules, verdict.faults) == (40, 40, 40, [])


async def test_a_model_tuned_on_24_texts_is_held_back_and_members_get_the_base(
    app: App, script: Script
) -> None:
    job = await trained(app, script, tuned_on_24_texts)
    assert await states(app) == ["held back"]
    described = await app.describer.describe(HERO, requester=1)
    assert (described.tuned, described.model) == (False, app.settings.author_model)
    with pytest.raises(UserError, match="No new model is on trial"):
        await app.duels.run(HERO, requester=1)
    assert (await app.about.now()).live is None

    verdict = job.result_as(FinetuneResult).verdict
    assert verdict is not None
    assert verdict.faults == ["fit"]
    assert verdict.new.fit == 13  # every third of the forty
    assert len(verdict.samples) == 2
    assert all(sample.reason and sample.text for sample in verdict.samples)
    text = result_text(ENGLISH, job)
    for part in (
        "Model 1 is trained, but held back",
        "of 40 texts about heroes that it had never seen, 32% are good enough to learn from",
        "fewer than half of its texts",
        "the base model goes on answering `/hero`",
        "`/build-dataset`",
        "`/models promote model:1`",
    ):
        assert part in text


async def test_a_good_model_after_one_that_was_held_back_goes_live(app: App, script: Script) -> None:
    await trained(app, script, tuned_on_24_texts, sound)
    assert await states(app) == ["held back", "live"]


async def test_a_generation_that_learnt_one_taste_is_held_back_and_goes_on_no_trial(
    app: App, script: Script
) -> None:
    job = await trained(app, script, sound, of_one_taste)
    assert await states(app) == ["live", "held back"]
    assert await app.trials.running() is None
    assert await app.registry.candidate_stages() == {}
    assert (await app.describer.describe(HERO, requester=1)).model == "ft:tiny:1"
    text = result_text(ENGLISH, job)
    assert "it writes worse than Model 1, so" in text
    assert "0% are good enough to learn from, against 100% by Model 1" in text
    assert "Model 1 goes on answering `/hero`" in text


@pytest.mark.parametrize(("every", "expected"), [(10, "candidate"), (8, "held back")])
async def test_one_text_decides_at_the_boundary(app: App, script: Script, every: int, expected: str) -> None:
    """Four wrong texts of forty lie a tenth below the live model, five more than that."""
    job = await trained(app, script, sound, rarely_wrong(every))
    assert await states(app) == ["live", expected]
    verdict = job.result_as(FinetuneResult).verdict
    assert verdict is not None
    assert verdict.new.fit == 40 - 40 // every


@pytest.mark.parametrize(
    ("loss", "faults"), [(0.80, []), (0.85, []), (0.86, ["loss above live"]), (2.0, ["loss above live"])]
)
async def test_the_loss_on_the_first_dataset_is_compared(
    app: App, script: Script, loss: float, faults: list[Fault]
) -> None:
    script.trainings.reference_losses = [(3.1, 0.70), (3.1, loss)]
    job = await trained(app, script, sound, sound)
    verdict = job.result_as(FinetuneResult).verdict
    assert verdict is not None
    assert verdict.faults == faults
    assert await states(app) == ["live", "held back" if faults else "candidate"]
    assert f"{loss:.2f}, against 0.70 by Model 1." in result_text(ENGLISH, job)
    reference = script.files[script.trainings.created[0]["reference_file"]].decode().splitlines()
    blocklist = Blocklist(app.settings.blocklist, app.heroes.vocabulary.powers)
    first = FirstDataset(app.settings.first_dataset, app.heroes, blocklist)
    assert [json.loads(line) for line in reference] == first.held_out_examples()


async def test_a_model_trained_further_tells_the_loss_of_the_one_that_it_came_from(
    app: App, script: Script
) -> None:
    await trained(app, script, sound)  # at a server that measured nothing
    script.trainings.reference_losses = [(0, 0), (0.7, 1.2)]
    script.writers["ft:tiny:2"] = sound
    job, _ = await app.finetunes.submit(base="ft:tiny:1")
    assert await app.worker.run_next()
    verdict = (await app.jobs.get(job.id)).result_as(FinetuneResult).verdict
    assert verdict is not None
    assert verdict.live is not None
    assert (verdict.live.loss, verdict.new.loss, verdict.faults) == (0.7, 1.2, ["loss above live"])


async def test_a_server_that_measures_no_loss_skips_that_rule_and_says_so(paid: App, script: Script) -> None:
    job = await trained(paid, script, sound, sound)
    assert await states(paid) == ["live", "candidate"]
    assert "could not be compared here" in result_text(ENGLISH, job)
    assert all("reference_file" not in body for body in script.trainings.created)


async def test_a_live_model_is_read_once_and_anew_where_its_texts_are_missing(
    app: App, script: Script
) -> None:
    await trained(app, script, sound, sound)
    assert asked(script, "ft:tiny:1") == 40
    async with app.db.write() as tx:  # as if model 1 were from before there was a check
        await tx.execute(delete(model_answer).where(model_answer.c.model_id == 1))
    _, estimate = await app.finetunes.plan()
    assert estimate.check.texts == 80
    script.writers["ft:tiny:3"] = sound
    assert (await finetune(app)).state == "succeeded"
    assert (asked(script, "ft:tiny:1"), asked(script, "ft:tiny:3")) == (80, 40)


async def test_an_operator_overrules_the_check_and_the_history_keeps_who(app: App, script: Script) -> None:
    await trained(app, script, sound, of_one_taste)
    with pytest.raises(NotPassed, match="Model 2 was held back"):
        await app.registry.promote(2, actor_id=7)
    assert await states(app) == ["live", "held back"]
    await app.registry.promote(2, actor_id=7, overrule=True)
    assert await states(app) == ["retired", "live"]
    events = (await app.registry.record(2)).events
    assert [(each.what, each.actor_id) for each in events] == [
        ("registered", None),
        ("held back", None),
        ("overruled", 7),
    ]
    before = await app.registry.roll_back()
    assert before is not None
    assert before.id == 1
    with pytest.raises(NotPassed):  # what it was overruled for once, it is not for good
        await app.registry.promote(2)


def failing_after(number: int, fail: Callable[[], None]) -> Writer:
    """Return a sound writer that calls `fail` with its n-th text."""
    written = 0

    def write(age: str, gender: str, power: str, seed: int) -> str:
        nonlocal written
        written += 1
        if written == number:
            fail()
        return sound(age, gender, power, seed)

    return write


async def test_a_server_that_fails_midway_leaves_an_unchecked_model_and_nothing_is_read_twice(
    app: App, script: Script
) -> None:
    def fail() -> None:
        script.unknown_models = {"ft:tiny:1"}

    job = await trained(app, script, failing_after(12, fail))
    assert await states(app) == ["unchecked"]
    text = result_text(ENGLISH, job)
    assert "The check of Model 1 ended after" in text
    assert "Go on with `/models check model:1`" in text
    assert not (await app.describer.describe(HERO, requester=1)).tuned
    with pytest.raises(CheckBrokenOff, match="No server here knows"):
        await app.finetunes.check(1, silent)

    script.unknown_models = set()
    kept = await answers(app, 1)
    before = asked(script, "ft:tiny:1")
    assert kept >= 12
    assert (await app.finetunes.check(1, silent)).state == "live"
    # fewer if an answer that was on its way came after the count
    assert asked(script, "ft:tiny:1") - before <= 40 - kept
    with pytest.raises(UserError, match="live already"):
        await app.finetunes.check(1, silent)


async def test_two_processes_do_not_pay_for_the_same_check(
    app: App, settings: Settings, timing: Timing, script: Script
) -> None:
    def fail() -> None:
        script.unknown_models = {"ft:tiny:1"}

    await trained(app, script, failing_after(12, fail))
    script.unknown_models = set()
    kept, before = await answers(app, 1), asked(script, "ft:tiny:1")
    async with open_app(settings, timing) as other:
        checks = (each.finetunes.check(1, silent) for each in (app, other, app))
        outcomes = await asyncio.gather(*checks, return_exceptions=True)
    assert sorted(str(each) for each in outcomes if isinstance(each, Busy)) == (
        ["Model 1 is being checked already."] * 2
    )
    assert await states(app) == ["live"]
    assert asked(script, "ft:tiny:1") - before <= 40 - kept  # as above
    async with app.db.read() as tx:
        assert await leases.list_valid(tx, "check") == []  # the next one need not wait


async def test_two_jobs_that_check_at_the_same_time_pay_for_the_live_models_texts_once(
    paid: App, timing: Timing, script: Script
) -> None:
    """Two providers train side by side, here two names of one server, and both models meet the live one."""
    script.delay = 0.02
    await trained(paid, script, sound)
    live, *_ = await paid.registry.all()
    async with paid.db.write() as tx:  # as if it were from before there was a check
        await tx.execute(delete(model_answer))
    before = asked(script, live.name)
    elsewhere = script.url.replace("127.0.0.1", "localhost")
    settings = paid.settings.model_copy(update={"openai_base_url": elsewhere, "jobs_at_once": 2})
    async with open_app(settings, timing) as other, open_app(paid.settings, timing) as again:
        await again.finetunes.submit(epochs=1)
        await other.finetunes.submit(epochs=1)
        assert all(await asyncio.gather(again.worker.run_next(), other.worker.run_next()))
    assert await states(paid) == ["live", "candidate", "candidate"]
    names = [model.name for model in await paid.registry.all()]
    assert [asked(script, name) for name in names] == [before + 40, 40, 40]
    async with paid.db.read() as tx:
        assert await leases.list_valid(tx, "texts") == []


async def test_a_reader_goes_on_where_one_that_was_cancelled_ended(app: App, script: Script) -> None:
    """It waits for what the other one has in flight, and asks for none of it."""
    await trained(app, script, sound)
    async with app.db.write() as tx:
        await tx.execute(delete(model_answer))
    before = asked(script, "ft:tiny:1")
    job, _ = await app.finetunes.submit(epochs=1)
    script.delay = 0.05
    script.writers["ft:tiny:1"] = calling_midway(lambda: app.jobs.pause(job.id))
    assert await app.worker.run_next()
    assert 0 < await answers(app, 1) < 40
    await app.jobs.resume(job.id)
    assert await app.worker.run_next()
    assert asked(script, "ft:tiny:1") - before == 40


@pytest.mark.parametrize("begins", [True, False])
async def test_a_check_says_that_texts_are_kept_only_if_there_are_some(
    app: App, script: Script, *, begins: bool
) -> None:
    def fail() -> None:
        script.unknown_models = {"ft:tiny:1"}

    if not begins:
        fail()
    text = result_text(ENGLISH, await trained(app, script, failing_after(1, fail)))
    assert (await answers(app, 1) > 0) == begins
    assert "The check of Model 1 ended after" in text
    assert "`/models check model:1`" in text
    assert ("what was checked so far is kept" in text) == begins


async def test_a_budget_used_up_midway_leaves_an_unchecked_model(
    paid: App, hosted: Settings, timing: Timing, script: Script
) -> None:
    """An answer costs about nine cents and is reserved at a quarter; the training costs ten dollars."""
    await build(paid)
    job, estimate = await paid.finetunes.submit(epochs=1)
    spent = await paid.budget.spent_by(1)
    assert estimate.check.texts == 40
    assert estimate.check.cost
    low = hosted.model_copy(update={"daily_budget": spent + 11.0})
    async with open_app(low, timing) as app:
        script.trainings.tells_tokens = True
        async with app.db.write() as tx:
            await _forget_check_cost(tx, job.id)
        assert await app.worker.run_next()
        done = await app.jobs.get(job.id)
        assert "budget of" in str(done.result_as(FinetuneResult).unchecked)
        assert await states(app) == ["unchecked"]
        kept = await answers(app, 1)
        assert 0 < kept < 40
    assert (await paid.finetunes.check(1, silent)).state == "live"
    assert asked(script, "ft:tiny:1") == 40


async def _forget_check_cost(tx: Transaction, job_id: int) -> None:
    """Let a job's start see no check ahead: its budget was larger when it was confirmed."""
    job = await jobs.get(tx, job_id)
    assert job is not None
    spec = job.spec_as(FinetuneSpec).model_copy(update={"check_cost": 0.0, "tokens": 1})
    await jobs.change(tx, job_id, spec=spec.to_json())


@pytest.mark.parametrize("key", ["azure", "nebius", "crusoe"])
async def test_a_model_that_must_be_deployed_is_checked_when_it_is(
    hosted: Settings, timing: Timing, script: Script, key: str
) -> None:
    script.trainings.quirks = QUIRKS[key]
    async with open_app(hosted.model_copy(update={"provider": key}), timing) as app:
        await build(app)
        job = await finetune(app)
        assert "its texts are checked" in result_text(ENGLISH, job)
        with pytest.raises(UserError, match="not deployed yet"):
            await app.finetunes.check(1, silent)
        deployed = await app.registry.set_served_name(1, "heroes-prod")
        assert deployed.state == "unchecked"
        assert not (await app.describer.describe(HERO, requester=1)).tuned
        assert (await app.finetunes.check(1, silent)).state == "live"
    assert asked(script, "heroes-prod") == 40


def calling_midway(act: Callable[[], Any]) -> Writer:
    """Return a sound writer that begins an action of an operator with its tenth text."""
    begun: list[Any] = []

    def write(age: str, gender: str, power: str, seed: int) -> str:
        begun.append(asyncio.ensure_future(act()) if len(begun) == 9 else None)
        return sound(age, gender, power, seed)

    return write


async def test_a_check_that_is_paused_midway_goes_on_where_it_was(app: App, script: Script) -> None:
    await build(app)
    script.delay = 0.1
    job, _ = await app.finetunes.submit(epochs=1)
    script.writers["ft:tiny:1"] = calling_midway(lambda: app.jobs.pause(job.id))
    assert await app.worker.run_next()
    paused = await app.jobs.get(job.id)
    assert paused.state == "paused"
    assert "its check goes on after Resume" in str(paused.phase)
    assert paused.total == 40
    assert await states(app) == ["unchecked"]
    with pytest.raises(Busy, match="still at work on Model 1"):
        await app.finetunes.check(1, silent)

    kept = await answers(app, 1)
    assert 0 < kept < 40
    await app.client.wait_for_bookings()
    assert await answers(app, 1) == kept == asked(script, "ft:tiny:1")  # calls in flight were awaited
    await app.jobs.resume(job.id)
    assert await app.worker.run_next()
    assert await states(app) == ["live"]
    assert asked(script, "ft:tiny:1") == 40


async def test_a_check_that_is_cancelled_midway_leaves_a_model_to_be_checked(
    app: App, script: Script
) -> None:
    await build(app)
    script.delay = 0.1
    job, _ = await app.finetunes.submit(epochs=1)
    script.writers["ft:tiny:1"] = calling_midway(lambda: app.jobs.cancel(job.id))
    while (await app.jobs.get(job.id)).state != "cancelled":
        assert await app.worker.run_next()
    cancelled = await app.jobs.get(job.id)
    text = result_text(ENGLISH, cancelled)
    assert "The training was cancelled." in text
    assert "Model 1 was trained already, and is kept" in text
    assert await states(app) == ["unchecked"]
    assert (await app.finetunes.check(1, silent)).state == "live"


async def test_a_model_is_compared_with_the_one_that_is_live_at_the_end(app: App, script: Script) -> None:
    """An operator lets another model serve while the check reads."""
    await trained(app, script, sound, rarely_wrong(3), sound)
    assert await states(app) == ["live", "held back", "candidate"]
    job, _ = await app.finetunes.submit(epochs=1)
    script.delay = 0.05
    script.writers["ft:tiny:4"] = calling_midway(lambda: app.registry.promote(2, overrule=True))
    assert await app.worker.run_next()
    verdict = (await app.jobs.get(job.id)).result_as(FinetuneResult).verdict
    assert verdict is not None
    assert verdict.live_id == 2
    assert verdict.live is not None
    assert verdict.live.fit == 26
    assert "it writes much better than the live model" in result_text(ENGLISH, await app.jobs.get(job.id))


@pytest.mark.settings(check_heroes=0)
async def test_without_a_check_every_first_model_goes_live(app: App, script: Script) -> None:
    job = await trained(app, script, tuned_on_24_texts)
    assert await states(app) == ["live"]
    assert asked(script, "ft:tiny:1") == 0
    assert job.result_as(FinetuneResult).verdict is None
    with pytest.raises(UserError, match="CHECK_HEROES is 0"):
        await app.finetunes.check(1, silent)
