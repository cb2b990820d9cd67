"""Freezing: what enters a dataset, on which side, and under which hash."""

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.app import App
from bot.dataset.versions.draft import Draft, Text
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP
from bot.store import datasets, descriptions
from bot.store.datasets import Item
from bot.store.descriptions import Description
from bot.store.job_schema import BuildResult
from bot.tuning.training_files import training_files
from tests.support.workflows import build

HEALER = Hero(40, "woman", "healing")


async def rate(app: App, hero: Hero, *thumbs: str) -> Description:
    """Describe a hero for one user and let others vote."""
    description = await app.describer.describe(hero, requester=1)
    for number, thumb in enumerate(thumbs):
        await app.votes.simulate(description.id, f"voter {number}", thumb)
    return description


async def sources(app: App, version: int) -> set[tuple[str, int]]:
    async with app.db.read() as tx:
        return {(item.source, item.source_id) for item in await datasets.list_items(tx, version)}


async def test_a_well_rated_description_enters_the_next_version(app: App) -> None:
    first = await build(app)
    liked = await rate(app, HEALER, UP, UP)

    second = await build(app)

    assert isinstance(first.result, BuildResult)
    assert isinstance(second.result, BuildResult)
    assert (first.result.dataset, second.result.dataset) == (1, 2)
    assert ("description", liked.id) not in await sources(app, 1)
    assert ("description", liked.id) in await sources(app, 2)
    assert second.result.counts["description"] == 1


async def test_what_is_hidden_since_does_not_train_and_may_again(app: App) -> None:
    await build(app)
    liked = await rate(app, HEALER, UP, UP)
    await build(app)
    async with app.db.read() as tx:
        learnt, _ = await datasets.count_learnt(tx, 2)

    async with app.db.write() as tx:
        await descriptions.remove(tx, liked.id, at=1.0)
    assert ("description", liked.id) not in await sources(app, 2)
    async with app.db.read() as tx:
        assert (await datasets.count_learnt(tx, 2))[0] == learnt - 1

    async with app.db.write() as tx:
        await descriptions.remove(tx, liked.id, at=None)
    assert ("description", liked.id) in await sources(app, 2)


async def test_what_few_or_dissatisfied_voters_saw_does_not_enter(app: App) -> None:
    await build(app)
    await rate(app, HEALER, UP)
    await rate(app, HEALER, UP, DOWN)
    await rate(app, HEALER, DOWN, DOWN)

    again = await build(app)

    assert isinstance(again.result, BuildResult)
    assert not again.result.new


async def test_a_power_outside_the_vocabulary_trains_nothing(app: App) -> None:
    await build(app)
    await rate(app, Hero(40, "woman", "juggling"), UP, UP, UP)

    again = await build(app)

    assert isinstance(again.result, BuildResult)
    assert not again.result.new


async def test_a_rated_description_trains_and_no_hero_is_on_both_sides(app: App) -> None:
    await build(app)
    grid = next(app.heroes.vocabulary.grid.heroes())
    liked = await rate(app, grid, UP, UP)
    await build(app, limit=40)

    async with app.db.read() as tx:
        items = await datasets.list_items(tx, 2)

    assert [item.split for item in items if item.source_id == liked.id and item.source == "description"] == [
        "train"
    ]
    sides = {split_: {i.prompt for i in items if i.split == split_} for split_ in ("train", "valid")}
    assert sides["train"] & sides["valid"] == set()
    assert len(sides["valid"]) == 4


def thirty(words: int = 12) -> list[tuple[str, list[Text]]]:
    """Thirty heroes of two texts each, none like another."""
    return [
        (
            f"{age}, man, flight ->",
            [
                Text(
                    " ".join(f"{name}{age}{turn}{number}" for number in range(words)),
                    "example",
                    age * 2 + turn,
                )
                for turn, name in enumerate(("one", "two"))
            ],
        )
        for age in range(20, 50)
    ]


def drafted(heroes: list[tuple[str, list[Text]]], keep: str = "") -> Draft:
    draft = Draft()
    for prompt, texts in heroes:
        draft.add(prompt, texts, keep_training=prompt == keep)
    return draft


@given(st.permutations(thirty()))
@settings(max_examples=25)
def test_the_order_of_arrival_changes_neither_split_nor_hash(
    heroes: list[tuple[str, list[Text]]],
) -> None:
    with drafted(thirty()) as once, drafted([(prompt, texts[::-1]) for prompt, texts in heroes]) as again:
        assert once.content_hash == again.content_hash
        assert sorted(once.items(), key=str) == sorted(again.items(), key=str)
        assert once.counts == {"train": 54, "valid": 6, "example": 60}
        sides = {side: {i.prompt for i in again.items() if i.split == side} for side in ("train", "valid")}
        assert not sides["train"] & sides["valid"]


def test_heroes_that_people_chose_are_never_held_out() -> None:
    with drafted(thirty()) as draft:
        (held_out, *_) = draft.held_out
    with drafted(thirty(), keep=held_out) as draft:
        assert held_out not in draft.held_out
        assert len(draft.held_out) == 3


def test_another_text_another_hero_or_another_side_is_another_hash() -> None:
    hashes = set()
    for change in (lambda heroes: heroes, _other_text, _other_hero, _one_less):
        with drafted(change(thirty())) as draft:
            hashes.add(draft.content_hash)
    assert len(hashes) == 4


def _other_text(heroes: list[tuple[str, list[Text]]]) -> list[tuple[str, list[Text]]]:
    return [("20, man, flight ->", [Text("something else", "example", 1)]), *heroes[1:]]


def _other_hero(heroes: list[tuple[str, list[Text]]]) -> list[tuple[str, list[Text]]]:
    return [("20, man, ice ->", heroes[0][1]), *heroes[1:]]


def _one_less(heroes: list[tuple[str, list[Text]]]) -> list[tuple[str, list[Text]]]:
    return heroes[1:]


def test_what_must_not_train_is_dropped_and_counted() -> None:
    text = "He lives above a bakery and rises before dawn to look at the river from the bridge of the mill"
    with Draft() as draft:
        draft.add(
            "20, man, flight ->",
            [
                Text(text, "example", 1),
                Text(text.upper() + "!", "example", 2),
                Text(text + " today", "example", 3),
                Text("  ", "example", 4),
                Text("word " * 2001, "example", 5),
            ],
        )
        draft.add("30, man, flight ->", [Text(text, "example", 6), Text(text + " today", "description", 7)])
        assert draft.dropped == {
            "the same as another": 2,
            "much like another": 1,
            "empty": 1,
            "over 10,000 characters": 1,
        }
        assert draft.near_duplicate_ids == {2, 3, 6}
        assert draft.counts["example"] == 1
        assert draft.lengths == {20: 1, 21: 1}


@given(st.text(min_size=1).filter(str.strip))
def test_training_files_keep_every_character(text: str) -> None:
    (file,) = training_files([Item("train", "40, man, flight ->", text, "example", 1)])
    line, end = file.content.decode().split("\n")
    assert json.loads(line)["messages"][1] == {"role": "assistant", "content": text}
    assert end == ""


@given(st.lists(st.text(min_size=1).filter(lambda text: re.search(r"\w", text)), max_size=5))
def test_a_draft_keeps_every_character(texts: list[str]) -> None:
    with Draft() as draft:
        for number, text in enumerate(texts):
            draft.add(f"{number}, man, flight ->", [Text(text, "example", number)])
        kept = {item.source_id: item.text for item in draft.items()}
    assert {number: texts[number] for number in kept} == kept
