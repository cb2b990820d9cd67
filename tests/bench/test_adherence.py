"""The metrics of bench.adherence: each holds for a good text and fails for a text with one fault."""

import json
from pathlib import Path

import pytest

from bench.adherence.measure import Size, Source, measure
from bench.adherence.metrics import METRICS, evaluate, masked_opening, pass_rates
from bench.common.answers import Answer
from bench.common.unseen_heroes import unseen_heroes
from bot.heroes.hero import Hero
from tests.heroes.test_hero import FILE
from tests.support.scripted_server import Script

HERO = Hero(47, "woman", "bending light")
TEXT = (
    "Mira, a quiet 47-year-old woman who mends clocks in a harbour town, has the power of bending light. "
    "Her glasses are taped, and her jokes are terrible. She knows every dog in the street by name. When "
    "smoke rises from the school, she takes a deep breath and shows the children a bright path down the "
    "stairs. By morning she is back at work, a little tired and very content."
)


def failing(text: str, finish_reason: str = "stop") -> set[str]:
    held = evaluate(Answer(HERO, text, finish_reason), FILE.curation)
    return {name for name in METRICS if not held[name]}


def test_all_metrics_hold_for_a_good_text() -> None:
    assert failing(TEXT) == set()


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        (TEXT.replace("47", "74"), {"right_age", "never_wrong_age"}),
        (TEXT.replace("47-year-old ", ""), {"right_age"}),
        (TEXT + " At 12, she was lost.", {"never_wrong_age"}),
        (TEXT.replace("woman", "man"), {"gender"}),
        (TEXT.replace("She", "He").replace(" she", " he").replace("er ", "is "), {"gender"}),
        (TEXT.replace("bending light", "flight"), {"power"}),
        (TEXT[:200], {"length_ok"}),
        (TEXT + " She sits." * 30, {"length_ok", "no_repeat"}),
        (TEXT + " Elena is her sister.", {"one_name"}),
        (TEXT.replace("Mira, a", "A"), {"one_name"}),
    ],
)
def test_each_fault_fails_its_metric(text: str, metrics: set[str]) -> None:
    assert failing(text) == metrics


def test_a_truncated_text_does_not_end() -> None:
    assert failing(TEXT, finish_reason="length") == {"ends"}


def test_openings_that_differ_only_in_the_hero_are_equal() -> None:
    other = Hero(18, "man", "ice")
    text = TEXT.replace("Mira, a quiet 47-year-old woman", "Tomas, a quiet 18-year-old man")
    both = [Answer(HERO, TEXT, "stop"), Answer(other, text.replace("bending light", "ice"), "stop")]
    assert (
        masked_opening(both[0])
        == masked_opening(both[1])
        == "name a quiet age-year-old gender who mends clocks"
    )
    assert pass_rates(both, FILE.curation)["distinct_openings"] == 0.5


def test_unseen_heroes_are_not_in_the_grid_and_always_the_same() -> None:
    heroes = unseen_heroes(FILE.vocabulary, 500)
    assert len(set(heroes)) == 500
    assert heroes[:7] == unseen_heroes(FILE.vocabulary, 7)
    grid = FILE.vocabulary.grid
    assert {hero.age for hero in heroes} & {*grid.ages} == set()
    assert {hero.power for hero in heroes} & {*grid.powers} == set()


async def test_a_run_builds_tunes_and_asks_the_tuned_model_and_the_base(
    tmp_path: Path, script: Script
) -> None:
    texts_file = tmp_path / "texts.jsonl"
    size = Size(examples=14, heroes=3, base_heroes=2)
    source = Source(data=tmp_path / "data", url=script.url)
    measured = await measure(size, {"temperature": 0.1}, source, texts_file)
    assert [answer.hero for answer in measured.answers] == unseen_heroes(FILE.vocabulary, 3)
    assert (measured.figures["heroes"], measured.figures["base"]["heroes"]) == (3, 2)
    assert measured.figures["power"] == measured.figures["base"]["power"] == 1
    assert measured.figures["sampling"]["temperature"] == 0.1
    assert len([json.loads(line) for line in texts_file.read_text().splitlines()]) == 5
