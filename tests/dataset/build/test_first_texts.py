"""Builds of the first dataset: what they take in, what stays, and what is never trained on."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.app import App, open_app
from bot.dataset.files.transfer import Transfer
from bot.errors import UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.first_dataset import FirstDataset, FirstText
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP
from bot.settings import Settings
from bot.store import datasets
from bot.store.datasets import Item
from bot.store.job_schema import BuildResult, BuildSource, Changes
from bot.store.jobs import Job
from bot.store.schema import description, imported
from bot.tuning.training_files import training_files
from tests.support.first_dataset import FAULTS, SOUND, write_lines
from tests.support.scripted_server import Script
from tests.support.workflows import build, run_job


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings with every third line of the shipped file: the whole takes a second longer."""
    lines = settings.first_dataset.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "first_dataset.jsonl"
    path.write_text("\n".join(lines[::3]), encoding="utf-8")
    return settings.model_copy(update={"first_dataset": path})


async def build_from(app: App, source: BuildSource) -> BuildResult:
    limit = None if source == "shipped" else 16
    job = await run_job(app, app.planner.spec(source, limit=limit))
    return job.result_as(BuildResult)


async def items(app: App, version: int) -> list[Item]:
    async with app.db.read() as tx:
        return await datasets.list_items(tx, version)


def shipped(settings: Settings, app: App) -> list[FirstText]:
    blocklist = Blocklist(settings.blocklist, ())
    return FirstDataset(settings.first_dataset, app.heroes, blocklist).read()


async def test_a_dataset_is_made_of_what_is_shipped_without_a_call(
    settings: Settings, app: App, script: Script
) -> None:
    result = await build_from(app, "shipped")

    texts = shipped(settings, app)
    assert script.asked == []
    assert (result.dataset, result.new, result.asked, result.cost) == (1, True, 0, 0)
    prompt = app.heroes.prompts.tuning_prompt
    assert {(item.prompt, item.text, item.source, item.split) for item in await items(app, 1)} == {
        (prompt(text.hero), text.text, text.origin, "valid" if text.held_out else "train") for text in texts
    }
    names = [name for text in texts for name in ("valid" if text.held_out else "train", text.origin)]
    assert result.counts == Counter[str](names)
    assert result.dropped == {}


async def test_the_held_out_file_of_a_training_has_the_examples_for_every_installation(
    settings: Settings, app: App
) -> None:
    await build_from(app, "shipped")
    (valid,) = (file for file in training_files(await items(app, 1)) if file.part == "valid")
    blocklist = Blocklist(settings.blocklist, app.heroes.vocabulary.powers)
    examples = FirstDataset(settings.first_dataset, app.heroes, blocklist).held_out_examples()
    lines = [json.loads(line) for line in valid.content.decode().splitlines()]
    assert sorted(lines, key=str) == sorted(examples, key=str)


async def test_a_second_time_adds_nothing(app: App) -> None:
    await build_from(app, "shipped")
    async with app.db.read() as tx:
        before = (await tx.execute(select(func.count()).select_from(imported))).scalar_one()

    again = await build_from(app, "shipped")

    assert (again.dataset, again.new, again.changes) == (1, False, None)
    async with app.db.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(imported))).scalar_one() == before


async def test_what_people_liked_joins_and_leaves_the_rest_as_it_was(app: App) -> None:
    await build_from(app, "shipped")
    liked = await rate(app, Hero(41, "woman", "healing"), UP, UP)

    second = await build_from(app, "shipped")

    assert second.changes == Changes(since=1, added={"description": 1}, gone={})
    assert [
        item.split for item in await items(app, 2) if item.source_id == liked and item.source == "description"
    ] == ["train"]


