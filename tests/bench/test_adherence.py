"""bench.adherence: copies and intervals, and one whole run against a scripted model server."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench.adherence.copying import TrainingSet
from bench.adherence.figures import Asked, adherence_table, summary
from bench.adherence.measure import Size, Source, measure
from bench.common.errors import BenchError
from bench.common.texts_file import of_models, read_texts
from bot.heroes.adherence import Answer
from bot.heroes.coherence import CHECKS, VALIDATED
from bot.heroes.unseen_heroes import unseen_heroes
from bot.settings import ROOT
from tests.heroes.test_adherence import HERO, TEXT
from tests.heroes.test_hero import FILE
from tests.support.scripted_server import Script

FIRST_DATASET = ROOT / "data" / "first_dataset.jsonl"
LEARNT = ("The cat sleeps on the warm stove.", "A red kite hangs in the tree, and nobody climbs up.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("Dogs bark.", 0),
        ("The tree is tall.", 2),
        ("She says: a RED kite hangs in a tree.", 5),
        (LEARNT[1], 11),
        ("On the warm stove a red kite hangs.", 4),  # no run goes over two texts
        ("The cat sleeps. She sleeps on the warm stovepipe.", 4),  # and none ends within a word
    ],
)
def test_the_longest_run_of_words_from_the_training_set(text: str, words: int) -> None:
    assert TrainingSet(LEARNT).longest_copied(text) == words


def asked(good: int, bad: int, copied: tuple[int, ...], seed: int) -> Asked:
    return Asked(
        [Answer(HERO, text, "stop") for text in [TEXT] * good + [TEXT.replace("47", "74")] * bad],
        copied=copied,
        seed=seed,
        minutes=1,
    )


def test_figures_have_an_interval_over_all_answers_and_a_spread_over_seeds() -> None:
    tuned = [asked(4, 0, (3, 12, 40, 5), 0), asked(2, 2, (11, 5, 13, 14), 1)]
    figures = summary(tuned, Asked(()), FILE.curation)
    assert (figures["all"], figures["all_rules"], figures["fit"]) == (0.75, 0.75, 0.75)
    assert figures["spread"]["all"] == [0.5, 1]
    assert figures["intervals"]["all"] == [0.4093, 0.9285]  # of 6 of 8, by scipy's binomtest
    assert (figures["copied_12"], figures["longest_copied_words"]) == (0.5, 40)
    assert [each["median_copied_words"] for each in figures["seeds"]] == [8.5, 12]
    assert [each["seed"] for each in figures["seeds"]] == [0, 1]
    assert figures["base"] == {}
    assert "distinct_openings" not in figures["intervals"]


def test_only_checks_that_agreed_with_readers_are_reported() -> None:
    assert set(VALIDATED) <= set(CHECKS)
    figures = summary([asked(2, 0, (), 0)], asked(1, 0, (), 0), FILE.curation, checks=("no_stock_phrase",))
    assert figures["no_stock_phrase"] == figures["coherent"] == 0  # the same text twice
    assert figures["base"]["coherent"] == 1
    assert "ending_recalls" not in figures
    assert "copied_12" not in figures  # the training set is not known


async def test_a_run_builds_tunes_and_asks_the_tuned_model_and_the_base(
    tmp_path: Path, script: Script
) -> None:
    texts_file = tmp_path / "texts.jsonl"
    size = Size(seeds=(1, 2), examples=14, heroes=5, drawn=3, base_heroes=2)
    source = Source(data=tmp_path / "data", build="model", url=script.url)
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
    written = [each for each in script.asked if each["messages"][-1]["role"] == "assistant"]
    assert len({each["seed"] for each in written}) >= 2 * 14  # the datasets differ as well
    by_hero = of_models(texts_file, ())
    assert {hero: [name for name, _ in texts] for hero, texts in by_hero.items()} == {
        answer.hero: ["seed 1", "seed 2"] for answer in measured.answers
    }
    assert [answer for name, answer in read_texts(texts_file) if name == "base"] == measured.base
    assert {"copied_12", "longest_copied_words"} <= measured.figures.keys()
    table = adherence_table(measured.figures, "a machine")
    assert [column.header for column in table.columns[1:]] == ["tuned", "95 %", "seed 1", "seed 2", "base"]
    await measure(replace(size, seeds=(2,), drawn=0, base_heroes=0), {}, source)
    assert len(script.trainings.created) == 2  # the folder's model is only asked


async def test_a_file_of_texts_that_cannot_be_written_is_named_before_the_long_run(
    tmp_path: Path, script: Script
) -> None:
    (tmp_path / "file").touch()
    texts_file = tmp_path / "file" / "texts.jsonl"
    with pytest.raises(BenchError, match=r"texts\.jsonl cannot be written"):
        await measure(
            Size(seeds=(0,), heroes=1, drawn=0, base_heroes=0), {}, Source(url=script.url), texts_file
        )
    assert script.trainings.created == []


async def test_by_default_the_texts_that_come_with_the_bot_are_learnt(script: Script) -> None:
    size = Size(seeds=(0,), heroes=2, drawn=0, base_heroes=0)
    measured = await measure(size, {}, Source(url=script.url))
    assert measured.figures["source"] == "shipped"
    assert measured.figures["base"] == {}
    assert measured.figures["longest_copied_words"] < 60  # looked for in texts of other heroes
    learnt = [json.loads(line) for line in _training_file(script).splitlines()]
    first = {each["text"] for each in map(json.loads, FIRST_DATASET.read_text("utf-8").splitlines())}
    assert {each["messages"][-1]["content"] for each in learnt} < first


def _training_file(script: Script) -> str:
    return script.files[script.trainings.created[0]["training_file"]].decode("utf-8-sig")
