"""/build-dataset and /dataset status: what votes admit, shown in Discord."""

import pytest

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.heroes.hero import Hero
from bot.leases import LEADER, Leases, LeaseTiming
from bot.rating.votes import DOWN, UP
from bot.settings import Settings
from bot.store import datasets, notifications
from bot.store.descriptions import Description
from bot.store.job_schema import BuildResult, Changes
from bot.store.notifications import Notification
from bot.store.schema import description
from tests.conftest import Stage
from tests.support.eventually import eventually
from tests.support.workflows import build, finetune

HEALER = Hero(40, "woman", "healing")
FLYER = Hero(52, "man", "flight")


async def rate(app: App, hero: Hero, *thumbs: str) -> Description:
    described = await app.describer.describe(hero, requester=1)
    for number, thumb in enumerate(thumbs):
        await app.votes.simulate(described.id, f"voter {number}", thumb)
    return described


async def status(stage: Stage, **tried: float) -> str:
    result = await stage.olga.slash(stage.channel, "dataset status", **tried)
    assert result.response is not None
    return result.response.content


async def built(stage: Stage, app: App) -> str:
    """Build through Discord; what the end says."""
    await stage.build(limit=16)
    (job,) = await app.jobs.unnotified()
    await stage.until_notified(app, job.id)
    return stage.channel.history()[-1].content


@pytest.mark.usefixtures("running_worker")
async def test_the_end_of_a_build_tells_what_came_from_where_and_what_changed(stage: Stage, app: App) -> None:
    assert "Since" not in await built(stage, app)
    liked = await rate(app, HEALER, UP, UP)
    await rate(app, FLYER, DOWN, DOWN)
    await rate(app, Hero(40, "woman", "juggling"), UP, UP)

    content = await built(stage, app)

    assert "16 texts written here by the model, 1 text that people liked." in content
    assert (
        "Descriptions with votes: 1 liked well enough to be taken in, 1 voted down; "
        "liked, but not fit to learn from" in content
    )
    assert "1 of a power outside the vocabulary" in content
    assert "Added since v1: 1 text that people liked. Gone: nothing." in content
    async with app.db.write() as tx:
        await tx.execute(description.update().where(description.c.id == liked.id).values(removed_at=1.0))
    back = await built(stage, app)
    assert "Added since v2: nothing. Gone: 1 text that people liked." in back
    assert "`/finetune dataset:1`" in back


async def test_an_example_like_what_was_voted_down_goes(app: App) -> None:
    await build(app)
    async with app.db.read() as tx:
        (first, *_) = [item for item in await datasets.list_items(tx, 1) if item.split == "train"]
    hero = app.heroes.vocabulary.parse(first.prompt)
    disliked = await rate(app, hero, DOWN, DOWN)
    async with app.db.write() as tx:
        same = description.update().where(description.c.id == disliked.id)
        await tx.execute(same.values(text=first.text.replace(" the ", " that ", 1)))

    again = await build(app)

    assert isinstance(again.result, BuildResult)
    assert again.result.dropped == {"too much like a text that people voted down": 1}
    assert again.result.changes == Changes(since=1, added={}, gone={"example": 1})


async def test_status_tells_what_would_enter_and_tries_other_thresholds(stage: Stage, app: App) -> None:
    empty = await status(stage)
    assert "none yet. `/build-dataset source:shipped` makes one in seconds." in empty
    assert "none yet. `/build-dataset kind:preference` makes one of votes" in empty
    await rate(app, HEALER, UP, UP)
    await rate(app, HEALER, UP, UP, DOWN)
    await rate(app, HEALER, UP)
    await rate(app, HEALER, DOWN, DOWN)

    content = await status(stage)

    assert "8 on 4 descriptions, 8 of them counted." in content
    assert "at least 2 voters and, with 80% confidence, more than 50% of votes in favour" in content
    assert "1 description would enter the next dataset; 1 voted down." in content
    assert rows(content) == [["1", "1", "1", "0"], ["2", "1", "*1", "0"], ["3", "0", "0", "0"]]
    tried = await status(stage, **{"min-voters": 1, "above": 0.3})
    assert "1 description would enter the next dataset" in tried  # what is set stays
    assert "**Tried:** at least 1 voter and, with 80% confidence, more than 30% of votes in favour." in tried
    assert rows(tried) == [["1", "3", "*3", "1"], ["2", "2", "2", "1"]]
    await stage.olga.slash(stage.channel, "dataset status", above=1.5)
    assert "must be between 0 and 1" in stage.refusal()


def rows(content: str) -> list[list[str]]:
    """Return the cells of the table."""
    table = content.split("```")[1].strip().split("\n")
    return [line.split() for line in table[1:]]


async def test_status_tells_how_many_are_in_the_newest_dataset_already(stage: Stage, app: App) -> None:
    await rate(app, HEALER, UP, UP)
    await build(app)
    assert "1 description would enter the next dataset (in v1 already: 1); 0 voted down." in await status(
        stage
    )
    await rate(app, HEALER, UP, UP)
    assert "2 descriptions would enter the next dataset (in v1 already: 1); 0 voted down." in await status(
        stage
    )


