"""bench.flywheel: the mechanics of the loop with simulated readers, checked in the bot's own tables.

Whether the models learn a hidden taste takes hours to measure: `make flywheel`.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from bench.common.errors import BenchError
from bench.flywheel import figures, gate, lines
from bench.flywheel.figures import Course
from bench.flywheel.generations import QUICK
from bench.flywheel.pieces import Pieces
from bench.flywheel.tastes import TASTES, Coin, ContentTaste, FormTaste, Reader, TasteName, score
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import read_heroes
from bot.heroes.first_dataset import FirstDataset
from bot.heroes.hero import Hero
from bot.rating.thresholds import Thresholds
from bot.settings import ROOT
from bot.store.job_schema import ModelFigures, Verdict
from tests.support.scripted_server import Script, describe

SEED = 7
TEXTS = QUICK.asked * QUICK.times


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "hero.db")) as database:
        return database.execute(query).fetchall()


def check_the_loop(data: Path) -> None:
    """Check what must hold for any model."""
    folder = data / "form" / f"seed{SEED}" / "votes" / "generation2"
    first, *later = figures.read(data)
    (second,) = [each for each in later if each["line"] == "votes"]
    trial = second["trial"]

    # of the shown texts, the second dataset holds only those that people liked
    tallies = rows(
        folder,
        "SELECT description_id, sum(value > 0), sum(value < 0) FROM vote GROUP BY description_id",
    )
    assert len(tallies) == TEXTS
    assert sum(ups + downs for _, ups, downs in tallies) == TEXTS * QUICK.readers
    liked = {each for each, ups, downs in tallies if Thresholds().verdict(ups, downs) == "admitted"}
    trained = rows(
        folder, "SELECT source_id, split FROM dataset_item WHERE dataset_id = 2 AND source = 'description'"
    )
    assert {each for each, _ in trained} <= liked
    assert {split for _, split in trained} <= {"train"}
    assert second["dataset"]["counts"].get("description", 0) == len(trained)

    # the second model is tuned from the first, is checked, and challenges it
    models = rows(folder, "SELECT name, base, dataset_id, state FROM model ORDER BY id")
    assert [each[:3] for each in models[1:]] == [(second["model"], first["model"], 2)]
    assert second["live"] == first["model"]
    assert sorted(each[3] for each in models) == ["live", "retired"]
    assert (models[1][3] == "live") == trial["promoted"] == (trial["state"] == "won")
    assert second["gate"]["new"]["texts"] == second["gate"]["live"]["texts"] == QUICK.probe
    assert len(second["probe"]) == QUICK.probe

    # one counted result per voter and per duel
    counted = rows(folder, "SELECT voter, duel_id FROM duel_vote WHERE counts")
    assert len(counted) == trial["wins"] + trial["losses"] > 0
    assert len({voter for voter, _ in counted}) == len({duel for _, duel in counted}) == len(counted)
    assert rows(folder, "SELECT min(account_days) FROM duel_vote")[0][0] >= 7


@pytest.mark.slow
async def test_liked_texts_train_a_candidate_that_challenges_the_live_model(
    tmp_path: Path, script: Script
) -> None:
    pieces = Pieces(tmp_path, QUICK, engine_url=script.url)
    await pieces.run(["form"], [SEED], ["votes", "none", "random"])

    check_the_loop(tmp_path)
    found = figures.read(tmp_path)
    by_line = {each["line"]: each for each in found}
    assert by_line["votes"]["dataset"]["counts"]["description"] > 0
    assert by_line["none"]["dataset"]["counts"].get("description", 0) == 0
    assert by_line["none"]["trial"] is None
    assert by_line["random"]["trial"]["state"] in ("undecided", "won", "lost")
    random_folder = tmp_path / "random" / f"seed{SEED}" / "generation2"
    assert rows(random_folder, "SELECT state FROM model ORDER BY id") == [("retired",), ("live",)]

    figure = figures.summary(found)
    assert figure["trials"] == 1
    assert set(figure["score_by_generation"]["form"]) == {"votes", "none", "random"}
    assert set(figure["score_by_generation"]["content"]) == {"none", "random"}
    assert figures.generations_table(found, "a machine").row_count == 7  # the first one twice, 3 and 2 lines
    figures.draw(tmp_path / "flywheel.png", found)
    assert (tmp_path / "flywheel.png").stat().st_size > 10_000

    asked = len(script.asked)
    await pieces.run(["form"], [SEED], ["votes", "none", "random"])
    assert figures.read(tmp_path) == found
    assert len(script.asked) == asked


@pytest.mark.slow
async def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path, script: Script) -> None:
    """The first generation and the readers' thumbs are kept; a half-done generation begins anew."""
    pieces = Pieces(tmp_path, QUICK, engine_url=script.url)
    await pieces.run(["content"], [SEED], ["votes"])
    folder = tmp_path / "content" / f"seed{SEED}"
    done, thumbs = figures.read(tmp_path)[1], (folder / "asked.json").read_text()
    (folder / "votes" / "generation2.json").unlink()
    (folder / "votes" / "generation2").rename(folder / "votes" / "generation2.unfinished")
    created = len(script.trainings.created)

    await Pieces(tmp_path, QUICK, engine_url=script.url).run(["content"], [SEED], ["votes"])
    assert len(script.trainings.created) == created + 1
    assert (folder / "asked.json").read_text() == thumbs
    again = figures.read(tmp_path)[1]
    assert (again["thumbs"], again["generation"]) == (done["thumbs"], 2)
    assert not (folder / "votes" / "generation2.unfinished").exists()


