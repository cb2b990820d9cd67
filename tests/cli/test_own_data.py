"""`herosmith tune` and `herosmith chat`: one's own examples, on the real engine with tiny weights."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import openai
import pandas as pd
import psutil
import pytest
import typer
from openai.types.fine_tuning import FineTuningJob
from typer.testing import CliRunner, Result

from bot.cli.progress import confirm
from bot.command_line import cli
from bot.errors import UserError
from bot.settings import ROOT
from bot.tuning.model_names import require_deletable, short_name, training_name
from tests.cli.conftest import RunCommand
from tests.support.engine_jobs import trainer_of
from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.eventually import eventually
from tests.support.large_base import large_base
from tests.support.scripted_server import Script
from tests.support.tiny_engine import TINY

SAMPLES = ROOT / "examples"
Run = Callable[..., Result]


@pytest.fixture
def at_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: EngineProcess) -> Run:
    """Return a function that runs a command on an installation with the tests' engine."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("ENGINE_URL", engine.url)

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=typed)

    return run


def test_questions_are_tuned_on_and_asked_and_no_model_of_heroes_comes_of_it(at_engine: Run) -> None:
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
    at_engine: Run, tmp_path: Path, form: str
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


def test_what_the_engine_would_refuse_is_left_out_before_the_question(at_engine: Run) -> None:
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


def test_a_pair_of_equal_answers_is_left_out(at_engine: Run) -> None:
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


def test_too_few_examples_that_can_be_read_are_refused_with_those_that_cannot(at_engine: Run) -> None:
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
def test_errors_say_what_to_do(at_engine: Run, arguments: tuple[str, ...], message: str) -> None:
    refused = at_engine(*arguments)
    assert refused.exit_code == 1
    assert message in refused.stderr
    assert "Traceback" not in refused.output


def test_who_deletes_an_unknown_model_is_told_only_what_can_be_deleted(at_engine: Run) -> None:
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


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let child processes heed SIGINT, which a shell's background jobs ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def many_questions(tmp_path: Path) -> Path:
    """Return a table whose training takes a second, even of tiny weights: time to suspend it."""
    table = tmp_path / "many.csv"
    rows = (f"Question {number}?,Answer {number} of many.\n" for number in range(100))
    table.write_text("question,answer\n" + "".join(rows))
    return table


def start_tuning(
    engine: EngineProcess, data: Path, file: Path, name: str, *options: str
) -> "subprocess.Popen[str]":
    environment = {**os.environ, "DATA_DIR": str(data), "ENGINE_URL": engine.url, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "bot", "tune", str(file), "--name", name, "--yes", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    )


def training_of(engine: EngineProcess, name: str) -> FineTuningJob | None:
    """Return the newest training of a name."""
    jobs = engine.blocking_client().fine_tuning.jobs.list()
    return next((job for job in jobs if training_name(job) == name), None)


