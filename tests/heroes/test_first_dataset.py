"""The first dataset: what is shipped, which texts are held out, and what is said of mistakes."""

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import read_heroes
from bot.heroes.curation import sentences
from bot.heroes.curation_names import named_people
from bot.heroes.first_dataset import FirstDataset, FirstText
from bot.heroes.hero import Hero
from bot.settings import ROOT
from tests.support.first_dataset import FAULTS, SOUND, write_lines

HEROES = read_heroes(ROOT / "data" / "heroes.toml")
BLOCKLIST = Blocklist(ROOT / "data" / "blocked.txt", HEROES.vocabulary.powers)
SHIPPED = ROOT / "data" / "first_dataset.jsonl"


def dataset(path: Path) -> FirstDataset:
    return FirstDataset(path, HEROES, BLOCKLIST)


@cache
def shipped() -> list[FirstText]:
    return dataset(SHIPPED).read()


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        dataset(path).read()
    return str(refused.value)


def test_what_is_shipped_is_sound_and_says_who_wrote_it() -> None:
    texts = shipped()
    origins = Counter(text.origin for text in texts)
    card = (ROOT / "data" / "first_dataset.md").read_text()
    assert all(f"| `{origin}` | {number} |" in card for origin, number in origins.items())
    assert f"holds {len(texts)} short descriptions" in card
    assert {*origins} == {"herosmith-build", "hand-written"}


def test_every_shipped_text_passes_curation() -> None:
    curation = HEROES.curation
    assert [text.text for text in shipped() if curation.rejection_reason(text.hero, text.text)] == []


def test_the_texts_of_the_shipped_build_tell_a_plot_each() -> None:
    profile = HEROES.prompts.profile
    for text in shipped():
        if text.origin == "herosmith-build":
            plot = profile.told_plot(text.hero, text.text)
            assert plot, text.text
            before = sentences(text.text.removesuffix(plot))
            assert not profile.own_sentence.is_poor(before[-1]), text.text


def test_a_fifth_or_more_of_what_is_shipped_speaks_of_persons_as_they() -> None:
    texts = shipped()
    persons = [text for text in texts if text.hero.gender == "person"]
    assert 0.2 < len(persons) / len(texts) < 0.35
    assert {text.origin for text in persons} == {"hand-written", "herosmith-build"}
    assert {text.held_out for text in persons} == {True, False}


def test_no_text_written_by_hand_of_a_person_has_the_name_of_another() -> None:
    by_hand = [text for text in shipped() if text.origin == "hand-written"]
    names = [word for text in by_hand if text.hero.gender == "person" for word in _names(text.text)]
    others = [word for text in by_hand if text.hero.gender != "person" for word in _names(text.text)]
    assert len(set(names)) == len(names) > 20
    assert {*names} & {*others} == set()


def _names(text: str) -> set[str]:
    return set().union(*named_people(text))


def test_a_shipped_name_is_of_its_gender() -> None:
    """As far as the lists of heroes.toml know it: no man is called Olga."""
    names = {gender: {*names} for gender, names in HEROES.prompts.profile.names.items()}
    for text in shipped():
        other = {"man": "woman", "woman": "man"}.get(text.hero.gender)
        known = _names(text.text) & (names[other] if other else names["man"] | names["woman"])
        assert not known, text.text


def test_a_tenth_of_what_is_shipped_is_held_out_of_each_origin() -> None:
    texts = shipped()
    held_out = Counter(text.origin for text in texts if text.held_out)
    assert f"({held_out.total()} texts) is held out" in (ROOT / "data" / "first_dataset.md").read_text()
    assert 0.07 < held_out.total() / len(texts) < 0.13
    assert {*held_out} == {text.origin for text in texts}


def test_held_out_examples_are_lines_of_a_training_file() -> None:
    examples = dataset(SHIPPED).held_out_examples()
    held_out = [text for text in shipped() if text.held_out]
    assert examples == [
        {
            "messages": [
                {"role": "user", "content": HEROES.prompts.tuning_prompt(text.hero)},
                {"role": "assistant", "content": text.text},
            ]
        }
        for text in held_out
    ]


