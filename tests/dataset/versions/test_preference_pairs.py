"""Preference pairs: duels and opposite verdicts become a dataset for preference tuning."""

import json
import time
from itertools import islice
from pathlib import Path

import pytest

from bot.app import App
from bot.dataset.versions.preference_pairs import MAX_DUELS_PER_VOTER, MAX_PICKS_PER_VOTER
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.i18n.message import ENGLISH
from bot.presentation.builds import pairs_text
from bot.rating.duels import Pairing
from bot.rating.votes import DOWN, UP
from bot.serving.takes import SAME_OPENING
from bot.store import datasets, duels
from bot.store.datasets import Item
from bot.store.descriptions import Description
from bot.store.duels import Result
from bot.store.job_schema import FinetuneSpec
from bot.store.picks import Preference
from bot.store.schema import description
from bot.tuning.training_files import training_files
from tests.support.duels import choice_for, two_models
from tests.support.scripted_server import Script, describe

_YOUNG = (int(time.time() * 1000) - 1_420_070_400_000) << 22  # the Discord id of an account made now


def heroes(app: App, number: int) -> list[Hero]:
    return list(islice(app.heroes.vocabulary.grid.heroes(), number))


async def rated(app: App, hero: Hero, thumb: str, voters: int = 2) -> Description:
    described = await app.describer.describe(hero, requester=1)
    for number in range(voters):
        await app.votes.simulate(described.id, f"voter {number}", thumb)
    return described


async def opposed(app: App, number: int) -> list[tuple[int, int]]:
    """Rate a liked and a disliked text of so many heroes. Return the pairs of ids."""
    return [
        ((await rated(app, hero, UP)).id, (await rated(app, hero, DOWN)).id) for hero in heroes(app, number)
    ]


async def items(app: App, version: int) -> list[Item]:
    async with app.db.read() as tx:
        return await datasets.list_items(tx, version)


@pytest.fixture
async def on_trial(app: App) -> None:
    await two_models(app)


async def duel(app: App, hero: Hero, **picks: Result) -> tuple[int, int]:
    """Let voters pick in a duel. Return the ids of the live and the candidate description."""
    held = await app.duels.run(hero, requester=1)
    assert isinstance(held, Pairing)
    for name, result in picks.items():
        voter = _YOUNG if name == "young" else name
        await app.duels.vote(held.id, voter, await choice_for(app, held.id, result))
    async with app.db.read() as tx:
        shown = await duels.get(tx, held.id)
    assert shown
    return shown.live_description_id, shown.candidate_description_id


async def test_opposite_verdicts_on_one_hero_make_a_pair(app: App) -> None:
    ids = await opposed(app, 12)
    await rated(app, heroes(app, 13)[-1], UP)  # no disliked text to pair it with

    paired = await app.pairs.freeze()

    assert paired.by_origin == {"verdicts": 12}
    assert paired.frozen.dataset.kind == "preference"
    assert paired.frozen.dataset.counts == {"train": 11, "valid": 1, "description": 12}
    found = await items(app, paired.frozen.dataset.id)
    assert {(item.source_id, item.rejected_id) for item in found} == set(ids)
    train, _ = training_files(found)
    pair = json.loads(train.content.decode().split("\n")[0])
    assert pair["preferred_output"] != pair["non_preferred_output"]
    assert pair["preferred_output"][0]["content"] == found[0].text or found[0].split == "valid"
    again = await app.pairs.freeze()
    assert (again.frozen.new, again.frozen.dataset.id) == (False, paired.frozen.dataset.id)


async def test_too_few_pairs_are_refused(app: App) -> None:
    await opposed(app, 3)
    with pytest.raises(UserError, match=r"Too few usable pairs: 2 .* beside 1 kept aside.*come from duels"):
        await app.pairs.freeze()


@pytest.mark.usefixtures("on_trial")
async def test_decided_duels_make_pairs(app: App) -> None:
    won = [await duel(app, hero, ana="candidate") for hero in heroes(app, 12)]
    await duel(app, heroes(app, 13)[-1], ana="live", ben="candidate")
    await duel(app, heroes(app, 13)[-1], ana="tie")
    await duel(app, heroes(app, 13)[-1], young="live")
    split = await duel(app, heroes(app, 14)[-1], ana="live", ben="live", cara="candidate")

    paired = await app.pairs.freeze()

    assert paired.by_origin == {"duels": 13}
    assert paired.dropped["from undecided duels"] == 1
    found = {(item.source_id, item.rejected_id) for item in await items(app, paired.frozen.dataset.id)}
    assert found == {(candidate, live) for live, candidate in won} | {split}
    job, forecast = await app.finetunes.plan(method="dpo")
    assert (job.spec_as(FinetuneSpec).dataset, forecast.dataset.kind) == (
        paired.frozen.dataset.id,
        "preference",
    )