async def test_a_text_that_measures_models_never_trains(settings: Settings, app: App) -> None:
    """Not even if people like another text of its hero, which then trains."""
    texts = shipped(settings, app)
    held_out = next(text for text in texts if text.held_out)
    await app.powers.add(held_out.hero.power)  # or no description of it trains
    liked = await rate(app, held_out.hero, UP, UP)

    result = await build_from(app, "shipped")

    prompt = app.heroes.prompts.tuning_prompt(held_out.hero)
    (item,) = [item for item in await items(app, 1) if item.prompt == prompt]
    assert (item.source, item.source_id, item.split) == ("description", liked, "train")
    assert result.dropped == {
        "kept aside to test the model, because people liked another text of the same hero": 1
    }


async def test_a_shipped_text_like_what_was_voted_down_goes(settings: Settings, app: App) -> None:
    text = next(text for text in shipped(settings, app) if app.heroes.vocabulary.trains(text.hero))
    disliked = await rate(app, text.hero, DOWN, DOWN)
    async with app.db.write() as tx:
        same = description.update().where(description.c.id == disliked)
        await tx.execute(same.values(text=text.text.replace(" the ", " that ", 1)))

    result = await build_from(app, "shipped")

    assert result.dropped == {"too much like a text that people voted down": 1}
    assert text.text not in {item.text for item in await items(app, 1)}


async def test_a_later_build_writes_anew_and_keeps_what_was_written_by_hand(
    settings: Settings, app: App, script: Script
) -> None:
    await build_from(app, "shipped")
    hand_written = Counter(text.origin for text in shipped(settings, app))["hand-written"]

    second = await build_from(app, "model")

    assert len(script.asked) >= 16
    assert second.counts["hand-written"] == hand_written
    assert second.counts["example"] == 16
    assert "herosmith-build" not in second.counts
    assert second.changes is not None
    assert set(second.changes.gone) == {"herosmith-build"}
    sides = {
        split: {i.prompt for i in await items(app, 2) if i.split == split} for split in ("train", "valid")
    }
    assert not sides["train"] & sides["valid"]
    held_out = {text.text for text in shipped(settings, app) if text.held_out}
    assert not held_out & {item.text for item in await items(app, 2) if item.split == "train"}

    third = await build_from(app, "model-only")
    assert set(third.counts) == {"train", "valid", "example"}
    fourth = await build_from(app, "model")  # as the build before it
    assert (fourth.dataset, fourth.new) == (third.dataset, False)
    assert (await build_from(app, "shipped")).dataset == 1


async def test_a_build_without_the_shipped_texts_never_gets_any(app: App) -> None:
    for _ in range(2):
        assert set((await build_from(app, "model")).counts) == {"train", "valid", "example"}


async def test_an_import_between_two_builds_changes_nothing_about_them(app: App, tmp_path: Path) -> None:
    await build_from(app, "shipped")
    rows = [f"{age},woman,juggling,She juggles {age} balls." for age in range(20, 40)]
    (tmp_path / "own.csv").write_text("\n".join(["age,gender,power,response_txt", *rows]))
    assert (await app.transfer.import_file(tmp_path / "own.csv")).dataset.id == 2

    third = await build_from(app, "model")

    assert third.counts["hand-written"] > 10
    assert third.changes is not None
    assert third.changes.gone == {"import": 20}