@pytest.mark.parametrize(
    ("hero", "held_out"),
    [  # two near the threshold; for good, so that models of different installations can be compared
        (Hero(23, "man", "shrinking"), True),
        (Hero(40, "man", "immortality"), True),
        (Hero(90, "woman", "walking through fire"), True),
        (Hero(60, "person", "teleport"), True),
        (Hero(50, "person", "commanding the wind"), True),
        (Hero(20, "man", "talking to ghosts"), False),
        (Hero(24, "person", "invisibility"), False),
    ],
)
def test_a_hero_is_on_the_same_side_in_every_release(tmp_path: Path, hero: Hero, held_out: bool) -> None:
    line = json.dumps({**SOUND, **hero.as_dict(), "text": "Another text."})
    path = tmp_path / "more.jsonl"
    path.write_text(SHIPPED.read_text(encoding="utf-8") + line, encoding="utf-8")
    assert {text.held_out for text in dataset(path).read() if text.hero == hero} == {held_out}


def test_what_is_held_out_stays_so_whatever_else_changes(tmp_path: Path) -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    whole = {text.hero: text.held_out for text in shipped()}
    for part in (lines[::2], lines[::-1], [*lines, json.dumps(SOUND)], lines[:200]):
        (tmp_path / "part.jsonl").write_text("\n".join(part), encoding="utf-8")
        texts = dataset(tmp_path / "part.jsonl").read()
        assert {text.hero: text.held_out for text in texts if text.hero in whole}.items() <= whole.items()


def test_limits_and_blocklist_do_not_change_what_measures_models(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked.txt"
    blocked.write_text("invisibility\ntelepathy\nflight\n")
    strict = HEROES.vocabulary.model_copy(
        update={"limits": HEROES.vocabulary.limits.model_copy(update={"youngest": 40})}
    )
    changed = FirstDataset(
        SHIPPED, type(HEROES)(strict, HEROES.prompts, HEROES.curation), Blocklist(blocked, ())
    )
    assert changed.held_out_examples() == dataset(SHIPPED).held_out_examples()
    with pytest.raises(UserError, match="between 40 and 120"):
        changed.read()


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_a_mistake_is_told_with_file_line_and_cure(number: int, tmp_path: Path) -> None:
    line, said = FAULTS[number]
    text = refusal(write_lines(tmp_path / "mine.jsonl", line))
    assert text.startswith("1 line of mine.jsonl has a mistake, so nothing of it is taken.")
    assert f"\n- Line 2: {said}" in text or (said in text and "\n- Line 2: " in text)


@pytest.mark.parametrize("text", ["  ", "She heals.<|im_end|>", "heals " * 2000])
def test_no_text_that_a_server_refuses_measures_models(text: str, tmp_path: Path) -> None:
    """Otherwise each training would fail for it."""
    path = write_lines(tmp_path / "mine.jsonl", json.dumps({**SOUND, "text": text}))
    with pytest.raises(UserError, match="Line 2: "):
        dataset(path).held_out_examples()


def test_many_mistakes_are_counted_and_the_first_named(tmp_path: Path) -> None:
    text = refusal(write_lines(tmp_path / "mine.jsonl", *(line for line, _ in FAULTS)))
    assert text.startswith(f"{len(FAULTS)} lines of mine.jsonl have mistakes")
    assert [line.split(":")[0] for line in text.split("\n")[1:]] == [
        *(f"- Line {number}" for number in range(2, 7)),
        f"- and {len(FAULTS) - 5} more",
    ]
    assert len(text) < 1500  # a message of Discord has 2,000 characters


@pytest.mark.parametrize("marks", ["\n\n", "\r\n", "\n \t\n"])
def test_blank_lines_a_byte_order_mark_and_line_ends_of_windows_do_no_harm(
    marks: str, tmp_path: Path
) -> None:
    other = {**SOUND, "text": "Another text: a\u2028b."}
    lines = [json.dumps(SOUND), json.dumps(other, ensure_ascii=False)]
    path = tmp_path / "mine.jsonl"
    path.write_bytes(marks.join(["\ufeff" + lines[0], *lines[1:], ""]).encode())
    assert [text.text for text in dataset(path).read()] == [SOUND["text"], other["text"]]


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    assert "none.jsonl is not there" in refusal(tmp_path / "none.jsonl")
    (tmp_path / "mine.jsonl").write_bytes(b"\xff\xfe\x00")
    assert "mine.jsonl cannot be read as UTF-8 text" in refusal(tmp_path / "mine.jsonl")


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_a_tiny_file_holds_out_one_hero_at_most(rows: int, tmp_path: Path) -> None:
    lines = [json.dumps({**SOUND, "age": 40 + age, "text": f"Text {age}."}) for age in range(rows)]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    assert sum(text.held_out for text in dataset(tmp_path / "mine.jsonl").read()) == min(rows, 1)