@pytest.mark.slow
async def test_too_few_pairs_are_trained_on_as_texts(tmp_path: Path, script: Script) -> None:
    await Pieces(tmp_path, QUICK, engine_url=script.url).run(["form"], [SEED], ["dpo"])
    second = figures.read(tmp_path)[1]
    assert (second["line"], second["method"]) == ("dpo", "supervised")
    assert "dpo (supervised)" in [
        cell
        for column in figures.generations_table(figures.read(tmp_path), "").columns
        for cell in column.cells
    ]


def test_a_folder_of_another_size_is_refused(tmp_path: Path) -> None:
    Pieces(tmp_path, QUICK)
    Pieces(tmp_path, QUICK)
    with pytest.raises(BenchError, match="another size"):
        Pieces(tmp_path, replace(QUICK, asked=5))


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "first.json").write_text("{")
    with pytest.raises(BenchError, match=r"first\.json cannot be read"):
        figures.read(tmp_path)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no first generation"):
        figures.read(tmp_path)


def test_lines_that_the_bot_cannot_train_are_refused() -> None:
    lines.check(["votes", "none", "random", "dpo"])


@pytest.mark.release
@pytest.mark.real
@pytest.mark.timeout(900)
async def test_two_generations_on_the_real_engine(tmp_path: Path) -> None:
    """The same as above with real weights, which tests/test_loop.py tunes in every run of the tests."""
    await Pieces(tmp_path, QUICK).run(["form"], [SEED], ["votes"])
    check_the_loop(tmp_path)


def test_readers_of_form_like_few_words_and_the_power_named() -> None:
    heroes = read_heroes(ROOT / "data" / "heroes.toml")
    taste = FormTaste(heroes.curation)
    hero = heroes.vocabulary.parse("40 woman healing")
    long, unnamed = describe("40", "woman", "healing"), describe("40", "woman", "flight")
    short = " ".join(long.split()[:50])
    readers = [Reader(taste, f"{at}", "now") for at in range(400)]

    assert score(taste, hero, short) > score(taste, hero, long) > score(taste, hero, unnamed)
    likes = sum(reader.likes(hero, long) for reader in readers) / len(readers)
    # random clicks and strictness pull towards 0.5
    assert likes == pytest.approx(score(taste, hero, long), abs=0.08)
    picks = [reader.pick(hero, long, short) for reader in readers]
    assert picks.count("B") > 0.8 * len(readers)
    assert {"A", "B", "Tie"} >= set(picks)


def test_readers_of_content_like_what_happens_and_not_how_long_it_is_told() -> None:
    taste, hero = ContentTaste(), Hero(40, "woman", "healing")
    nothing = "She walks to the quay and looks at the ships."
    child = "She walks to the quay and pulls a child from the water."
    both = f"{child} At home there is soup."
    scores = [score(taste, hero, text) for text in (nothing, "At home there is soup.", child, both)]
    assert scores == sorted(scores)
    assert scores[0] < 0.1
    assert scores[-1] > 0.75
    assert score(taste, hero, f"{both} {nothing * 9}") == scores[-1]


@pytest.mark.parametrize("name", TASTES)
def test_the_first_dataset_is_liked_in_part(name: TasteName) -> None:
    """Else the first votes would admit nothing, or there would be nothing to gain."""
    heroes = read_heroes(ROOT / "data" / "heroes.toml")
    blocklist = Blocklist(ROOT / "data" / "blocked.txt", heroes.vocabulary.powers)
    texts = FirstDataset(ROOT / "data" / "first_dataset.jsonl", heroes, blocklist).read()
    taste = TASTES[name](heroes.curation)
    assert 0.25 < mean(score(taste, each.hero, each.text) for each in texts) < 0.45


