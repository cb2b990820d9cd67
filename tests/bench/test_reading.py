"""bench.reading: blind sheets, verdicts of people and files, what is counted, and bad input."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from bench.common.errors import BenchError
from bench.common.texts_file import of_models, read_texts, write_texts
from bench.reading.__main__ import main
from bench.reading.figures import Reading, check_figures, reading_figures
from bench.reading.measure import Agreement, Share, added, agreement, check_agreement, outcomes, together
from bench.reading.sheet import Key, Pair, PairKey, Sheet, make_sheet, read_key, read_sheet, render_sheet
from bench.reading.terminal import read_in_terminal
from bench.reading.verdicts import Verdict, append_verdict, read_verdicts
from bot.heroes.adherence import Answer
from bot.heroes.hero import Hero

HEROES = [Hero(age, "woman", "talking to old houses") for age in range(20, 60)]


def texts(word: str) -> dict[Hero, list[tuple[str, Answer]]]:
    return {hero: [(word, Answer(hero, f"{word} {hero.age}.", "stop"))] for hero in HEROES}


@pytest.fixture
def made() -> tuple[Sheet, Key]:
    return make_sheet(texts("new"), texts("old"), ("new", "old"), pairs=30, seed=1)


def test_a_sheet_has_the_same_heroes_on_both_sides_and_sides_by_the_key(made: tuple[Sheet, Key]) -> None:
    sheet, key = made
    assert [pair.number for pair in sheet.pairs] == [*range(1, 31)]
    assert len({pair.hero for pair in sheet.pairs}) == 30
    for pair, in_key in zip(sheet.pairs, key.pairs, strict=True):
        sides = {"first": f"new {pair.hero.age}.", "second": f"old {pair.hero.age}."}
        assert pair.a == sides[in_key.a]
        assert {pair.a, pair.b} == {*sides.values()}
        assert pair.text(key.side(pair.number, "first")) == sides["first"]
        assert (in_key.first, in_key.second) == ("new", "old")
    assert 8 <= sum(each.a == "first" for each in key.pairs) <= 22


def test_the_seed_draws_heroes_sides_and_one_of_several_texts(made: tuple[Sheet, Key]) -> None:
    several = {
        hero: [*answers, ("newer", Answer(hero, "newer.", "stop"))] for hero, answers in texts("new").items()
    }
    assert make_sheet(texts("new"), texts("old"), ("new", "old"), pairs=30, seed=1) == made
    other, key = make_sheet(several, texts("old"), ("new", "old"), pairs=30, seed=2)
    assert other.digest != made[0].digest
    assert {each.first for each in key.pairs} == {"new", "newer"}


def test_a_sheet_is_read_as_it_was_made_and_names_no_side(made: tuple[Sheet, Key], tmp_path: Path) -> None:
    path = tmp_path / "sheet.md"
    odd = [
        Pair(1, Hero(40, "woman", "healing"), "One\u2028two.", ""),
        Pair(2, HEROES[0], "**B:** no side.", "## 3. 40 woman healing"),
    ]
    for sheet in (made[0], Sheet(odd)):
        path.write_text(render_sheet(sheet, "sheet"), encoding="utf-8")
        assert read_sheet(path) == sheet
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
        assert read_sheet(path).digest == sheet.digest
    assert "first" not in render_sheet(made[0], "sheet")


def test_line_breaks_of_a_text_are_no_part_of_a_sheet(tmp_path: Path) -> None:
    hero = HEROES[0]
    broken = {hero: [("new", Answer(hero, "One.\n\n## 2. 40 woman healing\n\n**A:** two.\n", "stop"))]}
    sheet, _ = make_sheet(broken, texts("old"), ("new", "old"), pairs=1, seed=0)
    path = tmp_path / "sheet.md"
    path.write_text(render_sheet(sheet, "sheet"), encoding="utf-8")
    assert read_sheet(path) == sheet
    assert "One. ## 2. 40 woman healing **A:** two." in (sheet.pairs[0].a, sheet.pairs[0].b)


@pytest.mark.parametrize(
    ("pairs", "cure"), [(0, "at least one"), (41, "40 heroes in common.* smaller number")]
)
def test_a_sheet_of_too_few_heroes(pairs: int, cure: str) -> None:
    with pytest.raises(BenchError, match=cure):
        make_sheet(texts("new"), texts("old"), ("new", "old"), pairs=pairs, seed=1)


def test_sheets_and_keys_that_do_not_fit(made: tuple[Sheet, Key], tmp_path: Path) -> None:
    sheet, key = made
    path, key_path = tmp_path / "sheet.md", tmp_path / "sheet.key.json"
    with pytest.raises(BenchError, match="There is no file"):
        read_sheet(path)
    path.write_text("# A shopping list\n", encoding="utf-8")
    with pytest.raises(BenchError, match="is no sheet"):
        read_sheet(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BenchError, match="as UTF-8 text"):
        read_sheet(path)
    path.write_text(render_sheet(sheet, "sheet").replace(sheet.pairs[4].a, "Better."), encoding="utf-8")
    with pytest.raises(BenchError, match="were changed"):
        read_sheet(path)
    key_path.write_text("{", encoding="utf-8")
    with pytest.raises(BenchError, match="is no key"):
        read_key(key_path, sheet)
    _, other = make_sheet(texts("new"), texts("old"), ("new", "old"), pairs=30, seed=2)
    for wrong in (other, key.model_copy(update={"pairs": key.pairs[1:]})):
        key_path.write_text(wrong.model_dump_json(), encoding="utf-8")
        with pytest.raises(BenchError, match="another sheet"):
            read_key(key_path, sheet)
    key_path.write_text(key.model_dump_json(), encoding="utf-8")
    assert read_key(key_path, sheet) == key


def test_verdicts_of_a_file_may_be_spelled_and_ordered_in_any_way(
    made: tuple[Sheet, Key], tmp_path: Path
) -> None:
    path = tmp_path / "verdicts.jsonl"
    path.write_text(
        '\ufeff{"pair": 3, "verdict": "b", "note": "funny"}\r\n\r\n{"verdict": " TIE", "pair": 1}', "utf-8"
    )
    assert read_verdicts(path, made[0]) == {3: "B", 1: "tie"}
    append_verdict(path, made[0], 2, "A")  # after a line without an end
    assert read_verdicts(path, made[0]) == {3: "B", 1: "tie", 2: "A"}


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("A", "line 2 cannot be read. A line is .* mend or delete it"),
        ('{"pair": 2}', "line 2 cannot be read"),
        ('{"pair": 2, "verdict": "C"}', "with A, B or tie"),
        ('{"pair": 31, "verdict": "A"}', "there is no pair 31; the sheet has 1 to 30"),
        ('{"pair": 1, "verdict": "B"}', "pair 1 has a verdict already"),
        ('{"pair": 2, "verdict": "A", "sheet": "0123456789abcdef"}', "verdict on sheet 0123456789abcdef"),
    ],
)
def test_a_faulty_verdict_is_named_with_its_cure(
    made: tuple[Sheet, Key], tmp_path: Path, line: str, cure: str
) -> None:
    path = tmp_path / "verdicts.jsonl"
    path.write_text(f'{{"pair": 1, "verdict": "A"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(BenchError, match=cure):
        read_verdicts(path, made[0])


class Reader:
    """Somebody at the terminal, who presses ctrl-c once they have nothing more to say."""

    def __init__(self, *answers: str) -> None:
        self.answers = [*answers]
        self.seen: list[str] = []

    def ask(self, _question: str) -> str:
        if not self.answers:
            raise KeyboardInterrupt
        return self.answers.pop(0)


def test_reading_in_the_terminal_keeps_each_verdict_and_goes_on(
    made: tuple[Sheet, Key], tmp_path: Path
) -> None:
    sheet, _ = made
    path = tmp_path / "verdicts.jsonl"
    first = Reader("a", "what?", "", "B")
    assert read_in_terminal(sheet, path, ask=first.ask, show=first.seen.append) == 28
    assert read_verdicts(path, sheet) == {1: "A", 2: "B"}
    again = Reader("T", "q", "a")
    assert read_in_terminal(sheet, path, ask=again.ask, show=again.seen.append) == 27
    assert [shown.split(":")[0].strip() for shown in again.seen] == ["3 of 30", "4 of 30"]
    assert f"A: {sheet.pairs[2].a}" in again.seen[0]
    assert sheet.pairs[2].hero.typed in again.seen[0]
    last = Reader(*["tie"] * 27)
    assert read_in_terminal(sheet, path, ask=last.ask, show=last.seen.append) == 0
    assert len(read_verdicts(path, sheet)) == 30


def test_outcomes_are_of_the_first_and_pairs_count_once() -> None:
    sides: dict[int, Any] = {1: "first", 2: "second", 3: "first", 4: "second"}
    one = outcomes({1: "A", 2: "A", 3: "tie", 4: "B"}, sides)
    assert one == {1: 1, 2: -1, 3: 0, 4: 1}
    other = outcomes({1: "B", 2: "A", 3: "B"}, sides)
    assert together([one, other]) == {1: 0, 2: -1, 3: -1, 4: 1}
    assert together([]) == {}


def verdicts(letters: str) -> dict[int, Verdict]:
    known: dict[str, Verdict] = {"A": "A", "B": "B", "t": "tie"}
    return {number: known[letter] for number, letter in enumerate(letters, 1) if letter in known}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("AABBtt", "AABBtt", Agreement(6, 6, 1.0, 4, 4)),
        ("AABB", "ABAB", Agreement(4, 2, 0.0, 4, 2)),
        ("AAAA", "AAAA", Agreement(4, 4, None, 4, 4)),
        ("AABt-B", "ABBA-t", Agreement(5, 2, 1 / 16, 3, 2)),  # 0.4 observed, 0.36 by chance
        ("AA", "--", None),
    ],
)
def test_agreement_of_two_readers(one: str, other: str, expected: Agreement | None) -> None:
    found = agreement(verdicts(one), verdicts(other))
    if expected is None or found is None:
        assert found is expected
        return
    assert (found.pairs, found.same, found.decided, found.same_decided) == (
        expected.pairs,
        expected.same,
        expected.decided,
        expected.same_decided,
    )
    assert found.kappa == (None if expected.kappa is None else pytest.approx(expected.kappa))


def key_of(sides: str, sheet: str = "0" * 16) -> Key:
    """Return a key with the first text on side A for f, on side B for s."""
    pairs = [
        PairKey(pair=number, a="first" if side == "f" else "second", first="one", second="other")
        for number, side in enumerate(sides, 1)
    ]
    return Key(sheet=sheet, seed=0, first="new", second="old", pairs=tuple(pairs))


def test_figures_of_a_reading() -> None:
    key = key_of("f" * 10)
    figures = reading_figures(
        Reading("r", key, {"ann": verdicts("AAAAAAABtt"), "bob": verdicts("AAAAAABBtt")})
    )
    counts = {name: figures[name] for name in ("wins", "losses", "ties", "pairs")}
    assert counts == {"wins": 6, "losses": 1, "ties": 3, "pairs": 10}
    bounds = binomtest(6, 7).proportion_ci(method="wilson")
    assert (figures["low"], figures["high"]) == (round(bounds.low, 4), round(bounds.high, 4))
    assert figures["share"] == round(6 / 7, 4)
    assert [(each["reader"], each["wins"], each["losses"]) for each in figures["readers"]] == [
        ("ann", 7, 1),
        ("bob", 6, 2),
    ]
    assert [(each["readers"], each["same"]) for each in figures["agreement"]] == [(["ann", "bob"], 9)]
    ties = reading_figures(Reading("r", key, {"ann": verdicts("tt")}))
    assert (ties["ties"], ties["share"], ties["low"], ties["high"]) == (2, None, None, None)


def test_checks_are_compared_where_they_tell_the_texts_of_decided_pairs_apart() -> None:
    hero = Hero(30, "man", "flight")
    good = "Tom is 30 and has the power of flight. When a {} cries, he flies to it. The {} purrs."
    bad = "Tom is 30 and has the power of flight. When a {} cries, he eats soup. Nobody knows why."
    animals = ("kitten", "puppy", "gosling", "badger", "hedgehog")
    pairs = [
        Pair(number, hero, good.format(word, word), bad.format(word))
        for number, word in enumerate(animals[:4], 1)
    ]
    pairs.append(Pair(5, hero, good.format("hedgehog", "hedgehog"), good.format("hedgehog", "hedgehog")))
    sheet, key = Sheet(pairs), key_of("fsfff")
    won = outcomes(verdicts("AABtA"), key.sides)  # the good one, the good one, the bad one, a tie, alike
    shares = check_agreement(sheet, key, won)
    assert shares["deed_of_power"] == shares["ending_recalls"] == Share(2, 1)
    figures = check_figures({"deed_of_power": added([Share(2, 1), Share(5, 2)]), "other": Share(0, 0)})
    assert (figures["deed_of_power"]["agrees"], figures["deed_of_power"]["share"]) == (7, 0.7)
    assert figures["deed_of_power"]["reported"]
    assert not figures["other"]["reported"]


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> str:
    monkeypatch.setattr(sys, "argv", ["bench.reading", *map(str, words)])
    main()
    return capsys.readouterr().out


def write(path: Path, models: Sequence[tuple[str, str]]) -> Path:
    rows: list[tuple[str, Answer, dict[str, Any]]] = [
        (name, Answer(hero, f"{word} {hero.age}.", "stop"), {"held": {}})
        for name, word in models
        for hero in HEROES
    ]
    write_texts(path, rows)
    return path


def test_from_two_files_of_texts_to_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    new = write(tmp_path / "new.jsonl", [("seed 0", "new"), ("base", "plain")])
    old = write(tmp_path / "old.jsonl", [("seed 0", "old"), ("seed 1", "older")])
    folder = ("--folder", tmp_path / "readings")
    with pytest.raises(SystemExit, match=r"No sheet in .* was read yet"):
        run(monkeypatch, capsys, *folder)
    run(
        monkeypatch,
        capsys,
        "sheet",
        new,
        old,
        "--name",
        "one",
        "--quick",
        "--second-model",
        "seed 1",
        *folder,
    )
    sheet = read_sheet(tmp_path / "readings" / "one.md")
    assert len(sheet.pairs) == 20
    words = {pair.a.split()[0] for pair in sheet.pairs} | {pair.b.split()[0] for pair in sheet.pairs}
    assert words == {"new", "older"}
    with pytest.raises(SystemExit, match="there already"):
        run(monkeypatch, capsys, "sheet", new, old, "--name", "one", *folder)
    with pytest.raises(SystemExit, match="Nobody has read one yet"):
        run(monkeypatch, capsys, "report", "one", *folder)
    with pytest.raises(SystemExit, match="letters, digits"):
        run(monkeypatch, capsys, "read", "one", "--reader", "../ann", *folder)

    lines = [
        {"pair": pair.number, "verdict": "A" if pair.a.startswith("new") else "B"} for pair in sheet.pairs
    ]
    lines[0]["verdict"] = "tie"
    file = tmp_path / "readings" / "one.ann.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    monkeypatch.setattr("builtins.input", lambda _question: "t")
    assert "All 20 verdicts" in run(monkeypatch, capsys, "read", "one", "--reader", "bob", *folder)

    figures = json.loads(run(monkeypatch, capsys, "report", "--json", *folder).splitlines()[-1])
    assert (figures["wins"], figures["losses"], figures["ties"]) == (19, 0, 1)
    assert figures["high"] == 1
    assert (figures["first"], figures["second"]) == ("new", "old")
    assert [each["wins"] for each in figures["readers"]] == [19, 0]
    assert json.loads(run(monkeypatch, capsys, "--json", *folder).splitlines()[-1]) == figures
    checks = json.loads(run(monkeypatch, capsys, "validate", "one", "--json", *folder).splitlines()[-1])
    assert checks["checks"].keys() == {"deed_of_power", "ending_recalls", "no_stock_phrase"}


@pytest.mark.parametrize(
    ("content", "wanted", "cure"),
    [
        ("", [], "has no texts"),
        ("{}", [], "line 1: model: Field required"),
        ("nonsense", [], "line 1: Invalid JSON"),
        ('{"model": "seed 0", "hero": {"age": "old"}, "text": ""}', [], "line 1: hero"),
        (
            '{"model": "base", "hero": {"age": 40, "gender": "man", "power": "ice"}, "text": "x"}',
            [],
            "base alone",
        ),
        (
            '{"model": "base", "hero": {"age": 40, "gender": "man", "power": "ice"}, "text": "x"}',
            ["seed 9"],
            "no model 'seed 9': there are 'base'",
        ),
    ],
)
def test_a_file_of_texts_that_cannot_be_used(
    tmp_path: Path, content: str, wanted: list[str], cure: str
) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BenchError, match=cure):
        of_models(path, wanted)
    with pytest.raises(BenchError, match="no file"):
        read_texts(tmp_path / "none.jsonl")
