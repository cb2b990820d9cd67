"""`herosmith dataset check`: questions, the written files, and errors."""

import json
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from bot.command_line import cli
from bot.settings import ROOT

AGES = ("18", "20", "30")
POWERS = ("invisibility", "flight")


def check(*arguments: str | Path, answers: str = "") -> Result:
    return CliRunner().invoke(cli, ["dataset", "check", *map(str, arguments)], input=answers)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def heroes(tmp_path: Path) -> Path:
    """A CSV file of heroes with their descriptions, as early fine-tuning tutorials made it."""
    path = tmp_path / "prepared_data.csv"
    pairs = [
        (f"{age}, {gender}, {power}", f"\n\n{name} is {age}, and {power} is the gift of this {gender}.{end}")
        for age in AGES
        for gender in ("man", "woman")
        for power, name, end in zip(POWERS, ("Robin", "Alex"), ("", " Truly!"), strict=True)
    ]
    pd.DataFrame(pairs, columns=["prompt", "completion"]).to_csv(path, index=False)
    return path


def test_legacy_pairs_get_separators_spaces_an_ending_and_reminders(heroes: Path) -> None:
    done = check(heroes, "-q", "--legacy")

    assert done.exit_code == 0
    prepared = lines(heroes.with_name("prepared_data_prepared.jsonl"))
    assert len(prepared) == 12
    assert prepared[0] == {
        "prompt": "18, man, invisibility ->",
        "completion": " \n\nRobin is 18, and invisibility is the gift of this man. END",
    }
    assert all(str(row["prompt"]).endswith(" ->") for row in prepared)
    assert all(str(row["completion"]).startswith(" ") for row in prepared)
    assert "1. The file is CSV." in done.stdout
    assert "- [Necessary] Convert CSV to prompt-completion JSONL" in done.stdout
    assert "- [Recommended] End all prompts with the separator ' ->': '18, man, invisibility' " in done.stdout
    assert "prompts that end with the separator ' ->'" in done.stdout
    assert "stop=[' END']" in done.stdout
    assert "retired tool would have estimated" in done.stdout
    assert "herosmith dataset import" in done.stdout


def test_chats_are_written_by_default_and_need_no_change(heroes: Path) -> None:
    done = check(heroes, answers="y\n" * 5)
    prepared = heroes.with_name("prepared_data_prepared.jsonl")
    assert done.exit_code == 0
    assert lines(prepared)[0]["messages"] == [
        {"role": "user", "content": "18, man, invisibility ->"},
        {"role": "assistant", "content": "Robin is 18, and invisibility is the gift of this man."},
    ]
    assert "separator" not in done.stdout

    again = check(prepared)

    assert again.exit_code == 0
    assert "can be used as it is" in again.stdout
    assert sorted(path.name for path in heroes.parent.iterdir()) == [heroes.name, prepared.name]


def test_only_n_declines(heroes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = check(heroes, "--legacy", "--out", out, answers="n\n\nwhat?\nyes\n")
    assert done.exit_code == 0
    assert lines(out)[0] == {
        "prompt": "18, man, invisibility",
        "completion": " \n\nRobin is 18, and invisibility is the gift of this man. END",
    }
    refused = check(heroes, "--out", out)
    assert "exists already: choose another name, or replace it with --overwrite." in refused.stderr
    replaced = check(heroes, "--out", out, "--overwrite", "--yes")
    assert "messages" in lines(out)[0], replaced.output


def test_the_checked_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "c", "completion": "d"}\n')
    before = path.read_bytes()
    assert "which stays as it is" in check(path, "--yes", "--out", path, "--overwrite").stderr
    assert path.read_bytes() == before


def test_declining_the_last_question_writes_nothing(heroes: Path) -> None:
    done = check(heroes, answers="N\nN\n")
    assert done.exit_code == 0
    assert "Nothing is written." in done.stdout
    assert list(heroes.parent.iterdir()) == [heroes]


