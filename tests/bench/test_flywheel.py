"""bench.flywheel: the mechanics of the loop with simulated readers, checked in the bot's own tables.

Whether the models learn the hidden preference takes an hour to measure: `make flywheel`.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.flywheel.figures import bootstrap_interval, draw, generations_table, summary
from bench.flywheel.generations import QUICK, first_generation, later_generations
from bench.flywheel.measure import measure
from bench.flywheel.preference_model import PreferenceModel, Reader
from bot.heroes.config import read_heroes
from bot.rating.scores import Thresholds
from bot.settings import ROOT
from tests.support.scripted_server import Script, describe

SEED = 7


def rows(data: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data / f"seed{SEED}" / "hero.db")) as database:
        return database.execute(query).fetchall()


def check_the_loop(data: Path, found: dict[str, Any]) -> None:
    """Check what must hold for any model."""
    first, (second,) = found["first"], found["seeds"][str(SEED)]
    trial = second["trial"]

    # of the shown texts, the second dataset holds only those that people liked
    tallies = rows(
        data,
        "SELECT description_id, sum(value > 0), sum(value < 0) FROM vote GROUP BY description_id",
    )
    assert len(tallies) == QUICK.asked
    assert sum(ups + downs for _, ups, downs in tallies) == QUICK.asked * QUICK.readers
    liked = {each for each, ups, downs in tallies if Thresholds().verdict(ups, downs) == "admitted"}
    trained = rows(
        data, "SELECT source_id, split FROM dataset_item WHERE dataset_id = 2 AND source = 'description'"
    )
    assert {each for each, _ in trained} <= liked
    assert {split for _, split in trained} <= {"train"}
    assert second["dataset"]["counts"].get("description", 0) == len(trained)

    # the second model is tuned from the first, and challenges it
    models = rows(data, "SELECT name, base, dataset_id, state FROM model ORDER BY id")
    assert [each[:3] for each in models[1:]] == [(second["model"], first["model"], 2)]
    assert sorted(each[3] for each in models) == ["live", "retired"]
    assert (models[1][3] == "live") == trial["promoted"] == (trial["state"] == "won")

    # one counted result per voter and per duel
    counted = rows(data, "SELECT voter, duel_id FROM duel_vote WHERE counts")
    assert len(counted) == trial["wins"] + trial["losses"] > 0
    assert len({voter for voter, _ in counted}) == len({duel for _, duel in counted}) == len(counted)
    assert rows(data, "SELECT min(account_days) FROM duel_vote")[0][0] >= 7


async def test_liked_texts_train_a_candidate_that_challenges_the_live_model(
    tmp_path: Path, script: Script
) -> None:
    found = await measure(tmp_path, QUICK, (SEED,), engine_url=script.url)

    check_the_loop(tmp_path, found)
    (second,) = found["seeds"][str(SEED)]
    assert second["dataset"]["counts"]["description"] > 0
    assert (
        generations_table(found, "a machine").row_count == 3
    )  # the shared first one, the one without votes, and the seed's second
    draw(tmp_path / "flywheel.png", found)
    assert (tmp_path / "flywheel.png").stat().st_size > 10_000

    assert summary(found)["trials"] == 1

    asked = len(script.asked)
    assert await measure(tmp_path, QUICK, (SEED,), engine_url=script.url) == found
    assert len(script.asked) == asked


@pytest.mark.release
@pytest.mark.real
@pytest.mark.timeout(900)
async def test_two_generations_on_the_real_engine(tmp_path: Path) -> None:
    """The same as above with real weights, which tests/test_loop.py tunes in every run of the tests."""
    origin, data = tmp_path / "first", tmp_path / f"seed{SEED}"
    first = await first_generation(origin, QUICK)
    later = await later_generations(origin, data, QUICK, SEED)

    check_the_loop(tmp_path, {"first": first, "seeds": {str(SEED): later}})


def test_readers_like_few_words_and_the_power_named() -> None:
    heroes = read_heroes(ROOT / "data" / "heroes.toml")
    preference = PreferenceModel(heroes.curation)
    hero = heroes.vocabulary.parse("40 woman healing")
    long, unnamed = describe("40", "woman", "healing"), describe("40", "woman", "flight")
    short = " ".join(long.split()[:50])
    readers = [Reader(preference, f"{at}") for at in range(400)]

    assert preference.score(hero, short) > preference.score(hero, long) > preference.score(hero, unnamed)
    likes = sum(reader.likes(hero, long) for reader in readers) / len(readers)
    assert likes == pytest.approx(
        preference.score(hero, long), abs=0.08
    )  # random clicks and strictness pull towards 0.5
    picks = [reader.pick(hero, long, short) for reader in readers]
    assert picks.count("B") > 0.8 * len(readers)
    assert {"A", "B", "Tie"} >= set(picks)


def test_the_bootstrap_interval_contains_the_mean() -> None:
    low, high = bootstrap_interval([0.1, 0.2, 0.3, 0.4] * 10)

    assert 0.2 < low < 0.25 < high < 0.3