async def test_status_counts_what_does_not_count(stage: Stage) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    message = stage.channel.history()[-1]
    await stage.ana.react(message, UP)
    await stage.ben.react(message, UP)
    content = await status(stage)
    assert "2 on 1 description, 1 of them counted." in content
    assert "1 by the person who asked for the description" in content


async def test_changed_thresholds_are_announced_to_the_admins_once(
    settings: Settings, app: App, stage: Stage
) -> None:
    await rate(app, HEALER, UP, UP)
    await rate(app, FLYER, UP, UP, UP, UP, UP)
    await build(app)
    for min_voters, expected in ((2, 0), (5, 1), (5, 1)):
        async with open_app(settings.model_copy(update={"min_voters": min_voters})) as later:
            await stage.env.restart_bot(HeroBot(later))
            await stage.env.settle()
            async with later.db.read() as tx:
                waiting = await notifications.list_pending(tx)
        assert len(waiting) == expected
    assert "changed since v1" in str(waiting[0].text)
    assert "1 description would enter the next dataset; by the old rule, 2." in str(waiting[0].text)


async def test_changed_thresholds_are_announced_by_a_process_that_leads_later(
    settings: Settings, app: App, stage: Stage
) -> None:
    """One with the thresholds of before leads when this one starts."""
    await rate(app, HEALER, UP, UP)
    await rate(app, FLYER, UP, UP, UP, UP, UP)
    await build(app)
    before = Leases(app.db, LeaseTiming(lasts=3600, prolong=3600))
    await before.seize(LEADER)
    changed = settings.model_copy(update={"min_voters": 5})
    async with open_app(changed, Timing(leases=LeaseTiming(lasts=3600))) as later:
        await stage.env.restart_bot(HeroBot(later))
        await stage.env.settle()

        async def waiting() -> list[Notification]:
            async with later.db.read() as tx:
                return await notifications.list_pending(tx)

        assert await waiting() == []
        await before.release()
        await eventually(waiting, what="it is announced")


async def test_pairs_are_built_by_their_kind(stage: Stage, app: App) -> None:
    await stage.olga.slash(stage.channel, "build-dataset", kind="preference", limit=20)
    assert "leave the other options out" in stage.refusal()
    await stage.olga.slash(stage.channel, "build-dataset", kind="preference")
    assert "Too few usable pairs: 0 to learn from" in stage.refusal()
    for hero in list(app.heroes.vocabulary.grid.heroes())[:12]:
        await rate(app, hero, UP, UP)
        await rate(app, hero, DOWN, DOWN)
    result = await stage.olga.slash(stage.channel, "build-dataset", kind="preference")
    assert result.response is not None
    assert (
        "Dataset v1 is ready: 11 pairs to learn from, 1 kept aside to test the model."
        in result.response.content
    )
    assert "12 from thumbs" in result.response.content
    assert "11 pairs to learn from" in await status(stage)


async def test_thumbs_are_frozen_by_their_kind(stage: Stage, app: App) -> None:
    await stage.olga.slash(stage.channel, "build-dataset", kind="thumbs", limit=20)
    assert "leave the other options out" in stage.refusal()
    await stage.olga.slash(stage.channel, "build-dataset", kind="thumbs")
    assert "No text is liked well enough yet" in stage.refusal()
    for number, hero in enumerate(list(app.heroes.vocabulary.grid.heroes())[:12]):
        await rate(app, hero, *([UP, UP] if number % 2 else [DOWN, DOWN]))
    result = await stage.olga.slash(stage.channel, "build-dataset", kind="thumbs")
    assert result.response is not None
    assert "Dataset v1 is ready: 11 texts to learn from, 1 kept aside" in result.response.content
    assert "people liked 6 and voted 6 down" in result.response.content
    assert "6 texts that people liked, 6 voted down" in await status(stage)


@pytest.mark.settings(check_heroes=0)
async def test_a_ranker_with_three_votes_is_refused_in_a_sentence_and_the_build_goes_on(
    stage: Stage, app: App
) -> None:
    await build(app, 16)
    await finetune(app)
    for hero in (HEALER, FLYER, Hero(30, "woman", "flight")):
        await rate(app, hero, UP)
    await stage.olga.slash(stage.channel, "build-dataset", ranked=True, limit=16)
    plan = stage.channel.history()[-1]
    assert "No ranked texts." in plan.content
    assert "there are 3, of 3 heroes, 3 with more 👍 and 0 with more 👎" in plan.content
    assert "Written already: 16. Still to write: 0." in plan.content

    await stage.olga.click(plan, label="Confirm")
    assert await app.worker.run_next()

    (job,) = await app.jobs.unnotified()
    await stage.until_notified(app, job.id)
    assert "No ranked texts. " in stage.channel.history()[-1].content.replace("*", "")
    assert job.result_as(BuildResult).dataset == 1


async def test_pairs_have_no_ranked_texts(stage: Stage) -> None:
    await stage.olga.slash(stage.channel, "build-dataset", kind="preference", ranked=True)
    assert "leave the other options out" in stage.refusal()