async def another_take(
    app: App, script: Script, parent: Description, **preferences: Preference
) -> tuple[int, int]:
    """Write a take, and let people say which text they like better. Return the ids of take and parent."""
    hero = parent.hero
    whole = describe(str(hero.age), hero.gender, hero.power, 30 + parent.id % 10)
    script.texts = [whole.partition(".")[2]]  # the take begins as its parent does
    described = await app.describer.describe(
        parent.hero, requester=2, take=app.takes.plan(parent, SAME_OPENING)
    )
    for name, prefers in preferences.items():
        await app.picks.pick(described.id, _YOUNG if name == "young" else name, prefers)
    return described.id, parent.id


@pytest.mark.usefixtures("on_trial")
async def test_decided_takes_make_pairs_and_no_promotion(app: App, script: Script) -> None:
    parents = [await app.describer.describe(hero, requester=1) for hero in heroes(app, 15)]
    liked = [await another_take(app, script, parent, ana="take") for parent in parents[:11]]
    take, parent = await another_take(app, script, parents[11], ana="parent", ben="parent", cara="take")
    await another_take(app, script, parents[12], ana="take", ben="parent")
    await another_take(app, script, parents[13], young="take")
    hidden, _ = await another_take(app, script, parents[14], ana="take")
    async with app.db.write() as tx:
        await tx.execute(description.update().where(description.c.id == hidden).values(removed_at=1.0))
    trial = await app.trials.running()
    assert trial

    paired = await app.pairs.freeze()

    assert paired.by_origin == {"takes": 12}
    assert paired.dropped["from undecided takes"] == 1
    found = {(item.source_id, item.rejected_id) for item in await items(app, paired.frozen.dataset.id)}
    assert found == {*liked, (parent, take)}
    assert "The pairs: 12 from takes." in pairs_text(ENGLISH, paired)
    async with app.db.read() as tx:
        tally = await duels.get_tally(tx, trial.id)
    assert (tally.votes, tally.wins, tally.losses) == (0, 0, 0)
    assert await app.trials.running() == trial


@pytest.mark.usefixtures("on_trial")
async def test_the_picks_of_one_voter_are_limited(app: App, script: Script) -> None:
    for hero in heroes(app, MAX_PICKS_PER_VOTER + 3):
        await another_take(app, script, await app.describer.describe(hero, requester=1), ana="take")
    assert (await app.pairs.freeze()).by_origin == {"takes": MAX_PICKS_PER_VOTER}


@pytest.mark.usefixtures("on_trial")
async def test_the_duels_of_one_voter_are_limited(app: App) -> None:
    for hero in heroes(app, MAX_DUELS_PER_VOTER + 5):
        await duel(app, hero, ana="candidate")
    paired = await app.pairs.freeze()
    assert paired.by_origin == {"duels": MAX_DUELS_PER_VOTER}


@pytest.mark.usefixtures("on_trial")
async def test_contradicted_and_removed_texts_make_no_pair(app: App) -> None:
    for hero in heroes(app, 12):
        await duel(app, hero, ana="candidate")
    live, candidate = await duel(app, heroes(app, 13)[-1], ana="candidate")
    for voter in ("one", "two"):  # who vote the opposite way
        await app.votes.simulate(live, voter, UP)
        await app.votes.simulate(candidate, voter, DOWN)
    removed, _ = await duel(app, heroes(app, 14)[-1], ana="candidate")
    async with app.db.write() as tx:
        update = description.update().where(description.c.id == removed)
        await tx.execute(update.values(removed_at=1.0))

    paired = await app.pairs.freeze()

    assert paired.by_origin == {"duels": 12}
    assert paired.dropped["contradicted by other votes"] == 2


async def test_pairs_cannot_be_exported_as_single_texts(app: App, tmp_path: Path) -> None:
    await opposed(app, 12)
    paired = await app.pairs.freeze()
    with pytest.raises(UserError, match="holds pairs"):
        await app.transfer.export(paired.frozen.dataset.id, tmp_path / "a.csv", "csv")