def test_an_unanswered_question_is_an_error(heroes: Path) -> None:
    done = check(heroes, "--legacy", answers="y\n")
    assert done.exit_code == 1
    assert "nothing is written" in done.stderr
    assert list(heroes.parent.iterdir()) == [heroes]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hero,completion\na,b\n", "a.csv lacks the column prompt and has hero, completion."),
        ("prompt,completion\na,b\na,c\n", "All prompts are identical"),
        ("prompt,completion\na,b,c,d\n", "has 4 fields where the header has 2"),
    ],
)
def test_errors_are_printed_to_standard_error(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    done = check(path, "-q")
    assert done.exit_code == 1
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["pairs.jsonl", "labels.jsonl", "chats.jsonl", "rated.csv"])
def test_what_only_tune_reads_is_sent_there_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / "rated.csv").write_text("prompt,chosen,rejected\nWho?,Nobody.,No.\n")
    file = tmp_path / name if name == "rated.csv" else ROOT / "examples" / name
    refused = check(file)
    assert refused.exit_code == 1
    assert f"herosmith tune {file}` reads them." in refused.stderr
    assert "only conversations of one user" not in refused.stderr


def test_each_rewriting_is_shown_before_and_after_and_can_be_left_out(tmp_path: Path) -> None:
    rows = [(f"WHAT IS THE PRICE OF ITEM {number}? ->", f"It is {number} euros.") for number in range(12)]
    file = tmp_path / "prices.csv"
    pd.DataFrame(rows, columns=["prompt", "completion"]).to_csv(file, index=False)
    done = check(file, "--yes", "--out", str(tmp_path / "all.jsonl"))
    assert "These changes are made; without --yes, each recommended one is a question, and n" in done.stdout
    assert (
        "- [Necessary] Take that off all prompts: 'WHAT IS THE PRICE OF ITEM 0? ->' becomes "
        "'WHAT IS THE PRICE OF ITEM 0?'\n" in done.stdout
    )
    assert (
        "- [Recommended] Write all prompts in lower case: 'WHAT IS THE PRICE OF ITEM 0?' becomes "
        "'what is the price of item 0?' [Y/n]: Y\n" in done.stdout
    )
    check(file, "--out", str(tmp_path / "none.jsonl"), answers="n\nn\nn\ny\n")
    user, assistant = cast(Any, lines(tmp_path / "none.jsonl")[0]["messages"])
    assert (user["content"], assistant["content"]) == ("WHAT IS THE PRICE OF ITEM 0?", "It is 0 euros.")


def test_prompts_of_heroes_keep_their_words_if_that_is_wanted(tmp_path: Path) -> None:
    rows = [(f"{age}, woman, ice", f"She is {age} and cold.") for age in range(20, 32)]
    file = tmp_path / "heroes.csv"
    pd.DataFrame(rows, columns=["prompt", "completion"]).to_csv(file, index=False)
    done = check(file, "--yes", "--out", str(tmp_path / "all.jsonl"))
    assert "Write 12 prompts as /hero asks: '20, woman, ice' becomes '20, woman, ice ->'" in done.stdout
    check(file, "--out", str(tmp_path / "none.jsonl"), answers="n\nn\ny\n")
    user, _ = cast(Any, lines(tmp_path / "none.jsonl")[0]["messages"])
    assert user["content"] == "20, woman, ice"


def test_the_example_of_a_change_is_what_arises_after_the_changes_before_it(tmp_path: Path) -> None:
    file = tmp_path / "loud.csv"
    rows = "".join(f"PLEASE TELL ME ALL OF ITEM {number},Row {number}.\n" for number in range(20))
    file.write_text(f"prompt,completion\n{rows}")
    taken = check(file, "--yes").stdout
    assert "'please tell me all of item 0' becomes '0'" in taken
    declined = check(file, answers="n\n" + "\n" * 9).stdout
    assert "'PLEASE TELL ME ALL OF ITEM 0' becomes '0'" in declined


def test_what_drops_all_examples_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    rows = "".join(f"Item {number}?,{'word ' * 3000}{number}\n" for number in range(20))
    file.write_text(f"prompt,completion\n{rows}")
    refused = check(file, "--yes")
    assert refused.exit_code == 1
    assert "start without --yes and answer n to a change that drops them" in refused.stderr
