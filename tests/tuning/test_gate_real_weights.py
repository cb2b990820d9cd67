"""The gate with real weights: a good first model goes live, two bad ones do not. A release waits for it."""

import csv
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import App, open_app
from bot.processes import run_engine
from bot.settings import ROOT, Settings
from bot.store.job_schema import FinetuneResult
from bot.store.jobs import Job
from tests.support.databases import Databases
from tests.support.workflows import build, run_job
from tests.support.writers import of_one_taste

pytestmark = [pytest.mark.release, pytest.mark.real, pytest.mark.timeout(3600)]


@pytest.fixture
async def app(tmp_path: Path, databases: Databases) -> AsyncIterator[App]:
    without_engine = Settings(
        data_dir=tmp_path,
        database_url=databases.new(tmp_path),
        heroes_file=ROOT / "data" / "heroes.toml",
    )
    async with run_engine(without_engine) as reachable, open_app(reachable) as opened:
        yield opened


async def tune(app: App, **options: int) -> FinetuneResult:
    job, _ = await app.finetunes.submit(**options)
    await app.worker.run_next()
    return tuned(await app.jobs.get(job.id))


def tuned(job: Job) -> FinetuneResult:
    assert (job.state, job.error) == ("succeeded", None)
    assert isinstance(job.result, FinetuneResult)
    return job.result


async def test_a_model_tuned_on_24_texts_is_held_back(app: App) -> None:
    await build(app, limit=24)

    result = await tune(app, epochs=2)

    assert result.state == "held back"
    assert result.verdict is not None
    assert result.verdict.new.fit_share < 0.5
    assert await app.registry.live() is None


async def test_a_model_that_learnt_one_taste_does_not_follow_a_good_one(app: App, tmp_path: Path) -> None:
    await run_job(app, app.planner.spec("shipped"))
    good = await tune(app)
    assert good.state == "live"

    taste = tmp_path / "shortest_texts.csv"
    with taste.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(("age", "gender", "power", "text"))
        heroes = [hero for seed in range(4) for hero in app.heroes.vocabulary.sample(seed, limit=40)]
        for number, hero in enumerate(heroes):
            text = of_one_taste(str(hero.age), hero.gender, hero.power, number)
            rows.writerow((hero.age, hero.gender, hero.power, text))
    await app.transfer.import_file(taste)

    result = await tune(app)

    assert result.state == "held back"
    live = await app.registry.live()
    assert live is not None
    assert live.id == good.model