async def begins(engine: EngineProcess, name: str, *statuses: str) -> FineTuningJob:
    """Wait until a training has one of these statuses, and return it."""

    def has_begun() -> bool:
        job = training_of(engine, name)
        return job is not None and job.status in statuses

    await eventually(has_begun, what=f"{name} is {statuses}", timeout=120)
    job = training_of(engine, name)
    assert job is not None
    return job


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_training_is_paused_and_the_same_command_goes_on(
    at_engine: Run,
    engine: EngineProcess,
    tmp_path: Path,
    many_questions: Path,
    number: signal.Signals,
    code: int,
) -> None:
    name = f"held-{number.name}"
    tuning = start_tuning(engine, tmp_path, many_questions, name, "--epochs", "5")
    job = asyncio.run(begins(engine, name, "running"))
    trainer = trainer_of(engine)
    trainer.suspend()
    tuning.send_signal(number)
    asyncio.run(begins(engine, name, "paused"))
    trainer.resume()
    printed, _ = tuning.communicate(timeout=120)
    assert tuning.returncode == code, printed
    assert "To go on with it: python -m bot tune" in printed
    assert f"--epochs 5 --name {name}" in printed
    assert f"-m bot delete {name}" in printed
    assert "Traceback" not in printed
    paused = training_of(engine, name)
    assert paused is not None
    assert (paused.id, str(paused.status)) == (job.id, "paused")
    listed = json.loads(at_engine("chat", "--list", "--json").stdout)
    assert {"name": name, "tuned": False, "unfinished": True, "model": None} in listed
    assert f"delete {name}" in at_engine("chat", "--list").output

    again = at_engine("tune", str(many_questions), "--epochs", "5", "--name", name, "--yes", "--json")
    assert again.exit_code == 0, again.output
    assert "This training was begun before: it goes on from what was saved last." in again.stderr
    assert json.loads(again.stdout)["job"] == job.id


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_wait_for_the_pause(
    engine: EngineProcess, tmp_path: Path, many_questions: Path, number: signal.Signals
) -> None:
    name = f"hurried-{number.name}"
    tuning = start_tuning(engine, tmp_path, many_questions, name, "--epochs", "5")
    asyncio.run(begins(engine, name, "running"))
    trainer = trainer_of(engine)
    trainer.suspend()  # it saves nothing until the command has ended
    tuning.send_signal(number)
    asyncio.run(begins(engine, name, "paused"))
    tuning.send_signal(number)
    printed, _ = tuning.communicate(timeout=60)
    with suppress(psutil.NoSuchProcess):  # the engine has given it up on a slow machine
        trainer.resume()
    assert tuning.returncode == 128 + number, printed
    assert "Not waited for: what was saved last is kept." in printed
    assert "To go on with it: python -m bot tune" in printed
    assert f"-m bot delete {name}" in printed
    assert "Traceback" not in printed


