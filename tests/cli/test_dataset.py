"""`herosmith dataset`, `herosmith jobs` and `herosmith powers`."""

import asyncio
import time
from pathlib import Path

import pytest

from bot.app import open_app
from bot.settings import ROOT, Settings
from bot.store import jobs
from tests.cli.conftest import RunCommand
from tests.support.first_dataset import FAULTS, write_lines


def row(table: str) -> list[str]:
    """Return the words of a table's first row."""
    return table.splitlines()[1].split()


def test_a_build_is_planned_run_and_exported(terminal: RunCommand, tmp_path: Path) -> None:
    built = terminal("dataset", "build", "--limit", "16", "--yes")
    assert built.exit_code == 0, built.output
    assert "0 are written already, 16 are to be written" in built.output
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
    assert row(terminal("jobs", "list").output)[:5] == ["1", "build", "succeeded", "16", "16"]


def test_the_shipped_dataset_is_built_without_a_model(terminal: RunCommand, tmp_path: Path) -> None:
    built = terminal("dataset", "build", "--source", "shipped", "--yes")
    assert built.exit_code == 0, built.output
    assert "A dataset of 538 texts that come with the bot\n249 texts of a build" in built.output
    assert "No model is asked: it costs nothing" in built.output
    assert "Dataset v1 is ready: 478 texts to learn from, 60 held out" in built.output
    again = terminal("dataset", "build", "--source", "shipped", typed="y\n")
    assert "Dataset v1 stays as it was" in again.output, again.output
    assert "289 texts written by hand." in terminal("dataset", "status").output
    assert terminal("dataset", "export", str(tmp_path / "all.csv")).exit_code == 0
    assert (tmp_path / "all.csv").read_text().count(",hand-written\n") == 289


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
    assert "none so far" in terminal("dataset", "status").output


def test_an_option_of_a_model_is_refused(terminal: RunCommand) -> None:
    refused = terminal("dataset", "build", "--source", "shipped", "--limit", "20")
    assert refused.exit_code == 1
    assert "no model writes: leave out limit." in refused.output
    assert terminal("dataset", "build", "--source", "elsewhere").exit_code == 2


def test_a_queued_job_without_a_worker_is_followed_to_its_end(terminal: RunCommand, tmp_path: Path) -> None:
    """As after a kill: the job is queued, and no worker runs it."""
    asyncio.run(_abandon_job(tmp_path / "var" / "playground"))
    assert "running already" in terminal("dataset", "build", "--limit", "20", "--yes").output
    followed = terminal("jobs", "follow", "1")
    assert "Dataset v1 is ready" in followed.output, followed.output
    paused = terminal("jobs", "pause", "1")
    assert "Job 1 is done" in paused.output


def test_a_job_whose_worker_was_just_killed_is_followed_to_its_end(
    terminal: RunCommand, tmp_path: Path
) -> None:
    """Its row still names the worker as the owner."""
    asyncio.run(_abandon_job(tmp_path / "var" / "playground", state="running", owner="dead", silent=12))
    followed = terminal("jobs", "follow", "1")
    assert "Dataset v1 is ready" in followed.output, followed.output
    listed = row(terminal("jobs", "list").output)
    assert (listed[1:5], listed[-2:]) == (["build", "succeeded", "16", "16"], ["dataset", "v1"])


@pytest.mark.parametrize("state", ["running", "cancelling"])
def test_a_job_of_a_dead_worker_can_be_cancelled(
    terminal: RunCommand, tmp_path: Path, state: jobs.State
) -> None:
    asyncio.run(_abandon_job(tmp_path / "var" / "playground", state=state, owner="dead", silent=60))
    if state == "running":
        assert "no worker is heard of" in terminal("jobs", "list").output
    assert row(terminal("jobs", "cancel", "1").output)[1:3] == ["build", "cancelled"]
    assert terminal("dataset", "build", "--limit", "16", "--yes").exit_code == 0


async def _abandon_job(
    data: Path, *, state: jobs.State = "queued", owner: str | None = None, silent: float = 0
) -> None:
    settings = Settings(data_dir=data, heroes_file=ROOT / "data" / "heroes.toml")
    async with open_app(settings) as app:
        job, _ = await app.builds.submit(app.planner.spec(limit=16))
        async with app.db.write() as tx:
            await jobs.change(tx, job.id, state=state, owner=owner, heartbeat=time.time() - silent)


def test_a_declined_plan_is_cancelled(terminal: RunCommand) -> None:
    declined = terminal("dataset", "build", "--limit", "16", typed="n\n")
    assert declined.exit_code == 0
    assert "Nothing was done." in declined.output
    assert row(terminal("jobs", "list").output)[1:3] == ["build", "cancelled"]


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


def test_status_pairs_and_powers_are_printed(terminal: RunCommand) -> None:
    status = terminal("dataset", "status", "--min-voters", "3")
    assert status.exit_code == 0, status.output
    assert "What admits a description: at least 2 voters" in status.output
    assert "Tried: at least 3 voters" in status.output
    assert "`" not in status.output
    assert "*" not in status.output.replace("*0", "")  # the asterisk marks the tried thresholds
    refused = terminal("dataset", "pairs")
    assert refused.exit_code == 1
    assert "Only 0 usable pairs" in refused.output

    assert "juggling is in the vocabulary" in terminal("powers", "add", "Juggling").output
    assert "Added to the vocabulary: juggling." in terminal("powers", "list").output
    assert "already" in terminal("powers", "add", "juggling").output
    assert "juggling is out" in terminal("powers", "remove", "juggling").output
