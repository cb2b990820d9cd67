"""`herosmith dataset`, `herosmith jobs` and `herosmith powers`."""

import asyncio
import shlex
import time
from pathlib import Path

import pytest

from bot.app import open_app
from bot.settings import ROOT, Settings
from bot.store import jobs
from tests.cli.conftest import RunCommand
from tests.support.first_dataset import FAULTS, SHIPPED_COUNTS, write_lines


def row(table: str) -> list[str]:
    """Return the words of a table's first row."""
    return table.splitlines()[1].split()


def test_a_build_is_planned_run_and_exported(terminal: RunCommand, tmp_path: Path) -> None:
    built = terminal("dataset", "build", "--limit", "16", "--yes")
    assert built.exit_code == 0, built.output
    assert "Written already: 0. Still to write: 16" in built.output
    assert "Cost: nothing" in built.output
    assert "Dataset v1 is ready" in built.output
    assert "lengths.png" in built.output

    for form, name in (("article", "a.csv"), ("parquet", "a.parquet"), ("huggingface", "folder")):
        written = terminal("dataset", "export", str(tmp_path / name), "--format", form)
        assert "16 texts of dataset v1" in written.output, written.output
    assert terminal("dataset", "export", str(tmp_path / "b.csv")).exit_code == 0
    assert (tmp_path / "b.csv").read_text().startswith("age,")
    again = terminal("dataset", "import", str(tmp_path / "a.csv"))
    assert "was already dataset v1" in again.output, again.output  # the same texts
    assert row(terminal("jobs", "list").output)[:4] == ["1", "build", "succeeded", "100%"]


def test_without_votes_a_build_is_told_that_there_are_no_ranked_texts(terminal: RunCommand) -> None:
    built = terminal("dataset", "build", "--limit", "16", "--ranked", "--yes")
    assert built.exit_code == 0, built.output
    assert built.output.count("No ranked texts.") == 2  # in the plan and at the end
    assert "No tuned model is live that could write them." in built.output
    assert "Dataset v1 is ready" in built.output