@pytest.mark.usefixtures("interruptible")
def test_a_signal_ends_an_upload_that_the_engine_does_not_take(tmp_path: Path, server: Script) -> None:
    """The pauses between its attempts take minutes."""
    server.trainings.lists = ["tiny"]
    server.faults["POST /v1/files"] = [500] * 9
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "ENGINE_URL": server.url, "PYTHONPATH": str(ROOT)}
    tuning = subprocess.Popen(
        [sys.executable, "-m", "bot", "tune", str(SAMPLES / "questions.csv"), "--yes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    )
    assert tuning.stdout is not None
    while "did it arrive? checking in 10 s" not in (line := tuning.stdout.readline()):
        assert line, "the command ended"
    tuning.send_signal(signal.SIGTERM)
    printed, _ = tuning.communicate(timeout=60)
    assert tuning.returncode == 128 + signal.SIGTERM, printed
    assert server.trainings.created == []


@pytest.mark.usefixtures("interruptible")
def test_an_unfinished_training_is_named_waited_for_and_ended(
    at_engine: Run, engine: EngineProcess, tmp_path: Path, many_questions: Path
) -> None:
    files_before = {file.id for file in engine.blocking_client().files.list()}
    first = start_tuning(engine, tmp_path, many_questions, "first", "--epochs", "10")
    asyncio.run(begins(engine, "first", "running"))
    trainer_of(engine).suspend()  # until it is ended below
    first.kill()
    first.communicate()

    other = at_engine("tune", str(SAMPLES / "chats.jsonl"), "--name", "first", "--yes")
    assert other.exit_code == 1
    assert "A training 'first', of other examples or with other options, is not finished." in other.stderr
    asked = at_engine("chat", "first", "-m", "Hello")
    assert "The model first is not finished: its training is running. To go on with it, start" in asked.stderr

    second = start_tuning(engine, tmp_path, many_questions, "second", "--epochs", "1")
    job = asyncio.run(begins(engine, "second", "queued"))
    declined = at_engine("delete", "fírst!", typed="n\n")
    assert "End the training fírst! for good?" in declined.output
    assert "Nothing was done." in declined.output
    ended = at_engine("delete", "first", "--yes")
    assert ended.output == "The training first has ended; nothing of it is kept.\n"
    printed, _ = second.communicate(timeout=240)
    assert second.returncode == 0, printed
    assert "An earlier training, 'first', goes on first. To end it: " in printed
    assert "-m bot delete first" in printed
    cancelled = training_of(engine, "first")
    assert cancelled is not None
    assert cancelled.status == "cancelled"

    # the second learns from the same file, so only its deletion deletes it
    assert engine.blocking_client().files.retrieve(job.training_file)
    declined = at_engine("delete", "second", typed="n\n")
    assert re.search(
        r"Delete the model second, which frees \d+ MB\? It cannot be brought back", declined.output
    )
    deleted = at_engine("delete", "second", "--yes")
    assert deleted.output == "The model second is deleted.\n"
    assert "There is no model second." in at_engine("chat", "second", "-m", "Hello").stderr
    left = {file.id for file in engine.blocking_client().files.list()} - files_before
    assert not left & {job.training_file, job.validation_file}


@pytest.mark.usefixtures("interruptible")
def test_a_training_that_another_terminal_ends_says_so(
    at_engine: Run, engine: EngineProcess, tmp_path: Path, many_questions: Path
) -> None:
    command = start_tuning(engine, tmp_path, many_questions, "ended", "--epochs", "10")
    asyncio.run(begins(engine, "ended", "running"))
    assert at_engine("delete", "ended", "--yes").exit_code == 0
    printed, _ = command.communicate(timeout=240)
    assert command.returncode == 1
    assert "The training was ended meanwhile, perhaps from another terminal: nothing of it" in printed
    assert "Traceback" not in printed


@pytest.mark.usefixtures("interruptible")
def test_a_model_from_which_a_training_begins_is_not_deleted(
    at_engine: Run, engine: EngineProcess, tmp_path: Path, many_questions: Path
) -> None:
    questions = str(SAMPLES / "questions.csv")
    options = ("--epochs", "1", "--name", "begin", "--yes", "--json")
    model = json.loads(at_engine("tune", questions, *options).stdout)["model"]
    command = start_tuning(engine, tmp_path, many_questions, "further", "--epochs", "10", "--base", "begin")
    asyncio.run(begins(engine, "further", "running"))
    trainer_of(engine).suspend()  # until it is ended below
    kept = at_engine("delete", "begin", "--yes")
    assert kept.exit_code == 1
    assert f"The model {model} has to stay: the training 'further', which is not finished" in kept.stderr
    with pytest.raises(openai.BadRequestError, match=r"trains '.*begin.*' further: cancel it, or wait"):
        engine.blocking_client().models.delete(model)
    at_engine("delete", "further", "--yes")
    command.communicate(timeout=240)
    assert at_engine("delete", "begin", "--yes").output == "The model begin is deleted.\n"


def test_the_plan_says_that_a_training_of_heroes_goes_on_first(at_engine: Run, engine: EngineProcess) -> None:
    client = engine.blocking_client()
    file = client.files.create(file=jsonl(map(example, range(20, 44))), purpose="fine-tune").id
    jobs = client.fine_tuning.jobs
    heroes = jobs.create(
        model=TINY,
        training_file=file,
        suffix="herosmith-0a1b2c3d",
        hyperparameters={"n_epochs": 50},
    )
    told = at_engine("tune", str(SAMPLES / "questions.csv"), "--name", "behind", typed="n\n")
    assert "A training of heroes goes on first; the time above is without it. How far it is: " in told.output
    jobs.cancel(heroes.id)
    told = at_engine("tune", str(SAMPLES / "questions.csv"), "--name", "behind", typed="n\n")
    assert "of heroes goes on first" not in told.output


def test_a_name_that_is_taken_is_kept_unless_it_is_to_be_replaced(
    at_engine: Run, engine: EngineProcess
) -> None:
    questions = str(SAMPLES / "questions.csv")
    options = ("--epochs", "1", "--name", "shop", "--yes", "--json")
    first = json.loads(at_engine("tune", questions, *options).stdout)["model"]
    again = at_engine("tune", questions, *options)
    assert again.exit_code == 1
    assert "There is a model shop already." in again.stderr
    assert "add --replace" in again.stderr
    assert again.stderr.endswith("To talk to it: herosmith chat shop\n")
    assert json.loads(at_engine("chat", "shop", "-m", "Hello", "--json").stdout)["model"] == first

    replaced = at_engine("tune", questions, *options, "--replace")
    assert "The model shop that there is now is deleted once the new one is trained." in replaced.stderr
    second = json.loads(replaced.stdout)["model"]
    assert json.loads(at_engine("chat", "shop", "-m", "Hello", "--json").stdout)["model"] == second
    known = [model.id for model in engine.blocking_client().models.list()]
    assert second in known
    assert first not in known


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("delete", "nobody"), "There is no model nobody."),
        (("delete", "tiny", "--yes"), "tiny is the base: it cannot be deleted."),
        (("tune", str(SAMPLES / "questions.csv"), "--name", "tiny", "--yes"), "tiny is the base's name."),
    ],
)
def test_what_is_not_ones_own_is_neither_deleted_nor_replaced(
    at_engine: Run, arguments: tuple[str, ...], message: str
) -> None:
    refused = at_engine(*arguments)
    assert refused.exit_code == 1
    assert message in refused.stderr


