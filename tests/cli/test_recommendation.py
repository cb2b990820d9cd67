"""What `herosmith dataset check` recommends, it has tried: commands work when pasted, and files are taken."""

import json
import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from bot.command_line import cli
from bot.dataset.files.formats import FileFormat, write_rows
from bot.dataset.files.hero_rows import read_hero_rows
from bot.dataset.files.row import Row
from bot.errors import UserError
from bot.heroes.config import read_heroes
from bot.settings import ROOT
from engine.jobs import training_file
from tests.cli.conftest import RunCommand
from tests.dataset.files.test_import import AGES, TEXTS, heroes, pairs

VOCABULARY = read_heroes(ROOT / "data" / "heroes.toml").vocabulary
TUNE = "Train a model of your own on it with `herosmith tune "
CHATS = [
    {"messages": [{"role": "user", "content": f"{age}, man, ice ->"}, {"role": "assistant", "content": text}]}
    for age, text in zip(AGES, TEXTS, strict=True)
]
CHAT_LINES = [json.dumps(chat) for chat in CHATS]
QUESTIONS = [(f"What is {number}+{number}?", f"{2 * number}, of course.") for number in range(12)]


def check(*arguments: str, answers: str | None = None) -> Result:
    quiet = [] if answers else ["-q"]
    return CliRunner().invoke(cli, ["dataset", "check", *quiet, *arguments], input=answers)


def recommended(output: str) -> list[str]:
    """Return the arguments of the import that is recommended; none if there is no such recommendation."""
    found = re.search(r"Import it with `herosmith (.*)`; that", output, re.DOTALL)
    return shlex.split(found[1]) if found else []


