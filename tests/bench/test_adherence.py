"""bench.adherence: one whole run against a scripted model server."""

import json
from collections import Counter
from pathlib import Path

from bench.adherence.measure import Size, Source, measure
from bot.heroes.unseen_heroes import unseen_heroes
from tests.heroes.test_hero import FILE
from tests.support.scripted_server import Script


async def test_a_run_builds_tunes_and_asks_the_tuned_model_and_the_base(
    tmp_path: Path, script: Script
) -> None:
    texts_file = tmp_path / "texts.jsonl"
    size = Size(examples=14, heroes=5, drawn=3, base_heroes=2)
    source = Source(data=tmp_path / "data", seeds=(1, 2), url=script.url)
    measured = await measure(size, {"temperature": 0.1}, source, texts_file)
    assert [answer.hero for answer in measured.answers] == unseen_heroes(FILE.vocabulary, 5)
    assert {answer.hero.gender for answer in measured.answers} == {"man", "woman", "person"}
    assert (measured.figures["heroes"], measured.figures["base"]["heroes"]) == (5, 2)
    assert measured.figures["gender"] == measured.figures["power"] == measured.figures["base"]["power"] == 1
    assert measured.figures["sampling"]["temperature"] == 0.1
    assert measured.figures["drawn_fit"] == measured.figures["fit"]
    assert measured.figures["draws"] == 1
    texts = [json.loads(line) for line in texts_file.read_text().splitlines()]
    assert Counter(text["model"] for text in texts) == {"seed 1": 5, "seed 2": 5, "base": 2}
    assert [order["seed"] for order in script.trainings.created] == [1, 2]
