"""Freezing: what enters a dataset, on which side, and under which hash."""

import json
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bot.app import App
from bot.dataset.freeze import content_hash, split, to_jsonl
from bot.hero import Hero
from bot.rating.votes import DOWN, UP
from bot.store import datasets
from bot.store.datasets import Item
from bot.store.descriptions import Description
from tests.loops import build

HEALER = Hero(40, "woman", "healing")


async def rate(app: App, hero: Hero, *thumbs: str) -> Description:
    """Describe a hero for one user and let others vote."""
    description = await app.describer.describe(hero, requester=1)
    for number, thumb in enumerate(thumbs):
        await app.votes.simulate(description.id, f"voter {number}", thumb)
    return description


async def sources(app: App, version: int) -> set[tuple[str, int]]:
    async with app.db.read() as tx:
        return {(item.source, item.source_id) for item in await datasets.items(tx, version)}


async def test_a_well_rated_description_enters_the_next_version(app: App) -> None:
    first = await build(app)
    liked = await rate(app, HEALER, UP, UP)

    second = await build(app)

    assert first.result is not None
    assert second.result is not None
    assert (first.result["dataset"], second.result["dataset"]) == (1, 2)
    assert ("description", liked.id) not in await sources(app, 1)
    assert ("description", liked.id) in await sources(app, 2)
    assert second.result["counts"]["description"] == 1


async def test_what_few_or_dissatisfied_voters_saw_does_not_enter(app: App) -> None:
    await build(app)
    await rate(app, HEALER, UP)
    await rate(app, HEALER, UP, DOWN)
    await rate(app, HEALER, DOWN, DOWN)

    again = await build(app)

    assert again.result is not None
    assert not again.result["new"]


async def test_a_power_outside_the_vocabulary_trains_nothing(app: App) -> None:
    await build(app)
    await rate(app, Hero(40, "woman", "juggling"), UP, UP, UP)

    again = await build(app)

    assert again.result is not None
    assert not again.result["new"]


async def test_a_rated_description_trains_and_no_hero_is_on_both_sides(app: App) -> None:
    await build(app)
    grid = next(app.heroes.vocabulary.grid.heroes())
    liked = await rate(app, grid, UP, UP)
    await build(app, limit=40)

    async with app.db.read() as tx:
        items = await datasets.items(tx, 2)

    assert [item.split for item in items if item.source_id == liked.id and item.source == "description"] == [
        "train"
    ]
    sides = {split_: {i.prompt for i in items if i.split == split_} for split_ in ("train", "valid")}
    assert sides["train"] & sides["valid"] == set()
    assert len(sides["valid"]) == 4


items_of_one_word = st.lists(
    st.builds(
        Item,
        split=st.just("train"),
        prompt=st.sampled_from([f"{n}, man, flight ->" for n in range(20, 60)]),
        text=st.text(min_size=1, max_size=8),
        source=st.just("example"),
        source_id=st.integers(0, 1000),
    ),
    max_size=40,
)


@given(items_of_one_word, st.randoms())
def test_the_order_of_arrival_changes_neither_split_nor_hash(items: list[Item], chance: Random) -> None:
    shuffled = items.copy()
    chance.shuffle(shuffled)
    once, again = split(items, keep_training=set()), split(shuffled, keep_training=set())
    assert content_hash(once) == content_hash(again)
    assert {(i.prompt, i.split) for i in once} == {(i.prompt, i.split) for i in again}
    sides = {i.prompt for i in once if i.split == "valid"} & {i.prompt for i in once if i.split == "train"}
    assert sides == set()


def test_another_text_is_another_hash() -> None:
    one = Item("train", "40, man, flight ->", "He flies.", "example", 1)
    other = Item("train", "40, man, flight ->", "He soars.", "example", 1)
    assert content_hash([one]) != content_hash([other])
    assert content_hash([one]) != content_hash([one, one])


@given(st.text(min_size=1))
def test_jsonl_keeps_every_character(text: str) -> None:
    line, end = to_jsonl([Item("train", "40, man, flight ->", text, "example", 1)]).split("\n")
    assert json.loads(line)["messages"][1] == {"role": "assistant", "content": text}
    assert end == ""