def written(path: Path) -> list[list[str]]:
    """Return the turns' texts of each example."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [[turn["content"] for turn in json.loads(line)["messages"]] for line in lines]


def write_questions(folder: Path, examples: list[tuple[str, str]]) -> str:
    pd.DataFrame(examples, columns=["prompt", "completion"]).to_csv(folder / "own.csv", index=False)
    return "own.csv"


@pytest.mark.parametrize("name", ["-30c.csv", "$(touch x);it's ü.csv"])
def test_the_printed_command_works_when_pasted(terminal: RunCommand, tmp_path: Path, name: str) -> None:
    pairs(tmp_path, name)
    imported = terminal(*recommended(check(f"./{name}").output))
    assert imported.exit_code == 0, imported.output
    assert "11 texts to learn from, 1 kept aside to test the model" in imported.output


@pytest.mark.parametrize("name", ["--out.csv", "my heroes.csv", "it's.csv", 'a"b.csv', "a\nb.csv", "-.csv"])
def test_the_printed_path_is_one_argument_and_no_option(tmp_path: Path, name: str) -> None:
    pairs(tmp_path, name)
    command = recommended(check("--", name).output)
    assert len(read_hero_rows(Path(command[-1]), VOCABULARY).rows) == 12
    again = check(command[-1])
    assert "can be used as it is" in again.output
    assert recommended(again.output) == command


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(CHAT_LINES).encode("utf-16"),
        b"\xef\xbb\xbf" + "\n".join(CHAT_LINES).encode(),
        "\r".join(CHAT_LINES).encode(),
        "\n".join([*CHAT_LINES[:11], CHAT_LINES[11].replace(json.dumps(TEXTS[11]), "5")]).encode(),
        "\n".join([*CHAT_LINES[:11], CHAT_LINES[11].replace(json.dumps(TEXTS[11]), "true")]).encode(),
        json.dumps(CHATS).encode(),
    ],
    ids=["utf-16", "bom", "cr", "number", "true", "list"],
)
def test_a_new_file_is_written_if_a_byte_must_change(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    done = check("a.jsonl")
    assert recommended(done.output) == ["dataset", "import", "a_prepared.jsonl"], done.output
    prepared = tmp_path / "a_prepared.jsonl"
    assert len(training_file.read(prepared, "supervised")) == 12
    assert (
        written(prepared)[:11]
        == [[f"{age}, man, ice ->", text] for age, text in zip(AGES, TEXTS, strict=True)][:11]
    )
    assert "can be used as it is" in check("a_prepared.jsonl").output


@pytest.mark.parametrize(
    ("prompt", "text"),
    [("{}, man, ice", " {} END"), ("{}.0, Man, ice -> ->", "{}\n"), ("{}, man, ice\n\n###\n\n", " {}***")],
)
@pytest.mark.parametrize("legacy", [False, True])
def test_check_and_direct_import_give_the_same_rows(
    tmp_path: Path, prompt: str, text: str, legacy: bool
) -> None:
    source = pairs(tmp_path, "a.csv", prompt, text)
    done = check("a.csv", *(["--legacy"] if legacy else []))
    prepared = Path(recommended(done.output)[-1])
    assert read_hero_rows(prepared, VOCABULARY).rows == read_hero_rows(source, VOCABULARY).rows


@pytest.mark.parametrize(
    "examples",
    [
        QUESTIONS,
        [(f"Describe lamp {number}", text) for number, text in enumerate(TEXTS)],
        [(f"{age}, ice", text) for age, text in zip(AGES, TEXTS, strict=True)],
        [(f"{age - 18}, man, ice ->", text) for age, text in zip(AGES, TEXTS, strict=True)],
        [("", text) for text in TEXTS],
    ],
    ids=["questions", "lamps", "no gender", "children", "no prompts"],
)
def test_files_without_heroes_are_for_other_trainers(tmp_path: Path, examples: list[tuple[str, str]]) -> None:
    done = check(write_questions(tmp_path, examples))
    assert recommended(done.output) == []
    assert "dataset import" not in done.output
    looks_like_heroes = examples[0][0][:1].isdigit()
    assert ("none of its rows is a hero" in done.output) == looks_like_heroes
    assert ("cannot" in done.output) == looks_like_heroes  # else nothing has failed
    assert ("(The bot's own datasets are of heroes: it holds none.)" in done.output) != looks_like_heroes
    assert TUNE in done.output
    assert len(training_file.read(tmp_path / "own_prepared.jsonl", "supervised")) == 12


@pytest.mark.parametrize(
    ("turn", "beside"),
    [
        ({"name": "Kim"}, {}),
        ({"refusal": "I cannot."}, {}),
        ({"reasoning_content": "Hm."}, {}),
        ({"weight": "1"}, {}),
        ({}, {"id": 7}),
        ({}, {"tools": [{"type": "function"}]}),
        ({}, {"parallel_tool_calls": False}),
        ({}, {"split": "train"}),
    ],
)
def test_what_stands_beside_the_texts_of_chats_is_left_out_for_trainers(
    tmp_path: Path, turn: dict[str, object], beside: dict[str, object]
) -> None:
    chats = [
        {
            "messages": [
                {"role": "user", "content": f"{text[::-1]}?"},
                {"role": "assistant", "content": text, **turn},
            ],
            **beside,
        }
        for text in TEXTS
    ]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, chats)))
    with pytest.raises(training_file.TrainingFileError):
        training_file.read(tmp_path / "own.jsonl", "supervised")
    assert TUNE in check("own.jsonl").output
    assert len(training_file.read(tmp_path / "own_prepared.jsonl", "supervised")) == 12


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"age": [120] * 12, "power": ["ice", "fire"] * 6}, "6 to learn from and 6 kept aside"),
        ({"response_txt": [*TEXTS[:6], *TEXTS[:6]]}, "Usable texts in heroes_prepared.jsonl: 6"),
        ({"age": ["", *AGES[1:]]}, "without a hero first"),
        ({"sub_prompt": ["99, woman, fire", *[""] * 11]}, "without a hero first"),
        ({"sub_prompt": ["99, woman, fire"] * 12}, "contradict each other"),
    ],
)
def test_what_import_would_refuse_is_not_recommended(
    tmp_path: Path, columns: dict[str, list[object]], reason: str
) -> None:
    heroes(tmp_path, "heroes.csv", **columns)
    done = check("heroes.csv")
    assert recommended(done.output) == []
    assert "The bot cannot take it in as a dataset" in done.output
    assert reason in done.output


@pytest.mark.parametrize(("split", "train"), [(["train"] * 9 + ["val"] * 3, 9), (["valid"] * 12, 0)])
def test_what_import_takes_and_no_training_can_use_is_told(
    terminal: RunCommand, tmp_path: Path, split: list[str], train: int
) -> None:
    heroes(tmp_path, "heroes.csv", split=split)
    done = check("heroes.csv")
    assert recommended(done.output) == []
    assert "`herosmith dataset import heroes.csv` takes it in, but no training can begin on it" in done.output
    assert f"{train} of its texts would train" in done.output
    imported = terminal("dataset", "import", "heroes.csv")
    assert f"heroes.csv is dataset v1: {train} texts to learn from" in imported.output


def test_a_file_with_a_split_of_its_own_is_imported_itself(tmp_path: Path) -> None:
    heroes(tmp_path, split=["train"] * 10 + ["Validation", "test"])
    done = check("heroes.csv")
    assert "Not read: the split test (1 row)." in done.output
    assert recommended(done.output) == ["dataset", "import", "heroes.csv"]


@pytest.mark.parametrize(
    "token", ["<|endoftext|>", "<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|assistant|>"]
)
def test_control_tokens_are_named_and_the_engine_agrees(tmp_path: Path, token: str) -> None:
    examples = [(QUESTIONS[0][0], f"0{token}"), (QUESTIONS[1][0] + token, "2."), *QUESTIONS[2:]]
    name = write_questions(tmp_path, examples)
    rows = "row 1 (line 2), row 2 (line 3)"
    declined = check(name, answers="n\ny\n")
    assert (
        f"2 examples with a control token such as {token}, which trainers refuse: {rows}." in declined.output
    )
    assert TUNE not in declined.output
    with pytest.raises(training_file.TrainingFileError, match="control token"):
        training_file.read(tmp_path / "own_prepared.jsonl", "supervised")
    assert TUNE in check(name).output
    assert len(training_file.read(tmp_path / "own_prepared (1).jsonl", "supervised")) == 12


@pytest.mark.parametrize(("length", "told"), [(2_900, False), (3_100, True)])
def test_examples_that_the_packaged_model_may_not_read_are_named(
    tmp_path: Path, length: int, told: bool
) -> None:
    done = check(write_questions(tmp_path, [*QUESTIONS, ("Long?", "so " * (length // 3))]))
    assert ("tune leaves out what is longer. It may be: row 13 (line 14)." in done.output) == told


def test_too_few_examples_are_recommended_to_nobody(tmp_path: Path) -> None:
    done = check(write_questions(tmp_path, QUESTIONS[:9]))
    assert "Trainers need 10 examples or more, and it has 9." in done.output
    with pytest.raises(training_file.TrainingFileError, match="at least 10"):
        training_file.read(tmp_path / "own_prepared.jsonl", "supervised")


@pytest.mark.parametrize("blank", ["", " ", "\n", "\t ", "\N{NO-BREAK SPACE}"])
def test_blank_answers_and_prompts_are_named_by_example(tmp_path: Path, blank: str) -> None:
    examples = [*QUESTIONS[:3], (QUESTIONS[3][0], blank), (blank, "Flo."), *QUESTIONS[5:], ("What?", "It.")]
    done = check(write_questions(tmp_path, examples))
    below = 1 + (blank == "\n")  # a text of two lines
    assert "1 example without a completion: row 4 (line 5)." in done.output
    assert f"1 example without a prompt: row 5 (line {5 + below})." in done.output
    assert len(training_file.read(tmp_path / "own_prepared.jsonl", "supervised")) == 11


@pytest.mark.parametrize("out", ["a.csv", "a.json", "a.txt", "a", "a.jsonl.gz", ".jsonl"])
def test_out_refuses_an_ending_that_is_not_written(tmp_path: Path, out: str) -> None:
    source = write_questions(tmp_path, QUESTIONS)
    done = check(source, "--out", out)
    assert done.exit_code == 1
    assert "must end in .jsonl" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [source]


@pytest.mark.parametrize("form", ["article", "prepared", "csv", "jsonl", "parquet", "huggingface"])
def test_exports_of_every_format_are_checked_and_recommended(tmp_path: Path, form: FileFormat) -> None:
    rows = [
        Row((str(age), "man", "ice"), "Imagine ...", f"{age}, man, ice", text, "stop")
        for age, text in zip(AGES, TEXTS, strict=True)
    ]
    suffix = {"article": ".csv", "prepared": ".csv", "huggingface": ""}.get(form, f".{form}")
    write_rows(rows, tmp_path / f"export{suffix}", form)
    done = check(f"export{suffix}")
    found = read_hero_rows(Path(recommended(done.output)[-1]), VOCABULARY).rows
    assert [(row.tuning_prompt, row.response_txt) for row in found] == [
        (row.tuning_prompt, row.response_txt) for row in rows
    ]


@pytest.mark.parametrize(
    ("prompts", "completions"),
    [
        ([f"120, woman, {power} ->" for power in ("ice", "invisibility")] * 6, TEXTS),
        (QUESTIONS, [f"{word} {text}" for word in ("Unfortunate", "Unfortunately") for text in TEXTS[:6]]),
        (QUESTIONS, [f"Meanwhile{end} {text}" for end in ("", "'s", "-time") for text in TEXTS[:4]]),
        (["What is the colour of ice", "What is the colour of icebergs", "What is the colour of"] * 4, TEXTS),
        ([f"Tell me about grandm{end}" for end in ("a", "other")] * 6, TEXTS),
    ],
)
def test_no_word_is_cut_and_nothing_is_cut_to_nothing(
    tmp_path: Path, prompts: list[object], completions: list[str]
) -> None:
    asked = [prompt[0] if isinstance(prompt, tuple) else str(prompt) for prompt in prompts]
    check(write_questions(tmp_path, list(zip(asked, completions, strict=True))))
    for example, (prompt, answer) in enumerate(written(tmp_path / "own_prepared.jsonl")):
        assert prompt in asked[example] or prompt == asked[example]
        for part, whole in ((prompt, asked[example]), (answer, completions[example])):
            assert part.strip()
            assert re.search(rf"(?<![\w'-]){re.escape(part)}$", whole), (part, whole)


def test_a_file_that_import_refuses_is_refused_by_both_for_its_columns(tmp_path: Path) -> None:
    for header in ("prompt,Prompt ,completion", "age,AGE,gender,power,response_txt"):
        (tmp_path / "twice.csv").write_text(f"{header}\n" + ",".join("abcde"[: header.count(",") + 1]) + "\n")
        assert "columns of the same name" in check("twice.csv").stderr
        with pytest.raises(UserError, match="columns of the same name"):
            read_hero_rows(tmp_path / "twice.csv", VOCABULARY)
