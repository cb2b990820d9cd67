"""The whole loop, once, for real: the real bot, worker, engine and weights, through Discord's commands."""

from collections.abc import AsyncIterator

import pytest

from bot.app import App, open_app
from bot.processes import run_engine, run_worker
from bot.settings import ROOT, Settings
from bot.store import datasets, descriptions
from tests.conftest import HOME, Stage

TRIES = 8


@pytest.fixture
async def settings(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    plain = Settings(
        data_dir=tmp_path_factory.mktemp("var"),
        home_guilds=frozenset({HOME}),
        heroes_file=ROOT / "data" / "heroes.toml",
        cooldown=0,  # whoever does not like an answer asks again at once
    )
    async with run_engine(plain) as reachable, run_worker(reachable):
        yield reachable


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[App]:
    async with open_app(settings) as opened:
        yield opened


async def ordered(stage: Stage, app: App, command: str, **options: int) -> str:
    """Run an operator's command to its end, and return what was told then."""
    await (stage.build if command == "build-dataset" else stage.finetune)(**options)
    (job,) = await app.jobs.unnotified()
    await stage.until_told(app, job.id, seconds=400)
    return stage.channel.history()[-1].content


async def liked_description(stage: Stage, app: App) -> int:
    """Ask for the hero until two readers like an answer, as people do. Returns the description's id."""
    curation = app.heroes.curation
    for _ in range(TRIES):
        await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
        message = stage.channel.history()[-1]
        async with app.db.read() as tx:
            description = await descriptions.get_by_message(tx, message.id)
        assert description is not None
        assert description.tuned
        fault = curation.rejection_reason(description.hero, curation.trim(description.text))
        for reader in (stage.olga, stage.ben):
            await reader.react(message, "👎" if fault else "👍")
        if fault is None:
            return description.id
    raise AssertionError(f"none of {TRIES} answers kept the hero that was asked for")


@pytest.mark.real
@pytest.mark.timeout(900)
async def test_build_tune_hero_vote_and_the_next_dataset(stage: Stage, app: App) -> None:
    assert "Dataset v1 is ready" in await ordered(stage, app, "build-dataset", limit=24)
    assert "is trained and live" in await ordered(stage, app, "finetune", epochs=2)
    (model,) = await app.registry.all()
    assert model.metrics["loss_after"] < model.metrics["loss_before"]

    liked = await liked_description(stage, app)
    told = await ordered(stage, app, "build-dataset", limit=24)

    assert "Dataset v2 is ready" in told
    assert "0 answers written" in told
    async with app.db.read() as tx:
        items = await datasets.list_items(tx, 2)
    (item,) = [each for each in items if each.source == "description"]
    assert (item.source_id, item.prompt, item.split) == (liked, "40, woman, healing ->", "train")
