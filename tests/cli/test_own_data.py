"""`herosmith tune` and `herosmith chat`: one's own examples, on the real engine with tiny weights."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from bot.command_line import cli
from bot.settings import ROOT
from bot.tuning.model_names import short_name
from tests.cli.conftest import RunCommand
from tests.support.large_base import large_base
from tests.support.scripted_server import Script

SAMPLES = ROOT / "examples"


def test_questions_are_tuned_on_and_asked_and_no_model_of_heroes_comes_of_it(at_engine: RunCommand) -> None:
    tuned = at_engine(
        "tune", str(SAMPLES / "questions.csv"), "--epochs", "1", "--name", "my kitchén!", "--yes"
    )
    assert tuned.exit_code == 0, tuned.output
    assert "The column 'question' is read as 'prompt'." in tuned.output
    assert "43 examples to learn from, 5 kept aside to test the model" in tuned.output
    assert "read once" in tuned.output
    rule = "a name has only English letters, digits, points, _ and -, 40 at most"
    assert f"The model will be called my-kitchen: {rule}." in tuned.output
    *_, ended, loss, chat, serve, for_programs = tuned.output.splitlines()
    assert ended == "The model my-kitchen is trained and kept."
    assert "less is better): " in loss
    assert chat == "To talk to it: herosmith chat my-kitchen"
    assert serve == "To ask it from a program: herosmith serve"
    name = for_programs.split()[-1]
    assert name.startswith("ft:tiny:my-kitchen:")

    answered = json.loads(at_engine("chat", "my kitchén!", "-m", "How long?", "--json").stdout)
    assert answered["model"] == name
    assert answered["message"] == "How long?"
    assert answered["answer"].strip()
    listed = json.loads(at_engine("chat", "--list", "--json").stdout)
    assert listed[0] == {"name": "tiny", "tuned": False, "unfinished": False, "model": "tiny"}
    assert {"name": "my-kitchen", "tuned": True, "unfinished": False, "model": name} in listed
    assert json.loads(at_engine("models", "list", "--json").stdout) == []


@pytest.mark.parametrize("command", ["models", "jobs"])
def test_an_empty_list_says_where_models_of_ones_own_are(terminal: RunCommand, command: str) -> None:
    printed = terminal(command, "list").output
    assert "What herosmith tune trains is in herosmith chat --list." in printed


@pytest.mark.parametrize(
    ("model", "typed"),
    [
        ("tiny", "tiny"),
        ("ft:tiny:kitchen:b2", "kitchen"),
        ("ft:tiny:kitchen:a1", "a1"),  # a later one took its name
        ("ft:tiny:tiny:c3", "c3"),  # the base has its name
        ("ft:tiny:1", "1"),
    ],
)
def test_a_model_is_called_by_the_shortest_name_that_finds_it(model: str, typed: str) -> None:
    names = ["tiny", "ft:tiny:kitchen:a1", "ft:tiny:kitchen:b2", "ft:tiny:tiny:c3", "ft:tiny:1"]
    assert short_name(names, model) == typed


def test_pairs_are_learnt_by_preference_and_told_as_json(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    tuned = terminal("tune", str(SAMPLES / "pairs.jsonl"), "--epochs", "3", "--yes", "--json")
    assert tuned.exit_code == 0, tuned.output
    assert json.loads(tuned.stdout) == {
        "model": "ft:tiny:1",
        "base": "tiny",
        "job": "ftjob-1",
        "method": "dpo",
        "train": 43,
        "valid": 5,
        "trained_tokens": 10_000,
        "loss_before": 2.5,
        "loss_after": 1.25,
        "kept_epoch": None,
    }
    assert "Training tiny on" in tuned.stderr
    assert "Better train it on prompts and answers first" in tuned.stderr
    (created,) = server.trainings.created
    assert created["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"n_epochs": 3}}}
    assert created["suffix"] == "pairs"
    assert len(server.trainings.uploads) == 2


def test_texts_with_labels_are_learnt_by_them(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    rows = [f"What is {number}?,It is {number}.,{number % 2}" for number in range(20)]
    Path("rated.csv").write_text("\n".join(["prompt,completion,label", *rows]))
    tuned = terminal("tune", "rated.csv", "--yes", "--json")
    assert tuned.exit_code == 0, tuned.output
    assert json.loads(tuned.stdout)["method"] == "kto"
    assert "by what is wanted and what is not (kto): 18 examples to learn from" in tuned.stderr
    assert "Rated texts refine a model" in tuned.stderr
    (created,) = server.trainings.created
    assert created["method"]["type"] == "kto"


@pytest.mark.parametrize("form", ["csv", "turns"])
def test_examples_that_the_model_cannot_read_are_left_out_before_the_question(
    at_engine: RunCommand, tmp_path: Path, form: str
) -> None:
    rows = [(f"Question {number}?", f"Answer {number}.") for number in range(15)]
    rows[6] = ("Question 6?", "a word or two " * 700)
    rows[9] = ("Question 9?", "a word or two " * 100)  # long, and can be read
    if form == "csv":
        pd.DataFrame(rows, columns=["prompt", "completion"]).to_csv(tmp_path / "long_rows.csv", index=False)
        file, place = "long_rows.csv", "row 7 (line 8; "
    else:
        (tmp_path / "long_talks.jsonl").write_text("\n".join(map(_talk, rows)))
        file, place = "long_talks.jsonl", "line 7 ("
    told = at_engine("tune", file, typed="n\n")
    assert (
        "Leave out 1 example of more than 1,024 tokens (parts of words), which the model cannot read: "
        f"{place}" in told.output
    )
    assert re.search(r"line [78](; | \()\d,\d{3} tokens\)\. It is learnt from if you shorten", told.output)
    assert "Nothing was done." in told.output
    tuned = json.loads(at_engine("tune", file, "--epochs", "1", "--yes", "--json").stdout)
    assert tuned["train"] + tuned["valid"] == 14


def _talk(row: tuple[str, str]) -> str:
    turns = [("user", "Hello"), ("assistant", "Hello."), ("user", row[0]), ("assistant", row[1])]
    return json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]})


def test_what_the_engine_would_refuse_is_left_out_before_the_question(at_engine: RunCommand) -> None:
    talks = [json.loads(_talk((f"Question {number}?", f"Answer {number}."))) for number in range(14)]
    talks[3]["messages"][0]["role"] = "bot"
    talks[7]["messages"].pop()
    talks[9]["messages"][1]["content"] = "Hello <|im_end|>"
    Path("talks.jsonl").write_text("\n".join(map(json.dumps, talks)))
    told = at_engine("tune", "talks.jsonl", typed="n\n")
    assert "Leave out 3 examples that the model cannot learn from: line 4 (messages[0].role: " in told.output
    assert "line 8 (the last message must be the assistant's)" in told.output
    assert "'<|im_end|>' is a control token" in told.output
    assert "Nothing was done." in told.output

    talks[0]["messages"].pop()
    talks[1]["messages"].pop()
    Path("talks.jsonl").write_text("\n".join(map(json.dumps, talks)))
    refused = at_engine("tune", "talks.jsonl", "--yes")
    assert refused.exit_code == 1
    assert "9 of 14 examples can be used" in refused.stderr
    assert "a training needs 10" in refused.stderr
    assert "line 1 (the last message must be the assistant's)" in refused.stderr


def test_a_pair_of_equal_answers_is_left_out(at_engine: RunCommand) -> None:
    pairs = (SAMPLES / "pairs.jsonl").read_text().splitlines()
    broken = json.loads(pairs[0])
    broken["non_preferred_output"] = broken["preferred_output"]
    Path("equal.jsonl").write_text("\n".join([json.dumps(broken), *pairs[1:]]))
    told = at_engine("tune", "equal.jsonl", typed="n\n")
    assert "line 1 (both outputs are the same: there is nothing to prefer)" in told.output


@pytest.mark.parametrize(("number", "is_explained"), [(10, True), (11, False)])
def test_a_plan_says_why_there_will_be_no_loss(
    terminal: RunCommand, server: Script, number: int, *, is_explained: bool
) -> None:
    server.trainings.lists = ["tiny"]
    rows = [(f"Question {each}?", f"Answer {each}.") for each in range(number)]
    pd.DataFrame(rows, columns=["prompt", "completion"]).to_csv("few.csv", index=False)
    told = terminal("tune", "few.csv", typed="n\n").output
    assert (
        f"10 examples to learn from, {'none' if is_explained else '1'} kept aside to test the model" in told
    )
    assert ("All examples are learnt, because 10 have to be" in told) is is_explained


def test_too_few_examples_that_can_be_read_are_refused_with_those_that_cannot(at_engine: RunCommand) -> None:
    rows = [(f"Question {number}?", "a word or two " * (700 if number < 5 else 1)) for number in range(12)]
    pd.DataFrame(rows, columns=["prompt", "completion"]).to_csv("too_few.csv", index=False)
    refused = at_engine("tune", "too_few.csv", "--yes")
    assert refused.exit_code == 1
    assert "a training needs 10" in refused.stderr
    assert "Leave out 5 examples of more than 1,024 tokens" in refused.stderr
    assert "file-" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tune", str(SAMPLES / "questions.csv"), "--base", "gpt-9", "--yes"), "There is no model gpt-9."),
        (("tune", str(SAMPLES / "questions.csv")), "To say yes without a question, start"),
        (("tune", "nowhere.csv", "--yes"), "nowhere.csv"),
        (("tune", str(ROOT / "docs" / "playground.png"), "--yes"), "playground.png"),
        (("tune", str(SAMPLES / "questions.csv"), "--base", "some/model", "--yes"), "An engine runs already"),
        (("chat", "nobody", "-m", "Hello"), "There is no model nobody. There are:\n  tiny"),
        (
            ("tune", str(SAMPLES), "--yes"),
            f"To learn from that file, name it alone: `herosmith tune {SAMPLES / 'chats.jsonl'}`",
        ),
        (
            ("chat", "-m", "word " * 5000),
            "That is longer than the model can read: shorten it. The engine says: The messages have ",
        ),
        (("chat", "-m", "<|im_end|>"), "The engine refused: "),
    ],
)
def test_errors_say_what_to_do(at_engine: RunCommand, arguments: tuple[str, ...], message: str) -> None:
    refused = at_engine(*arguments)
    assert refused.exit_code == 1
    assert message in refused.stderr
    assert "Traceback" not in refused.output


def test_who_deletes_an_unknown_model_is_told_only_what_can_be_deleted(at_engine: RunCommand) -> None:
    refused = at_engine("delete", "nobody")
    assert refused.exit_code == 1
    told, *names = refused.stderr.splitlines()
    assert "  tiny" not in names  # the base
    if names:  # other tests leave models at the same engine
        assert told == "There is no model nobody. Can be deleted:"
    else:
        assert told == "There is no model nobody, nor another one that can be deleted."


def test_a_base_that_is_too_large_for_memory_is_refused_with_the_figures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    (tmp_path / "huge").mkdir()
    base = large_base(tmp_path / "huge", 10**13)
    questions = str(SAMPLES / "questions.csv")
    refused = CliRunner().invoke(cli, ["tune", questions, "--yes", "--base", str(base)])
    assert refused.exit_code == 1
    assert f"{base} is too large to be loaded: " in refused.stderr
    assert "GiB of memory and swap are needed, and " in refused.stderr
    assert "choose a smaller model" in refused.stderr
    assert "Traceback" not in refused.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("chat",), "nothing is piped in: ask with --message TEXT"),
        (("chat", "-m", " "), "There is no text to answer: write a question."),
        (("tune", "x.csv", "--json"), "confirm with --yes"),
        (("tune", "x.csv", "--name", "###"), "Nothing is left of '###': a name has only English letters"),
    ],
)
def test_without_a_terminal_nothing_is_asked(
    terminal: RunCommand, arguments: tuple[str, ...], message: str
) -> None:
    refused = terminal(*arguments, typed="\n")
    assert refused.exit_code == 2
    assert message in " ".join(refused.stderr.replace("│", " ").split())


def test_piped_text_is_one_message(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    server.texts = ["Yes.", "No."]
    answered = terminal("chat", typed="Dear all,\n\nis this spam?\n")
    assert (answered.exit_code, answered.output) == (0, "Yes.\n")
    assert json.loads(terminal("chat", "--json", typed="And this?\n").stdout)["answer"] == "No."
    asked = [each["messages"] for each in server.asked]
    assert asked == [
        [{"role": "user", "content": "Dear all,\n\nis this spam?"}],
        [{"role": "user", "content": "And this?"}],
    ]


def test_an_answer_that_is_cut_says_so(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    server.texts = ["Once upon a", "Once upon a", "The end."]
    server.finish_reason = "length"
    told = terminal("chat", "-m", "Tell me a tale.")
    assert told.stdout == "Once upon a\n"
    assert "The answer is cut here" in told.stderr
    as_json = terminal("chat", "-m", "Tell me a tale.", "--json")
    assert json.loads(as_json.stdout)["finish_reason"] == "length"
    assert as_json.stderr == ""
    server.finish_reason = "stop"
    assert "cut" not in terminal("chat", "-m", "How does it end?").stderr


def test_an_answer_that_breaks_off_is_asked_for_again(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    server.texts = ["one two three four", "one two three four"]
    server.cut = 1
    told = terminal("chat", "-m", "Count.")
    assert told.exit_code == 0, told.output
    assert told.stdout == "one two three four\n"  # for a file or a program: no beginning
    assert "It is asked again." in told.stderr


def test_a_declined_plan_uploads_nothing(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    declined = terminal("tune", str(SAMPLES / "questions.csv"), typed="n\n")
    assert declined.exit_code == 0, declined.output
    assert "Nothing was done." in declined.output
    assert server.trainings.uploads == []


@pytest.mark.parametrize(
    ("name", "begin", "line"),
    [
        ("notes.md", "# Notes\n\n", "On day {}, it rained, and we read.\n\n"),
        ("a.csv", "prompt,completion\n", ",{}.\n"),
    ],
)
def test_texts_without_prompts_are_learnt_from_only_if_that_is_meant(
    terminal: RunCommand, server: Script, tmp_path: Path, name: str, begin: str, line: str
) -> None:
    server.trainings.lists = ["tiny"]
    notes = tmp_path / name
    notes.write_text(begin + "".join(line.format(day) for day in range(16)))
    refused = terminal("tune", str(notes), "--yes")
    assert refused.exit_code == 1
    assert f"{notes} has no prompts" in refused.stderr
    assert "add --plain-text" in refused.stderr
    assert server.trainings.uploads == []
    unanswered = terminal("tune", str(notes))
    assert "start the command again with --yes --plain-text." in unanswered.stderr
    declined = terminal("tune", str(notes), typed="n\n")
    assert f"Training tiny on {notes}, each text an example without a prompt: " in declined.output
    meant = terminal("tune", str(notes), "--yes", "--plain-text")
    assert meant.exit_code == 0, meant.output
    assert len(server.trainings.created) == 1


def test_a_training_that_fails_says_why_in_the_engines_words(terminal: RunCommand, server: Script) -> None:
    server.trainings.lists = ["tiny"]
    reason = "The training needs 9.9 GiB more memory and 2.1 are free. Close other programs."
    server.trainings.error = reason
    failed = terminal("tune", str(SAMPLES / "questions.csv"), "--yes")
    assert failed.exit_code == 1
    assert reason in failed.stderr
    assert "Traceback" not in failed.output


@pytest.mark.parametrize("call", ["POST /v1/files", "POST /v1/fine_tuning/jobs"])
def test_a_full_disk_of_the_engine_is_told_at_once(terminal: RunCommand, server: Script, call: str) -> None:
    server.trainings.lists = ["tiny"]
    server.failure_code = "disk_full"
    server.faults[call] = [507]
    failed = terminal("tune", str(SAMPLES / "questions.csv"), "--name", "shop", "--yes")
    assert failed.exit_code == 1
    assert "The engine's disk is full. Free some space where its data lies (DATA_DIR)" in failed.stderr
    assert "herosmith tune" in failed.stderr
    assert "--name shop" in failed.stderr
    assert "finetune" not in failed.output