def test_the_shipped_dataset_is_built_without_a_model(
    terminal: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENGINE_URL")
    built = terminal("dataset", "build", "--source", "shipped", "--yes")
    assert built.exit_code == 0, built.output
    total, by_hand = SHIPPED_COUNTS.total(), SHIPPED_COUNTS["hand-written"]
    assert f"A dataset of {total} texts that come with the bot\n" in built.output
    assert "They are written already, so this costs nothing" in built.output
    assert "Dataset v1 is ready: " in built.output
    again = terminal("dataset", "build", "--source", "shipped", typed="y\n")
    assert "dataset v1 stays as it was" in again.output, again.output
    assert f"{by_hand} texts written by hand." in terminal("dataset", "status").output
    assert terminal("dataset", "export", str(tmp_path / "all.csv")).exit_code == 0
    assert (tmp_path / "all.csv").read_text().count(",hand-written\n") == by_hand
    assert not list(tmp_path.rglob("engine*")), "an engine was started"


@pytest.mark.parametrize("number", [1, 5, 9, 16])
def test_a_mistake_in_an_edited_first_dataset_is_told_with_its_line(
    terminal: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    line, said = FAULTS[number]
    monkeypatch.setenv("FIRST_DATASET", str(write_lines(tmp_path / "mine.jsonl", line)))
    refused = terminal("dataset", "build", "--source", "shipped", "--yes")
    assert refused.exit_code == 1
    assert "1 line of mine.jsonl has a mistake, so nothing of it is taken." in refused.output
    assert f"- Line 2: {said}" in refused.output
    assert "Traceback" not in refused.output
    assert "none yet" in terminal("dataset", "status").output


def test_an_option_of_a_model_is_refused(terminal: RunCommand) -> None:
    refused = terminal("dataset", "build", "--source", "shipped", "--limit", "20")
    assert refused.exit_code == 1
    assert "no model writes. Leave out limit." in refused.output
    assert terminal("dataset", "build", "--source", "elsewhere").exit_code == 2


def test_a_queued_job_without_a_worker_is_followed_to_its_end(
    terminal: RunCommand, installation: Settings
) -> None:
    """As after a kill: the job is queued, and no worker runs it."""
    asyncio.run(_abandon_job(installation))
    assert "running already" in terminal("dataset", "build", "--limit", "20", "--yes").output
    followed = terminal("jobs", "follow", "1")
    assert "Dataset v1 is ready" in followed.output, followed.output
    paused = terminal("jobs", "pause", "1")
    assert "Job 1 is done" in paused.output


def test_a_job_whose_worker_was_just_killed_is_followed_to_its_end(
    terminal: RunCommand, installation: Settings
) -> None:
    """Its row still names the worker as the owner."""
    asyncio.run(_abandon_job(installation, state="running", owner="dead", silent=12))
    followed = terminal("jobs", "follow", "1")
    assert "Dataset v1 is ready" in followed.output, followed.output
    listed = row(terminal("jobs", "list").output)
    assert (listed[1:4], listed[-2:]) == (["build", "succeeded", "100%"], ["dataset", "v1"])


@pytest.mark.parametrize("state", ["running", "cancelling"])
def test_a_job_of_a_dead_worker_can_be_cancelled(
    terminal: RunCommand, installation: Settings, state: jobs.State
) -> None:
    asyncio.run(_abandon_job(installation, state=state, owner="dead", silent=60))
    if state == "running":
        assert "nobody works on it" in terminal("jobs", "list").output
    assert row(terminal("jobs", "cancel", "1").output)[1:3] == ["build", "cancelled"]
    assert terminal("dataset", "build", "--limit", "16", "--yes").exit_code == 0


async def _abandon_job(
    settings: Settings, *, state: jobs.State = "queued", owner: str | None = None, silent: float = 0
) -> None:
    async with open_app(settings) as app:
        job, _ = await app.builds.submit(app.planner.spec(limit=16))
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, state=state, owner=owner, heartbeat=time.time() - silent)


def test_a_declined_plan_is_cancelled(terminal: RunCommand) -> None:
    declined = terminal("dataset", "build", "--limit", "16", typed="n\n")
    assert declined.exit_code == 0
    assert "Nothing was done." in declined.output
    listed = terminal("jobs", "list").output
    assert row(listed)[1:3] == ["build", "cancelled"]
    assert "The plan was cancelled; nothing was started." in " ".join(listed.split())
    assert "nothing was started" in terminal("jobs", "show", "1").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dataset", "build", "--limit", "3"), "at least 14 examples"),
        (("dataset", "build", "--budget", "0"), "above 0 dollars"),
        (("dataset", "export", "x.csv", "--format", "csv"), "There is no dataset yet"),
        (("dataset", "import", "nowhere.csv"), "nowhere.csv"),
        (("jobs", "pause", "7"), "There is no job 7"),
    ],
)
def test_errors_are_printed_without_a_traceback(
    terminal: RunCommand, arguments: tuple[str, ...], message: str
) -> None:
    done = terminal(*arguments)
    assert done.exit_code == 1
    assert message in done.output
    assert "Traceback" not in done.output


def test_status_pairs_thumbs_and_powers_are_printed(terminal: RunCommand) -> None:
    status = terminal("dataset", "status", "--min-voters", "3")
    assert status.exit_code == 0, status.output
    assert "A description enters the next dataset with at least 2 voters" in status.output
    assert "Tried: at least 3 voters" in status.output
    assert "`" not in status.output
    assert "*" not in status.output.replace("*0", "")  # the asterisk marks the tried thresholds
    refused = terminal("dataset", "pairs")
    assert refused.exit_code == 1
    assert "Too few usable pairs: 0" in refused.output
    refused = terminal("dataset", "thumbs")
    assert refused.exit_code == 1
    assert "No text is liked well enough yet" in refused.output

    assert "juggling is in the vocabulary" in terminal("powers", "add", "Juggling").output
    assert "Added to the vocabulary: “juggling”." in terminal("powers", "list").output
    assert "already" in terminal("powers", "add", "juggling").output
    assert "juggling is out" in terminal("powers", "remove", "juggling").output


