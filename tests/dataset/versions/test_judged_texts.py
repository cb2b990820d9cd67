"""Judged texts: what people liked and what they voted down becomes a dataset for lone thumbs."""

import gettext
import json
from pathlib import Path

import pytest

from bot.app import App, Timing, open_app
from bot.dataset.browsing.texts import TextFilter
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.judged_texts import ThumbCounts
from bot.errors import UserError
from bot.i18n.message import Translator
from bot.presentation.builds import thumbs_text
from bot.presentation.datasets import dataset_composition, dataset_status_text
from bot.presentation.finetune import finetune_plan_text
from bot.rating.votes import DOWN, UP
from bot.settings import Settings
from bot.store import datasets
from bot.store.job_schema import FinetuneSpec
from bot.store.schema import description
from bot.tuning.follow import TrainingTiming
from bot.tuning.training_files import training_files
from tests.dataset.versions.test_preference_pairs import heroes, items, rated
from tests.support.scripted_server import Script

ENGLISH = Translator("en", gettext.NullTranslations())


async def liked_and_voted_down(app: App, liked: int, voted_down: int) -> tuple[list[int], list[int]]:
    """Have texts rated, one a hero. Return the ids of both kinds."""
    chosen = heroes(app, liked + voted_down)
    return (
        [(await rated(app, hero, UP)).id for hero in chosen[:liked]],
        [(await rated(app, hero, DOWN)).id for hero in chosen[liked:]],
    )


async def test_both_kinds_are_frozen_with_their_labels(app: App) -> None:
    """No hero needs two texts, unlike for pairs."""
    liked, voted_down = await liked_and_voted_down(app, 9, 5)
    found = await app.judged_texts.freeze()
    dataset = found.frozen.dataset
    assert (dataset.kind, found.counts) == ("thumbs", ThumbCounts(9, 5))
    assert dataset.counts == {"train": 13, "valid": 1, "description": 14}
    stored = await items(app, dataset.id)
    assert {item.source_id for item in stored if item.is_wanted} == set(liked)
    assert {item.source_id for item in stored if not item.is_wanted} == set(voted_down)

    files = training_files(stored, "kto")
    lines = [json.loads(line) for file in files for line in file.content.decode().splitlines()]
    assert [line["label"] for line in lines].count(False) == 5
    async with app.db.read() as tx:
        shown = {
            " ".join(row.text.split())
            for row in await tx.execute(description.select().where(description.c.id.in_(voted_down)))
        }
    assert {line["messages"][-1]["content"] for line in lines if not line["label"]} == shown
    assert all([turn["role"] for turn in line["messages"]] == ["user", "assistant"] for line in lines)

    again = await app.judged_texts.freeze()
    assert (again.frozen.new, again.frozen.dataset.id) == (False, dataset.id)
    text = thumbs_text(ENGLISH, found)
    assert "13 texts to learn from, 1 kept aside" in text
    assert "people liked 9 and voted 5 down" in text
    assert "/finetune method:kto" in text
    assert list(map(ENGLISH, dataset_composition(dataset))) == ["9 texts that people liked", "5 voted down"]
    status = dataset_status_text(ENGLISH, await app.dataset_statuses.status())
    assert "9 texts that people liked, 5 voted down" in status
    page = await app.dataset_texts.page(dataset.id, TextFilter())
    assert {bool(each.text) for each in page.texts} <= {True, False}
    assert all(each.text or each.worse for each in page.texts)


async def test_a_kind_that_is_missing_is_named(app: App) -> None:
    with pytest.raises(UserError, match="No text is liked well enough yet"):
        await app.judged_texts.freeze()
    await liked_and_voted_down(app, 12, 0)
    with pytest.raises(UserError, match="No text is voted down yet"):
        await app.judged_texts.freeze()


async def test_too_few_are_refused(app: App) -> None:
    await liked_and_voted_down(app, 3, 2)
    with pytest.raises(UserError, match=r"Too few texts that people liked or voted down: 4 .* beside 1 kept"):
        await app.judged_texts.freeze()