def test_a_model_of_heroes_is_not_deleted() -> None:
    with pytest.raises(UserError, match="is a model of heroes, which the bot keeps"):
        require_deletable("ft:tiny:herosmith-0a1b2c3d:12345678")
    require_deletable("ft:tiny:herosmith-shop:12345678")


@pytest.mark.parametrize(("typed", "answered"), [("\n", False), ("\ny\n", True), ("y\n", True)])
def test_an_empty_line_that_is_piped_in_confirms_nothing(typed: str, answered: bool) -> None:
    asking = typer.Typer()

    @asking.command()
    def ask() -> None:
        if confirm("Train it?"):
            typer.echo("It trains.")

    done = CliRunner().invoke(asking, input=typed)
    assert ("It trains." in done.stdout) is answered
    assert isinstance(done.exception, UserError) is not answered


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 1, b"nothing was done"), (signal.SIGTERM, 143, b"\n")]
)
def test_a_question_is_ended_by_a_signal(
    tmp_path: Path, number: signal.Signals, code: int, said: bytes
) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    asking = subprocess.Popen(
        [sys.executable, "-m", "bot", "dataset", "build", "--source", "shipped"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
    )
    assert asking.stdout is not None
    printed = b""
    while not printed.rstrip().endswith(b"Build it? [Y/n]:"):
        read = os.read(asking.stdout.fileno(), 4096)
        assert read, printed
        printed += read
    asking.send_signal(number)
    printed, _ = asking.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert said in printed
    assert b"Traceback" not in printed
    assert asking.returncode == code
    assert not list(tmp_path.rglob("*.db-wal")), "the database was not closed"


def test_a_talk_in_a_terminal_keeps_its_history_until_it_begins_anew(
    engine: EngineProcess, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "ENGINE_URL": engine.url, "PYTHONPATH": str(ROOT)}
    talk = subprocess.Popen(
        [sys.executable, "-m", "bot", "chat", "--system", "Be brief."],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
    )
    os.write(ours, b"Good morning\n/new\n\n/help\n/usr/bin is what?\nAnd again\n\x04")
    printed, _ = talk.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert talk.returncode == 0, printed
    first, *_ = printed.splitlines()
    assert first == "tiny. End with Ctrl-D, begin anew with /new."
    commands = "/new begins anew, Ctrl-D ends it. All else is asked as you type it."
    assert (
        printed.count(f"This talk has no /help. Its commands: {commands}") == printed.count("This talk") == 1
    )
    assert printed.count("> ") >= 7  # once more for the end of the input
