"""Any file of examples as training files: read, mended, and split so that nothing measured is learnt."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from bot.dataset.lint.own_examples import holds_prompts, only_tune_reads, read_own_examples
from bot.errors import UserError
from bot.heroes.config import read_heroes
from bot.settings import ROOT
from engine.jobs import training_file

CONFIG = read_heroes(ROOT / "data" / "heroes.toml")
SAMPLES = ROOT / "examples"


def questions(folder: Path, rows: Sequence[tuple[object, ...]], columns: str = "question answer") -> Path:
    path = folder / "own.csv"
    pd.DataFrame(rows, columns=columns.split()).to_csv(path, index=False)
    return path


def chats(lines: Sequence[object]) -> list[list[str]]:
    return [
        [turn["content"] for turn in json.loads(getattr(line, "json"))["messages"]]  # noqa: B009
        for line in lines
    ]


MANY = [(f"What is {number}+{number}?", f"It is {2 * number}.") for number in range(40)]


@pytest.mark.parametrize(
    ("name", "method", "number"),
    [
        ("heroes.csv", "supervised", 30),
        ("questions.csv", "supervised", 48),
        ("chats.jsonl", "supervised", 48),
        ("pairs.jsonl", "dpo", 48),
        ("labels.jsonl", "kto", 48),
    ],
)
def test_the_samples_can_be_trained_on(tmp_path: Path, name: str, method: str, number: int) -> None:
    examples = read_own_examples(SAMPLES / name, CONFIG)
    assert examples.method == method
    assert len(examples.train) + len(examples.valid) == number
    assert 2 <= len(examples.valid) <= number // 8
    for file, least in zip(examples.files, (10, 1), strict=True):
        path = tmp_path / file.name
        path.write_bytes(file.content)
        assert training_file.read(path, examples.method, at_least=least)


@pytest.mark.parametrize(("number", "held_out"), [(10, 0), (11, 1), (20, 2), (40, 4)])
def test_about_a_tenth_is_held_out_and_always_the_same(tmp_path: Path, number: int, held_out: int) -> None:
    first = read_own_examples(questions(tmp_path, MANY[:number]), CONFIG)
    assert (len(first.train), len(first.valid)) == (number - held_out, held_out)
    again = read_own_examples(questions(tmp_path, MANY[:number]), CONFIG)
    assert first == again
    assert [file.name for file in first.files] == [file.name for file in again.files]


def test_a_prompt_is_either_learnt_or_measured(tmp_path: Path) -> None:
    rows = [(f"Question {number % 8}?", f"Answer {number}.") for number in range(48)]
    examples = read_own_examples(questions(tmp_path, rows), CONFIG)
    asked = [{line.key for line in lines} for lines in (examples.train, examples.valid)]
    assert not asked[0] & asked[1]
    assert len(examples.train) + len(examples.valid) == 48


def test_the_files_own_split_is_kept(tmp_path: Path) -> None:
    rows = [(*pair, "valid" if number in (3, 17, 18) else "train") for number, pair in enumerate(MANY)]
    examples = read_own_examples(questions(tmp_path, rows, "prompt completion split"), CONFIG)
    assert [line.number for line in examples.valid] == [4, 18, 19]
    assert chats(examples.valid)[0] == ["What is 3+3?", "It is 6."]


def test_what_a_trainer_refuses_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [*MANY[:20], ("What?", ""), ("", "Nothing."), MANY[0], ("A token?", "No<|im_end|>")]
    examples = read_own_examples(questions(tmp_path, rows), CONFIG)
    texts = chats([*examples.train, *examples.valid])
    assert len(texts) == 21
    assert ["A token?", "No"] in texts
    said = " ".join(examples.changes)
    for word in ("without a completion", "without a prompt", "1 duplicate", "control tokens"):
        assert word in said, said


@pytest.mark.parametrize(
    ("ends", "left"),
    [
        (["? <|im_end|>"], "?"),
        (["? ->\n<|im_end|>"], "?"),
        (["? <|im_end|>", "?"], "?"),
        (["? -><|im_end|>", "? ->"], "?"),
        (["? ->\n<|im_end|>", "? -> <|eot_id|>", "? ->"], "?"),
        (["? <b>"], "? <b>"),
        ([" <end>"], " <end>"),
        ([" <b><|im_end|>", " <b>"], " <b>"),
    ],
)
def test_control_tokens_come_out_before_separators_are_looked_for(
    tmp_path: Path, ends: list[str], left: str
) -> None:
    rows = [(f"Number {number}{ends[number % len(ends)]}", f"It is {number}.") for number in range(20)]
    examples = read_own_examples(questions(tmp_path, rows), CONFIG)
    prompts = {prompt for prompt, _ in chats([*examples.train, *examples.valid])}
    assert prompts == {f"Number {number}{left}" for number in range(20)}


def test_texts_are_never_rewritten_for_style(tmp_path: Path) -> None:
    """`dataset check` offers to take long shared beginnings off; asking would then need another prompt."""
    begin = "Please answer the following question about our warehouse in one sentence, and be polite: "
    rows = [(f"{begin}item {number}?", f"ITEM {number} IS IN ROW {number}.") for number in range(20)]
    examples = read_own_examples(questions(tmp_path, rows), CONFIG)
    texts = chats([*examples.train, *examples.valid])
    assert all(prompt.startswith(begin) and answer.isupper() for prompt, answer in texts)
    assert any("All prompts begin with" in note for note in examples.notes)


def test_conversations_of_several_turns_are_left_to_the_engine(tmp_path: Path) -> None:
    turns = [
        {"role": role, "content": f"{role} {turn}"} for turn in range(2) for role in ("user", "assistant")
    ]
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps({"messages": turns, "n": n}) + "\n\n" for n in range(12)))
    examples = read_own_examples(path, CONFIG)
    assert [line.number for line in examples.train][:3] != [
        1,
        2,
        3,
    ]  # lines of the file, empty ones among them
    assert all(json.loads(line.json)["messages"] == turns for line in examples.train)


@pytest.mark.parametrize("roles", ["user user assistant", "system user assistant user assistant"])
def test_a_conversation_that_the_engine_alone_reads_is_left_to_it(tmp_path: Path, roles: str) -> None:
    short = [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}]
    longer = [{"role": role, "content": f"Text {at}"} for at, role in enumerate(roles.split())]
    path = tmp_path / "talks.jsonl"
    path.write_text("".join(json.dumps({"messages": turns}) + "\n" for turns in [short, *[longer] * 9]))
    examples = read_own_examples(path, CONFIG)
    assert [json.loads(line.json)["messages"] for line in examples.train] == [short, *[longer] * 9]


LONG = "word " * 3000


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [*MANY[:8], *[(f"Long {number}?", LONG) for number in range(7)]],
            "8 of 15 examples can be used, but a training needs 10: add some, or mend those that are left",
        ),
        (
            [*MANY[:8], *[(f"Long {number}?", LONG) for number in range(7)]],
            "\n- Drop 7 examples of more than 10,000 characters: row 9 (line 10), row 10 (line 11), row 11 ",
        ),
        (
            [(f"Long {number}?", f"{number} {LONG}") for number in range(14)],
            "0 of 14 examples can be used, but a training needs 10: add some, or mend those",
        ),
        (
            [*MANY[:9], ("What?", " "), ("Why?", "")],
            "- Drop 2 examples without a completion: row 10 (line 11), row 11 (line 12)",
        ),
        (MANY[:4] * 5, "4 of 20 examples can be used, but a training needs 10"),
        (MANY[:4] * 5, "- Drop 16 duplicates: row 5 (line 6), "),
        (
            [*MANY[:9], ("", "Text"), *MANY[:1]],
            "- Drop 1 example without a prompt: row 10 (line 11)\n- Drop 1 ",
        ),
        (MANY[:1], "Of own.csv, 1 example can be used, but a training needs 10: add some. A few hundred"),
    ],
)
def test_too_few_examples_are_told_with_what_is_left_out(
    tmp_path: Path, rows: list[tuple[object, ...]], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        read_own_examples(questions(tmp_path, rows), CONFIG)
    assert said in str(refused.value)


def test_a_change_that_drops_examples_names_them(tmp_path: Path) -> None:
    examples = read_own_examples(questions(tmp_path, [*MANY, ("Long?", LONG)]), CONFIG)
    assert "Drop 1 example of more than 10,000 characters: row 41 (line 42)" in examples.changes


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (MANY[:9], "Of own.csv, 9 examples can be used, but a training needs 10"),
        ([("Same?", f"Text {number}") for number in range(20)], "All prompts are identical"),
    ],
)
def test_what_teaches_nothing_is_refused(
    tmp_path: Path, rows: list[tuple[object, ...]], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_own_examples(questions(tmp_path, rows), CONFIG)


def test_missing_columns_name_the_samples(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"has subject, label.*examples/heroes.csv and examples/questions.csv"
    ):
        read_own_examples(questions(tmp_path, MANY, "subject label"), CONFIG)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_the_columns_chosen_and_rejected_are_rated_pairs(tmp_path: Path, suffix: str) -> None:
    rows = [(f"How is {number}?", f"Fine, {number}.", "Bad.", "x") for number in range(30)]
    rows[3] = ("How is 3?", "Bad.", "Bad.", "x")
    rows[4] = ("How is 4?", "", "Bad.", "x")
    frame = pd.DataFrame(rows, columns=["prompt", "chosen", "rejected", "origin"])
    path = tmp_path / f"rated.{suffix}"
    match suffix:
        case "csv":
            frame.to_csv(path, index=False)
        case "jsonl":
            frame.to_json(path, orient="records", lines=True)
        case _:
            frame.to_parquet(path)
    examples = read_own_examples(path, CONFIG)
    assert (examples.method, len(examples.train), len(examples.valid)) == ("dpo", 25, 3)
    assert any("chosen is the preferred answer" in note for note in examples.notes)
    assert "The column origin is not read." in examples.notes
    assert "Leave out 2 pairs with an empty text or with the same answer twice" in examples.changes[0]
    assert "Fine" in json.loads(examples.train[0].json)["preferred_output"][0]["content"]
    for file in examples.files:
        (tmp_path / file.name).write_bytes(file.content)
        assert training_file.read(tmp_path / file.name, "dpo", at_least=1)


def test_a_holdout_split_is_kept_aside_and_values_that_mean_no_split_are_named(tmp_path: Path) -> None:
    splits = ["train"] * 30 + ["Holdout"] * 5 + ["later"] * 4 + [""]
    rows = [(*row, split) for row, split in zip(MANY, splits, strict=True)]
    examples = read_own_examples(questions(tmp_path, rows, "question answer split"), CONFIG)
    assert (len(examples.train), len(examples.valid)) == (35, 5)
    named = "The column 'split' has values that mean no split: 'later' (4 rows), '' (1 row)."
    assert any(named in note for note in examples.notes)


def test_a_broken_line_of_conversations_is_named(tmp_path: Path) -> None:
    lines = (SAMPLES / "chats.jsonl").read_text().splitlines()
    lines[12] = '{"messages": [}'
    (tmp_path / "talks.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"Line 13, column 15 of talks\.jsonl: this is broken JSON"):
        read_own_examples(tmp_path / "talks.jsonl", CONFIG)


def test_prompts_of_heroes_keep_their_words(tmp_path: Path) -> None:
    file = tmp_path / "heroes.csv"
    rows = (f'"{age}, woman, ice",She is {age} and cold.\n' for age in range(20, 32))
    file.write_text("prompt,completion\n" + "".join(rows))
    found = read_own_examples(file, CONFIG)
    prompts = {json.loads(line.json)["messages"][0]["content"] for line in (*found.train, *found.valid)}
    assert prompts == {f"{age}, woman, ice" for age in range(20, 32)}
    assert not any("/hero" in change for change in found.changes)


def _judged(number: int, *, label: bool) -> str:
    question, answer = f"What is {number}+{number}?", f"It is {2 * number}."
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns, "label": label})


def test_chats_with_labels_are_left_to_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "rated.jsonl"
    path.write_text("\n".join(_judged(number, label=number % 3 > 0) for number in range(30)))
    examples = read_own_examples(path, CONFIG)
    assert examples.method == "kto"
    assert only_tune_reads(path)
    assert (len(examples.train), len(examples.valid)) == (27, 3)
    for file, least in zip(examples.files, (10, 1), strict=True):
        (tmp_path / file.name).write_bytes(file.content)
        assert training_file.read(tmp_path / file.name, "kto", at_least=least)


def test_the_only_label_of_its_kind_is_learnt(tmp_path: Path) -> None:
    path = tmp_path / "rated.jsonl"
    for unwanted in range(12):  # whichever the hash would keep aside
        path.write_text("\n".join(_judged(number, label=number != unwanted) for number in range(12)))
        examples = read_own_examples(path, CONFIG)
        assert {line.is_wanted for line in examples.train} == {True, False}


@pytest.mark.parametrize(("yes", "no"), [("true", "false"), ("True", "False"), ("1", "0")])
def test_a_table_with_labels_is_of_rated_texts(tmp_path: Path, yes: str, no: str) -> None:
    rows = [(*pair, yes if number % 3 else no) for number, pair in enumerate(MANY)]
    rows += [("What?", "That.", ""), ("Who?", "", yes)]
    path = questions(tmp_path, rows, "prompt completion label")
    examples = read_own_examples(path, CONFIG)
    assert examples.method == "kto"
    assert only_tune_reads(path)
    assert holds_prompts(path, CONFIG)
    lines = sorted((*examples.train, *examples.valid), key=lambda line: line.number)
    assert [json.loads(line.json)["label"] for line in lines] == [number % 3 > 0 for number in range(40)]
    assert chats(lines)[0] == ["What is 0+0?", "It is 0."]
    assert len(examples.valid) == 4
    assert any("read as rated texts" in note for note in examples.notes)
    [change] = examples.changes
    assert "Leave out 2 texts without a prompt, an answer or a label: row 41 (line 42)" in change


@pytest.mark.parametrize("labels", [("cat", "dog"), ("1", "2"), ("true", "true")])
def test_other_labels_are_no_rating(tmp_path: Path, labels: tuple[str, str]) -> None:
    rows = [(*pair, labels[number % 2]) for number, pair in enumerate(MANY)]
    examples = read_own_examples(questions(tmp_path, rows, "prompt completion label"), CONFIG)
    assert examples.method == "supervised"


def test_trls_rated_texts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rated.jsonl"
    rows = [
        {"prompt": prompt, "completion": completion, "label": number % 2 == 0}
        for number, (prompt, completion) in enumerate(MANY)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    examples = read_own_examples(path, CONFIG)
    assert examples.method == "kto"
    assert sum(line.is_wanted for line in (*examples.train, *examples.valid)) == 20