def test_readers_keep_their_strictness_and_a_coin_reads_nothing() -> None:
    taste, hero = ContentTaste(), Hero(40, "woman", "healing")
    same = [Reader(taste, "7:1", "1 2"), Reader(taste, "7:1", "1 2")]
    texts = ["a child", "soup", "a child and soup", "nothing"] * 20
    assert [same[0].likes(hero, text) for text in texts] == [same[1].likes(hero, text) for text in texts]
    coin, other = Coin("7:1", "1 2"), Coin("7:1", "1 2")
    assert [coin.likes(hero, "good") for _ in range(50)] == [other.likes(hero, "bad") for _ in range(50)]


def test_the_bootstrap_interval_contains_the_mean() -> None:
    low, high = figures.bootstrap_interval([0.1, 0.2, 0.3, 0.4] * 10)

    assert 0.2 < low < 0.25 < high < 0.3


def test_more_groups_of_readers_are_no_more_heroes() -> None:
    """All are compared with the same texts: three times the same figures are no more certain than once."""

    def course(line: str, scores: Sequence[float], seed: int | None) -> Course:
        probe = [{"scores": {"form": score}} for score in scores]
        return Course("form", line, seed, ({"probe": probe}, {"probe": probe}))

    base = course("none", [0.2, 0.6, 0.4, 0.1], None)
    of_one = [course("votes", [0.9, 0.5, 0.3, 0.8], 1)]
    of_three = [course("votes", [0.9, 0.5, 0.3, 0.8], seed) for seed in (1, 2, 3)]
    assert figures.above_no_votes(of_three, [base]) == figures.above_no_votes(of_one, [base])


def generation(number: int, model: str, live: str | None, level: float, **new: float) -> dict[str, Any]:
    """Return the figures of a generation whose texts all have one score."""
    verdict = Verdict(
        new=ModelFigures(texts=40, fit=40, all_rules=40).model_copy(update=new),
        live=ModelFigures(texts=40, fit=40, all_rules=40, loss=1.0, reference="r", best_log_prob=-1.0),
    )
    return {
        "line": "votes" if live else "first",
        "taste": "form" if live else None,
        "seed": 1 if live else None,
        "generation": number,
        "model": model,
        "live": live,
        "gate": verdict.to_json(),
        "probe": [{"scores": {"form": level, "content": 0.0}}] * 5,
    }


def test_false_alarms_and_misses_are_counted_against_the_model_that_was_live() -> None:
    found = gate.comparisons(
        [
            generation(1, "m1", None, 0.3),
            generation(2, "m2", "m1", 0.6, fit=37),  # better, and 0.075 less fit
            generation(3, "m3", "m1", 0.2, best_log_prob=-1.12),  # worse than m1, which still serves
        ]
    )
    assert [each.gain for each in found] == [pytest.approx(0.3), pytest.approx(-0.1)]
    counts = gate.gate_figures(found)
    assert (counts["better"], counts["worse"], counts["best_texts_asked"]) == (1, 1, 1)
    fit = {row["margin"]: row["false_alarms"] for row in counts["by_rule"]["fit"]}
    assert (fit[0.05], fit[0.1]) == (1, 0)
    best = {row["margin"]: row["misses"] for row in counts["by_rule"]["best texts"]}
    assert (best[0.1], best[0.15]) == (0, 1)
    assert counts["all_rules"] == {
        "false_alarms": 0,
        "sure_false_alarms": 0,
        "misses": 0,
        "sure_misses": 0,
    }
    assert gate.gate_table(counts, "a machine").row_count == 29


def test_a_report_is_gathered_from_what_is_there(tmp_path: Path) -> None:
    shared: dict[str, Any] = {"dataset": {"counts": {}}, "tuning": {}, "trial": None}
    text = {"words": 70, "fault": None, "all_rules": True, "scores": {"form": 0.5, "content": 0.25}}
    for name, number in (("first", 1), ("none/generation2", 2), ("none/generation3", 3)):
        file = tmp_path / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        place = {"line": "none" if number > 1 else "first", "taste": None, "seed": None}
        record = generation(number, f"m{number}", "m1", 0.0) | shared | place | {"probe": [text]}
        file.write_text(json.dumps({"figures": record, "minutes": 2.0}))
    found = figures.read(tmp_path)
    assert [each["generation"] for each in found] == [1, 2, 3]
    assert figures.summary(found)["score_by_generation"]["content"] == {"none": [0.25, 0.25, 0.25]}