async def test_the_only_text_of_a_kind_always_trains(app: App) -> None:
    _, [only] = await liked_and_voted_down(app, 19, 1)
    found = await app.judged_texts.freeze()
    [text] = [item for item in await items(app, found.frozen.dataset.id) if not item.is_wanted]
    assert (text.source_id, text.split) == (only, "train")


async def test_a_hidden_text_leaves_it(app: App) -> None:
    _, voted_down = await liked_and_voted_down(app, 9, 5)
    found = await app.judged_texts.freeze()
    async with app.db.write() as tx:
        hidden = description.update().where(description.c.id == voted_down[0]).values(removed_at=1.0)
        await tx.execute(hidden)
    assert len(await items(app, found.frozen.dataset.id)) == 13
    async with app.db.write() as tx:
        ids = description.select().with_only_columns(description.c.id)
        await datasets.redact(tx, ids.where(description.c.id == voted_down[1]))
    left = await items(app, found.frozen.dataset.id)
    assert {item.source_id for item in left if not item.is_wanted} == set(voted_down[2:])


async def test_files_and_other_methods_do_not_take_it(app: App, tmp_path: Path) -> None:
    await liked_and_voted_down(app, 9, 5)
    version = (await app.judged_texts.freeze()).frozen.dataset.id
    with pytest.raises(UserError, match="also holds texts that people voted down"):
        await app.transfer.export(version, tmp_path / "a.csv", "csv")
    for method in ("supervised", "dpo"):
        with pytest.raises(UserError, match="train on it with the method kto"):
            await app.finetunes.plan(dataset=version, method=method)


@pytest.fixture
def timing() -> Timing:
    return Timing(training=TrainingTiming(poll=0.01, listed_within=0.0, start_pauses=(0,)))


async def test_the_engine_is_asked_for_kto_and_others_are_not(
    hosted: Settings, timing: Timing, script: Script
) -> None:
    async with open_app(hosted, timing) as app:
        await liked_and_voted_down(app, 9, 5)
        version = (await app.judged_texts.freeze()).frozen.dataset.id
        with pytest.raises(UserError, match=r"Only the embedded engine trains on single texts .*\(kto\)"):
            await app.finetunes.plan(dataset=version)
    async with open_app(hosted.model_copy(update={"provider": "engine"}), timing) as app:
        job, estimate = await app.finetunes.submit(method="kto", epochs=1)
        assert job.spec_as(FinetuneSpec).method == "kto"
        plan = finetune_plan_text(ENGLISH, estimate, None)
        assert f"on the thumbs of dataset v{version} (KTO)" in plan
        assert "13 texts that people liked or voted down to learn from, 1 kept aside" in plan
        assert estimate.tokens > 13 * 10
        assert await app.worker.run_next()
        done = await app.jobs.get(job.id)
        assert (done.state, done.error) == ("succeeded", None)
    [created] = script.trainings.created
    assert created["method"]["type"] == "kto"
    labels = [
        json.loads(line).get("label")
        for _, content in script.trainings.uploads[:2]
        for line in content.decode().splitlines()
    ]
    assert sorted(labels) == [False] * 5 + [True] * 9


async def test_a_dataset_of_thumbs_is_needed_first(app: App) -> None:
    with pytest.raises(UserError, match="There is no dataset of texts that were liked or voted down yet"):
        await app.finetunes.plan(method="kto")


def test_a_lone_voted_down_text_counts_by_its_own_words() -> None:
    lone = TrainingText("", "description", 7, "She flies.", 7)
    assert not lone.is_empty
    assert TrainingText("", "description", 7, " ", 7).is_empty
    assert TrainingText(" ", "description", 7, "She flies.", 8).is_empty
    assert TrainingText("", "description", 7).is_empty
    with Draft() as draft:
        draft.add("40, woman, flight ->", [TrainingText("She flies.", "description", 6), lone])
        assert sum(draft.dropped.values()) == 1  # the same words cannot be liked and voted down
        draft.add("41, woman, flight ->", [TrainingText("", "description", 8, "She walks far.", 8)])
        assert [item.is_wanted for item in draft.items()] == [True, False]
        assert draft.lengths == {2: 1, 3: 1}
