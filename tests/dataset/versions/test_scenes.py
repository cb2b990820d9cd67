"""Scenes of stories in datasets, once an operator has allowed them."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.app import App, open_app
from bot.i18n.message import ENGLISH
from bot.presentation.builds import build_result_text
from bot.presentation.datasets import dataset_status_text
from bot.settings import Settings
from bot.store import datasets
from bot.store.datasets import Item
from bot.store.descriptions import Description
from bot.store.job_schema import BuildResult
from bot.store.schema import dataset_item, description
from bot.tuning.training_files import training_files
from tests.store.test_kinds import liked
from tests.support.scripted_server import Script
from tests.support.workflows import run_job

_WRITTEN = " mends the rope of the bell. The town hears it at noon. A dog barks."


async def told_on(app: App, script: Script, asker: int | str) -> tuple[Description, Description]:
    """Return a hero that somebody asked for, and a scene after it that somebody else did, which is liked."""
    hero = await app.describer.describe(app.hero_parser.parse("40 woman healing"), requester=asker)
    script.texts = [_WRITTEN]
    async with app.stories.going_on(hero.id) as told:
        scene = await app.stories.tell(told, requester="somebody else")
    await liked(app, scene)
    return hero, scene


async def build_shipped(app: App) -> BuildResult:
    return (await run_job(app, app.planner.spec("shipped"))).result_as(BuildResult)


async def scenes_in(app: App, version: int) -> list[Item]:
    async with app.db.read() as tx:
        return [item for item in await datasets.list_items(tx, version) if item.source == "scene"]


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(train_scenes=True, draws=1)
async def test_a_liked_scene_trains_as_the_live_model_is_asked_for_it(
    app: App, script: Script, tmp_path: Path
) -> None:
    _, scene = await told_on(app, script, "somebody")
    asked = script.asked[-1]["messages"]

    status = dataset_status_text(ENGLISH, await app.dataset_statuses.status())
    result = await build_shipped(app)

    assert "1 scene of a story would enter as well." in status
    text = build_result_text(ENGLISH, result)
    assert "1 scene that people liked" in text
    assert "1 scene of a story was liked well enough" in text
    assert (result.counts["scene"], result.votes.scenes, result.votes.liked) == (1, 1, 0)
    (item,) = await scenes_in(app, result.dataset)
    assert (item.split, item.source_id, item.prompt) == ("train", scene.id, "40, woman, healing ->")
    assert (item.chat, item.text) == (asked, _WRITTEN)
    begun = asked[-1]["content"]
    (line,) = lines([item])
    assert line["messages"] == [
        asked[0],
        {"role": "assistant", "content": begun + _WRITTEN, "begun": begun},
    ]
    assert lines([item], continues=False) == []  # no other server learns a part of a turn
    assert (await build_shipped(app)).new is False
    path = tmp_path / "dataset.jsonl"
    _, written = await app.transfer.export(result.dataset, path, "jsonl")
    assert written == result.counts["train"] + result.counts["valid"] - 1
    assert "mends the rope" not in path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(train_scenes=True, draws=1)
async def test_what_quotes_a_deleted_text_is_redacted_with_it(app: App, script: Script) -> None:
    hero, scene = await told_on(app, script, 1)
    result = await build_shipped(app)
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == hero.id).values(removed_at=1.0))

    assert await scenes_in(app, result.dataset) == []  # hidden: it trains no more
    assert sum((await app.trainable_scenes.admit()).unfit.values()) == 1
    assert not await app.trainable_scenes.is_fit(scene.id)
    await app.privacy.delete(1)

    async with app.db.read() as tx:
        frozen = await datasets.get(tx, result.dataset)
        rows = (await tx.execute(select(dataset_item).where(dataset_item.c.source == "scene"))).all()
    assert frozen is not None
    assert (frozen.rebuild, frozen.counts["scene"]) == (True, 0)
    assert [(row.deleted, row.chat, row.text, row.prompt) for row in rows] == [(True, None, "", "")]


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(train_scenes=True, draws=1)
async def test_a_scene_with_a_fault_or_another_beginning_does_not_train(app: App, script: Script) -> None:
    _, scene = await told_on(app, script, 1)
    for text in (f"Elsewhere, Robin{_WRITTEN}", scene.text.replace("A dog barks.", "She is 19 years old.")):
        async with app.db.write() as tx:
            await tx.execute(update(description).where(description.c.id == scene.id).values(text=text))
        admitted = await app.trainable_scenes.admit()
        assert (admitted.number, sum(admitted.unfit.values())) == (0, 1)


@pytest.mark.usefixtures("two_models")
@pytest.mark.settings(draws=1)
async def test_without_the_setting_no_scene_trains(app: App, script: Script) -> None:
    _, scene = await told_on(app, script, 1)
    result = await build_shipped(app)
    assert "scene" not in result.counts
    assert "scene" not in dataset_status_text(ENGLISH, await app.dataset_statuses.status())
    assert not await app.trainable_scenes.is_fit(scene.id)


async def test_at_a_hosted_model_the_story_is_read_and_not_learned(hosted: Settings, script: Script) -> None:
    async with open_app(hosted.model_copy(update={"train_scenes": True})) as app:
        await told_on(app, script, 1)
        asked = script.asked[-1]["messages"]
        admitted = await app.trainable_scenes.admit()
    ((prompt, (text,)),) = admitted.texts.items()
    assert text.chat is not None
    assert text.chat[1:] == asked[1:]
    (line,) = lines([Item("train", prompt, *text)], continues=False)
    assert [turn.get("weight") for turn in line["messages"]] == [None, 0, None, None]
    assert line["messages"][0]["content"] == "40, woman, healing ->"
    assert line["messages"][-1]["content"] == _WRITTEN.strip()


def lines(items: list[Item], *, continues: bool = True) -> list[Any]:
    files = training_files(items, continues=continues)
    return [json.loads(line) for file in files for line in file.content.decode().splitlines()]
