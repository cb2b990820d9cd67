"""`herosmith dataset` and `herosmith jobs`: the same services, from the terminal."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import cli

Terminal = Callable[..., Result]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: str) -> Terminal:
    """Runs a command on an installation whose models answer at the scripted server."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("ENGINE_URL", served)

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(cli, list(arguments), input=typed)

    return run


def test_a_build_is_planned_carried_out_and_exported(terminal: Terminal, tmp_path: Path) -> None:
    built = terminal("dataset", "build", "--limit", "16", "--yes")
    assert built.exit_code == 0, built.output
    assert "0 are cached already, 16 are to be written" in built.output
    assert "Cost: nothing" in built.output
    assert "Dataset v1 is ready" in built.output
    assert "lengths.png" in built.output

    for form, name in (("article", "a.csv"), ("parquet", "a.parquet"), ("huggingface", "folder")):
        written = terminal("dataset", "export", str(tmp_path / name), "--format", form)
        assert "16 texts of dataset v1" in written.output, written.output
    again = terminal("dataset", "import", str(tmp_path / "a.csv"))
    assert "was already dataset v1" in again.output, again.output  # the very same texts
    assert "build\tsucceeded\t16 of 16" in terminal("jobs", "list").output


def test_no_is_an_answer(terminal: Terminal) -> None:
    refused = terminal("dataset", "build", "--limit", "16", typed="n\n")
    assert refused.exit_code == 0
    assert "Nothing was done." in refused.output
    assert "build\tcancelled" in terminal("jobs", "list").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dataset", "build", "--limit", "3"), "at least 14 examples"),
        (("dataset", "build", "--budget", "0"), "above 0 dollars"),
        (("dataset", "build", "--batch"), "no Batch API"),
        (("dataset", "export", "x.csv", "--format", "csv"), "There is no dataset yet"),
        (("dataset", "import", "nowhere.csv"), "nowhere.csv"),
        (("jobs", "pause", "7"), "There is no job 7"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    terminal: Terminal, arguments: tuple[str, ...], words: str
) -> None:
    done = terminal(*arguments)
    assert done.exit_code == 1
    assert words in done.output
    assert "Traceback" not in done.output
