"""Builds with ranked texts: a taste is learnt and served, and a build without enough votes loses nothing."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from bot.app import App, open_app
from bot.errors import OverBudget
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP
from bot.settings import Settings
from bot.store import datasets, descriptions
from bot.store.datasets import Item
from bot.store.job_schema import BuildResult, BuildSource, RankedSummary
from bot.store.schema import ranked_text, text_log_prob, vote
from tests.support.scripted_server import Script, describe
from tests.support.workflows import build, finetune, run_job

pytestmark = pytest.mark.settings(check_heroes=0)

RATED = 60
LIMIT = 40


def chatty(age: str, gender: str, power: str, number: int) -> str:
    """Write half of the texts with somebody speaking, which the people of these tests like."""
    text = describe(age, gender, power, number)
    if number % 2:
        return text.replace("is there before the kettle boils.", 'says "Come in, sit down, eat with us!"')
    return text


async def with_live_model(app: App, script: Script) -> str:
    """Build, and tune a model, which is live at once; return its name."""
    await build(app, LIMIT)
    await finetune(app)
    live = await app.registry.live()
    assert live
    script.writers[live.name] = chatty
    return live.name


async def rate(app: App, number: int = RATED, *, liked: str = "says", fair: bool = True) -> None:
    """Have people vote on texts of so many heroes, by taste, or without."""
    grid = app.heroes.vocabulary.grid
    heroes = [hero for repeat in range(3) for hero in grid.heroes(repeat)]
    for at in range(number):
        described = await app.describer.describe(heroes[at * 3], requester=1)
        likes = liked in described.text if fair else at % 4 < 2
        for voter in range(2):
            await app.votes.simulate(described.id, f"voter {at} {voter}", UP if likes else DOWN)


async def ranked_build(app: App, limit: int | None = LIMIT, source: BuildSource = "model") -> BuildResult:
    job = await run_job(app, app.planner.spec(source, ranked=True, limit=limit))
    assert job.state == "succeeded", job.error
    return job.result_as(BuildResult)


async def items(app: App, version: int) -> list[Item]:
    async with app.db.read() as tx:
        return await datasets.list_items(tx, version)


def street_of(text: str) -> str:
    """Return the number in a text, which no other text has."""
    return text.split("street ")[1].split(",")[0]


async def count_ranked(app: App) -> int:
    async with app.db.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(ranked_text))).scalar_one())


def asked(script: Script, model: str) -> int:
    """Return how many texts a model was asked to write for the ranker."""
    return sum(
        body["model"] == model and body.get("service_tier") == "flex" for body in script.asked
    )


async def test_the_best_of_eight_join_and_are_at_most_a_third(
    app: App, script: Script, tmp_path: Path
) -> None:
    model = await with_live_model(app, script)
    await rate(app)
    before = len(await items(app, 1))

    result = await ranked_build(app)

    assert isinstance(result.ranked, RankedSummary)
    assert result.ranked.refused is None
    assert result.ranked.auc is not None
    assert result.ranked.auc > 0.9
    assert result.ranked.rated == RATED
    assert result.ranked.has_log_prob
    found = await items(app, result.dataset)
    ranked = [item for item in found if item.source == "ranked"]
    others = [item for item in found if item.source != "ranked"]
    assert before <= len(others)
    assert 10 <= len(ranked) == result.ranked.added == result.counts["ranked"] <= len(others) // 2
    assert all("says" in item.text for item in ranked)  # half of what was written does
    assert {item.split for item in ranked} == {"train"}
    assert max(Counter(item.prompt for item in ranked).values()) == 1
    assert {item.prompt for item in ranked} <= {item.prompt for item in others if item.split == "train"}
    assert result.ranked.written == 8 * result.ranked.heroes == asked(script, model)
    async with app.db.read() as tx:
        dataset = await datasets.get(tx, result.dataset)
    assert dataset
    assert dataset.recipe["ranked"]["added"] == len(ranked)
    file = tmp_path / "ranked.csv"
    await app.transfer.export(result.dataset, file, "csv", overwrite=False)
    assert file.read_text().count(",ranked\n") == len(ranked)


async def test_the_held_out_texts_are_the_same_with_and_without(app: App, script: Script) -> None:
    await with_live_model(app, script)
    await rate(app)
    without = await items(app, (await build(app, LIMIT)).result_as(BuildResult).dataset)
    beside = await items(app, (await ranked_build(app)).dataset)
    assert {item for item in beside if item.source != "ranked"} == set(without)


async def test_nothing_is_written_twice(app: App, script: Script) -> None:
    model = await with_live_model(app, script)
    await rate(app)
    first = await ranked_build(app)
    number = asked(script, model)
    second = await ranked_build(app)
    assert asked(script, model) == number
    assert (second.dataset, second.new) == (first.dataset, False)


async def test_a_build_that_was_cut_off_goes_on_with_what_was_written(app: App, script: Script) -> None:
    model = await with_live_model(app, script)
    await rate(app)
    job, _ = await app.builds.submit(app.planner.spec(ranked=True, limit=LIMIT))
    script.delay = 0.02
    running = asyncio.create_task(app.worker.run_next())
    async with asyncio.timeout(60):
        while not await count_ranked(app):
            await asyncio.wait({running}, timeout=0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await app.client.wait_for_bookings()
    script.delay = 0.0
    assert 0 < await count_ranked(app) < 8 * 10

    async with open_app(app.settings) as again:
        async with asyncio.timeout(60):
            while (await again.jobs.get(job.id)).state != "succeeded":
                await again.worker.run_next()
        result = (await again.jobs.get(job.id)).result_as(BuildResult)

    assert result.ranked
    assert await count_ranked(app) == result.ranked.written == asked(script, model)


@pytest.mark.parametrize("votes", [0, 3])
async def test_with_few_votes_the_build_goes_on_without(app: App, script: Script, votes: int) -> None:
    model = await with_live_model(app, script)
    await rate(app, votes)
    job, estimate = await app.builds.plan(app.planner.spec(ranked=True, limit=LIMIT))
    assert estimate.ranked
    assert f"there are {votes}, of {votes} heroes" in str(estimate.ranked.refusal)
    await app.jobs.cancel(job.id)

    result = await ranked_build(app)

    assert result.ranked
    assert f"there are {votes}, of {votes} heroes" in str(result.ranked.refused)
    assert result.ranked.added == 0
    assert "ranked" not in result.counts
    liked = result.counts.get("description", 0)
    assert (result.dataset, result.new) == ((2, True) if liked else (1, False))
    assert asked(script, model) == 0


async def test_random_votes_are_not_learnt(app: App, script: Script) -> None:
    model = await with_live_model(app, script)
    await rate(app, fair=False)
    result = await ranked_build(app)
    assert result.ranked
    assert "AUC" in str(result.ranked.refused)
    assert result.ranked.auc is not None
    assert "ranked" not in result.counts
    assert asked(script, model) == 0


async def test_without_a_live_model_the_build_goes_on_without(app: App) -> None:
    result = await ranked_build(app)
    assert result.ranked
    assert "No tuned model is live" in str(result.ranked.refused)
    assert result.new


async def test_texts_with_faults_are_not_taken(app: App, script: Script) -> None:
    model = await with_live_model(app, script)
    await rate(app)
    script.writers[model] = lambda age, gender, power, number: chatty(str(int(age) + 1), gender, power, number)
    result = await ranked_build(app)
    assert result.ranked
    assert result.ranked.written > 0
    assert (result.ranked.fit, result.ranked.added) == (0, 0)
    assert "ranked" not in result.counts


@pytest.mark.settings(check_heroes=0, moderate=True)
async def test_what_moderation_flags_gives_way_to_the_next_best(app: App, script: Script) -> None:
    await with_live_model(app, script)
    await rate(app)
    script.flagged = {"Come in"}
    result = await ranked_build(app)
    ranked = [item for item in await items(app, result.dataset) if item.source == "ranked"]
    assert ranked
    assert not any("Come in" in item.text for item in ranked)


async def test_the_models_log_probability_is_a_feature(app: App, script: Script) -> None:
    """People like what the model finds likely, which no count of words tells."""
    model = await with_live_model(app, script)
    script.writers[model] = lambda age, gender, power, number: describe(age, gender, power, number)

    def log_prob(word: str) -> float:
        number = word.strip(",.")
        return -40.0 if number.isdigit() and int(number) % 2 else -1.0

    script.log_prob = log_prob
    heroes = [hero for repeat in range(3) for hero in app.heroes.vocabulary.grid.heroes(repeat)]
    for at in range(RATED):
        described = await app.describer.describe(heroes[at * 3], requester=1)
        street = int(street_of(described.text))
        for voter in range(2):
            await app.votes.simulate(described.id, f"voter {at} {voter}", DOWN if street % 2 else UP)

    preview = await app.builds.plan(app.planner.spec(ranked=True, limit=LIMIT))
    assert preview[1].ranked
    assert preview[1].ranked.refusal  # by counts alone
    await app.jobs.cancel(preview[0].id)
    result = await ranked_build(app)

    assert result.ranked
    assert result.ranked.has_log_prob
    assert result.ranked.refused is None, str(result.ranked.refused)
    streets = [
        int(street_of(item.text)) for item in await items(app, result.dataset) if item.source == "ranked"
    ]
    assert len(streets) > 20
    assert sum(street % 2 for street in streets) <= 0.1 * len(streets)  # a hero may have unlikely texts alone
    async with app.db.read() as tx:
        stored = (await tx.execute(select(func.count()).select_from(text_log_prob))).scalar_one()
    assert stored >= RATED


async def test_what_the_live_model_has_learnt_does_not_tell_what_people_like(
    app: App, script: Script
) -> None:
    """It learns what people like, and finds that likely: votes thrown by a coin would seem to be a taste."""
    model = await with_live_model(app, script)
    script.writers[model] = describe
    await rate(app, fair=False)
    liked = (await build(app, LIMIT)).result_as(BuildResult).dataset
    await finetune(app)
    await app.registry.promote(2)
    learnt = {street_of(item.text) for item in await items(app, liked) if item.source == "description"}
    script.log_prob = lambda word: -1.0 if word.strip(",.") in learnt else -4.0

    result = await ranked_build(app)

    assert len(learnt) >= 15
    assert result.ranked
    assert "AUC" in str(result.ranked.refused)


async def test_the_votes_of_one_person_are_no_taste_of_people(app: App, script: Script) -> None:
    model = await with_live_model(app, script)
    heroes = [hero for repeat in range(3) for hero in app.heroes.vocabulary.grid.heroes(repeat)]
    for hero in heroes[: RATED * 2 : 2]:
        described = await app.describer.describe(hero, requester=1)
        await app.votes.simulate(described.id, "only voter", UP if "says" in described.text else DOWN)
    result = await ranked_build(app)
    assert result.ranked
    assert "of one person" in str(result.ranked.refused)
    assert "ranked" not in result.counts
    assert asked(script, model) == 0


async def test_deleted_votes_and_descriptions_take_no_ranked_text_away(app: App, script: Script) -> None:
    await with_live_model(app, script)
    await rate(app)
    result = await ranked_build(app)
    async with app.db.write() as tx:
        await tx.execute(delete(vote))
        await datasets.redact(tx, descriptions.removed_ids())
    found = await items(app, result.dataset)
    assert sum(item.source == "ranked" for item in found) == result.counts["ranked"]


async def test_the_shipped_texts_may_be_joined_too(app: App, script: Script) -> None:
    await with_live_model(app, script)
    await rate(app)
    result = await ranked_build(app, None, "shipped")
    assert result.ranked
    assert result.ranked.refused is None
    assert 0 < result.counts["ranked"] <= sum(
        number for name, number in result.counts.items() if name in ("herosmith-build", "hand-written", "description")
    ) // 2


@pytest.mark.settings(check_heroes=0, ranked_heroes=3)
async def test_a_setting_bounds_how_many_heroes_are_written(app: App, script: Script) -> None:
    model = await with_live_model(app, script)
    await rate(app)
    job, estimate = await app.builds.plan(app.planner.spec(ranked=True, limit=LIMIT))
    assert estimate.ranked
    assert (estimate.ranked.heroes, estimate.ranked.missing) == (3, 24)
    await app.jobs.cancel(job.id)
    result = await ranked_build(app)
    assert asked(script, model) == 24
    assert result.counts["ranked"] == 3


async def test_a_budget_needs_the_price_of_the_live_model(hosted: Settings, script: Script) -> None:
    async with open_app(hosted) as app:
        await with_live_model(app, script)
        await rate(app)
        with pytest.raises(OverBudget, match="price of ft"):
            await app.builds.plan(app.planner.spec(ranked=True, limit=LIMIT, budget=1.0))


def test_heroes_are_those_of_the_build(app: App) -> None:
    spec = app.planner.spec(ranked=True, limit=LIMIT, repeats=2)
    heroes = list(app.planner.heroes(spec))
    assert len(heroes) == len(set(heroes)) == LIMIT
    assert Hero(40, "woman", "healing").power in app.heroes.vocabulary.powers