async def test_examples_of_a_held_out_hero_are_held_out_with_it(settings: Settings, tmp_path: Path) -> None:
    async with open_app(settings) as app:
        heroes = list(app.heroes.vocabulary.grid.heroes())
    lines = [
        json.dumps({**SOUND, **hero.as_dict(), "text": f"By hand {at}."}) for at, hero in enumerate(heroes)
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    async with open_app(settings.model_copy(update={"first_dataset": tmp_path / "mine.jsonl"})) as app:
        await build_from(app, "shipped")
        await run_job(app, app.planner.spec(repeats=1))
        both = await items(app, 2)
    assert {item.source for item in both} == {"example", "hand-written"}
    held_out = {item.prompt for item in both if item.source == "hand-written" and item.split == "valid"}
    assert held_out == {item.prompt for item in both if item.source == "example" and item.split == "valid"}


@pytest.mark.parametrize("number", [0, 5, 7, 11, 12, 15, 17, 18])
async def test_of_a_file_with_a_mistake_nothing_is_taken(
    settings: Settings, tmp_path: Path, number: int
) -> None:
    line, _ = FAULTS[number]
    edited = settings.model_copy(update={"first_dataset": write_lines(tmp_path / "mine.jsonl", line)})
    async with open_app(edited) as app:
        with pytest.raises(UserError, match=r"mine.jsonl has a mistake(.|\n)*- Line 2: "):
            await app.builds.plan(app.planner.spec("shipped"))
        assert await app.jobs.recent() == []
        assert await nothing_stored(app)


async def test_a_file_that_is_broken_after_the_plan_fails_the_job(settings: Settings, tmp_path: Path) -> None:
    lines = [json.dumps({**SOUND, "age": age, "text": f"Text {age}."}) for age in range(20, 40)]
    path = write_lines(tmp_path / "mine.jsonl", *lines)
    async with open_app(settings.model_copy(update={"first_dataset": path})) as app:
        job, estimate = await app.builds.submit(app.planner.spec("shipped"))
        assert estimate.first_texts == {"hand-written": 21}
        write_lines(path, *lines[:10], "{")
        assert await app.worker.run_next()
        failed: Job = await app.jobs.get(job.id)
        assert failed.state == "failed"
        assert "- Line 12: It is not a JSON object." in str(failed.error)
        assert await nothing_stored(app)


async def test_a_file_of_too_few_texts_is_refused(settings: Settings, tmp_path: Path) -> None:
    edited = settings.model_copy(update={"first_dataset": write_lines(tmp_path / "mine.jsonl")})
    async with open_app(edited) as app:
        job = await run_job(app, app.planner.spec("shipped"))
    assert job.state == "failed"
    assert "Usable texts in mine.jsonl: 1" in str(job.error)


async def test_a_broken_file_does_not_matter_to_a_build_without_it(
    settings: Settings, tmp_path: Path
) -> None:
    edited = settings.model_copy(update={"first_dataset": tmp_path / "none.jsonl"})
    async with open_app(edited) as app:
        assert (await build(app)).result_as(BuildResult).new


@pytest.mark.parametrize(
    "option", [{"limit": 20}, {"repeats": 1}, {"model": "x"}, {"budget": 1.0}, {"batch": False}]
)
def test_options_of_a_model_are_refused(app: App, option: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"no model writes. Leave out {next(iter(option))}"):
        app.planner.spec("shipped", **option)


@pytest.mark.settings(daily_budget=1.0)
async def test_a_days_budget_is_no_obstacle(app: App) -> None:
    assert (await build_from(app, "shipped")).new


async def test_an_export_says_who_wrote_each_text(app: App, tmp_path: Path) -> None:
    await build_from(app, "shipped")
    transfer: Transfer = app.transfer
    _, written = await transfer.export(1, tmp_path / "all.csv", "csv")
    await transfer.export(1, tmp_path / "hub", "huggingface")

    header, *rows = (tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()
    assert header.endswith("split,source")
    assert Counter(row.rsplit(",", 1)[1] for row in rows) == Counter(
        item.source for item in await items(app, 1)
    )
    assert written == len(rows)
    assert "`hand-written`" in (tmp_path / "hub" / "README.md").read_text()


async def nothing_stored(app: App) -> bool:
    async with app.db.read() as tx:
        rows = (await tx.execute(select(func.count()).select_from(imported))).scalar_one()
        return rows == 0 and await datasets.get_latest(tx) is None


async def rate(app: App, hero: Hero, *thumbs: str) -> int:
    """Describe a hero for one user and let others vote. Return the description's id."""
    described = await app.describer.describe(hero, requester=1)
    for number, thumb in enumerate(thumbs):
        await app.votes.simulate(described.id, f"voter {number}", thumb)
    return described.id
