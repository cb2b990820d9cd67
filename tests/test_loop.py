"""The whole loop once, through Discord's commands, with the real bot, worker, engine and weights."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import App, open_app
from bot.heroes import curation
from bot.processes import run_engine, run_worker
from bot.settings import ROOT, Settings
from bot.store import datasets, descriptions
from tests.conftest import HOME, Stage
from tests.support.databases import Databases

MAX_DESCRIPTIONS = 8


@pytest.fixture
def heroes_file(tmp_path: Path) -> Path:
    """Return a heroes file by which any text may train: nobody knows what a model of 14 texts writes."""
    rules = ", ".join(f'"{rule}"' for rule in curation.RULES)
    text = (ROOT / "data" / "heroes.toml").read_text()
    for shipped, widened in (
        ("shortest = 60", "shortest = 1"),
        ("longest = 110", "longest = 500"),
        ("left_out = []", f"left_out = [{rules}]"),
    ):
        assert shipped in text
        text = text.replace(shipped, widened, 1)
    path = tmp_path / "heroes.toml"
    path.write_text(text)
    return path


@pytest.fixture
async def settings(
    heroes_file: Path, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Settings]:
    data_dir = tmp_path_factory.mktemp("var")
    without_engine = Settings(
        data_dir=data_dir,
        database_url=databases.new(data_dir),
        home_guilds=frozenset({HOME}),
        heroes_file=heroes_file,
        engine_runtime="auto",  # as most people run it
        cooldown=0,  # the next description is asked for at once
        check_heroes=0,  # a model of so few texts is to serve, however it writes
    )
    async with run_engine(without_engine) as reachable, run_worker(reachable):
        yield reachable


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    async with open_app(settings) as opened:
        yield opened


async def run_job(stage: Stage, app: App, command: str, **options: int) -> str:
    """Run an operator's command to its end, and return the announcement."""
    await (stage.build if command == "build-dataset" else stage.finetune)(**options)
    (job,) = await app.jobs.unnotified()
    await stage.until_notified(app, job.id, seconds=1000)  # a training gives way to the tests beside it
    return stage.channel.history()[-1].content


async def liked_description(stage: Stage, app: App) -> int:
    """Ask for the hero until two people like an answer. Return the description's id."""
    for _ in range(MAX_DESCRIPTIONS):
        await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
        message = stage.channel.history()[-1]
        async with app.db.read() as tx:
            description = await descriptions.get_by_message(tx, message.id)
        assert description is not None
        assert description.tuned
        reason = app.heroes.curation.rejection_reason(
            description.hero, app.heroes.curation.trim(description.text)
        )
        for voter in (stage.olga, stage.ben):
            await voter.react(message, "👎" if reason else "👍")
        if reason is None:
            return description.id
    raise AssertionError(f"none of {MAX_DESCRIPTIONS} answers kept the hero that was asked for")


@pytest.mark.real
@pytest.mark.timeout(1300)
async def test_build_finetune_hero_vote_and_build_again(stage: Stage, app: App) -> None:
    assert "Dataset v1 is ready" in await run_job(stage, app, "build-dataset", limit=14)
    assert "is trained and live" in await run_job(stage, app, "finetune", epochs=2)
    (model,) = await app.registry.all()
    assert model.metrics["loss_after"] < model.metrics["loss_before"]

    liked = await liked_description(stage, app)
    announcement = await run_job(stage, app, "build-dataset", limit=14)

    assert "Dataset v2 is ready" in announcement
    assert "0 answers written" in announcement
    async with app.db.read() as tx:
        items = await datasets.list_items(tx, 2)
    (item,) = [item for item in items if item.source == "description"]
    assert (item.source_id, item.prompt, item.split) == (liked, "40, woman, healing ->", "train")