@pytest.mark.parametrize("name", ["own.csv", "my lamps.csv"])
def test_a_file_without_heroes_is_sent_to_tune(terminal: RunCommand, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("prompt,completion\nDescribe a lamp,It shines on the desk.\n")
    refused = terminal("dataset", "import", str(file))
    assert refused.exit_code == 1
    assert f"herosmith tune {shlex.quote(str(file))}" in refused.stderr
    missing = terminal("dataset", "import", str(tmp_path / "none.csv"))
    assert "herosmith tune" not in missing.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("How long do I boil an egg?,Six minutes.\nWhat is a lamp?,A light.\n", "prompt, completion and has"),
        ("frage,antwort\nWie lang?,Sechs Minuten.\n", "prompt, completion and has frage, antwort."),
        ("question,antwort\nA?,B.\n", "own.csv lacks the column completion and has question, antwort."),
        ("frage,answer\nA?,B.\n", "own.csv lacks the column prompt and has frage, answer."),
        ("age,gender,text\n40,man,B.\n", "own.csv lacks the column power and has age, gender, text."),
        ("prompt,text,completion\nA?,B.\n", "(line 2) has 2 fields where the header has 3"),
    ],
)
@pytest.mark.parametrize("command", [("tune", "--yes"), ("dataset", "check", "-q"), ("dataset", "import")])
def test_what_no_command_can_read_is_sent_to_none(
    terminal: RunCommand, tmp_path: Path, command: tuple[str, ...], content: str, said: str
) -> None:
    file = tmp_path / "own.csv"
    file.write_text(content)
    refused = terminal(*command, str(file))
    assert refused.exit_code == 1
    assert said in refused.stderr
    assert ("line 1" in refused.stderr) == ("lacks the column" in refused.stderr)
    assert "herosmith tune" not in refused.stderr


def test_a_small_import_says_that_it_teaches_little_and_trains_next(terminal: RunCommand) -> None:
    heroes = str(ROOT / "examples" / "heroes.csv")
    first = terminal("dataset", "import", heroes).output
    assert "Fewer than 100 texts teach little" in first
    assert "herosmith dataset build --source shipped" in first
    assert "It is the newest dataset now" in first
    again = terminal("dataset", "import", heroes).output
    assert "was already dataset v1" in again
    assert "the newest dataset now" not in again


def test_a_large_import_says_no_such_thing(terminal: RunCommand) -> None:
    terminal("dataset", "build", "--source", "shipped", "--yes")
    terminal("dataset", "export", "all.csv")
    assert "teach little" not in terminal("dataset", "import", "all.csv").output


def test_rated_pairs_are_sent_to_tune(terminal: RunCommand) -> None:
    refused = terminal("dataset", "import", str(ROOT / "examples" / "pairs.jsonl"))
    assert refused.exit_code == 1
    assert "herosmith tune" in refused.stderr


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("question,answer\n" + "".join(f"What is {n}?,It is {n}.\n" for n in range(12)), True),
        ("prompt,completion\n" + "".join(f",It is {n}.\n" for n in range(12)), False),
        ("Notes\n\n" + "".join(f"On day {n}, it rained.\n\n" for n in range(12)), False),
    ],
)
def test_a_refused_import_names_tune_only_for_prompts_with_answers(
    terminal: RunCommand, tmp_path: Path, content: str, named: bool
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(content)
    refused = terminal("dataset", "import", str(path))
    assert refused.exit_code == 1
    assert ("herosmith tune" in refused.stderr) == named
