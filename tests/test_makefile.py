"""The Makefile: what is installed already is not installed again, and only changed files are checked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.settings import ROOT

DEV = (
    ".core",
    ".engine",
    ".extra-engine",
    ".extra-openvino",
    ".extra-playground",
    ".extra-postgres",
    ".dev",
)  # what `make test` leaves


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the Makefile and a virtual environment whose programs note their calls."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "herosmith", "ruff", "mypy", "pytest"):
        program = programs / name
        program.write_text(
            '#!/bin/sh\necho "$(basename $0) $@" >> calls\n[ "$1" != extras ] || echo "$EXTRAS"\n'
        )
        program.chmod(0o755)
    return tmp_path


def make(checkout: Path, target: str, **env: str) -> list[str]:
    """Make a target and return the calls of the virtual environment's programs."""
    (checkout / "calls").unlink(missing_ok=True)
    (checkout / "calls").touch()
    subprocess.run(["make", target], cwd=checkout, check=True, capture_output=True, env={**os.environ, **env})  # noqa: S607
    return (checkout / "calls").read_text().splitlines()


def installed(calls: list[str]) -> list[str]:
    return [call.rpartition(" ")[2] for call in calls if "--editable" in call]


@pytest.mark.parametrize(
    ("stamps", "extras", "expected"),
    [
        (DEV, "engine,playground", []),
        (DEV, "engine,openvino", []),
        (DEV, "", []),
        (DEV, "engine,playground,postgres", []),
        (DEV[:-2], "engine,playground,postgres", [".[postgres]"]),
        ((".core",), "engine,playground", [".[engine,playground]"]),
        ((".core", ".engine", ".extra-engine"), "engine,playground", [".[playground]"]),
        ((), "engine,playground", [".[files]", ".[engine,playground]"]),
    ],
)
def test_run_installs_what_is_missing_once(
    checkout: Path, stamps: tuple[str, ...], extras: str, expected: list[str]
) -> None:
    for stamp in stamps:
        (checkout / ".venv" / stamp).touch()
    assert installed(make(checkout, "run", EXTRAS=extras)) == expected
    again = make(checkout, "run", EXTRAS=extras)
    assert installed(again) == []
    assert again[-1] == "herosmith run"


def test_setup_installs_what_run_needs_and_starts_nothing(checkout: Path) -> None:
    first = make(checkout, "setup", EXTRAS="engine,playground")
    assert installed(first) == [".[files]", ".[engine,playground]"]
    assert not any(call.startswith("herosmith run") for call in first)
    told = subprocess.run(["make", "setup"], cwd=checkout, check=True, capture_output=True, text=True)  # noqa: S607
    assert "Done. Start it with `make run`.\n" in told.stdout
    assert installed(make(checkout, "run", EXTRAS="engine,playground")) == []


def test_wrong_settings_are_told_once(checkout: Path) -> None:
    for stamp in DEV:
        (checkout / ".venv" / stamp).touch()
    (checkout / ".venv" / "bin" / "herosmith").write_text("#!/bin/sh\necho wrong >&2; exit 2\n")
    done = subprocess.run(["make", "run"], cwd=checkout, check=False, capture_output=True, text=True)  # noqa: S607
    assert done.returncode == 2
    assert done.stderr.count("wrong") == 1


@pytest.mark.parametrize("target", ["setup", "run"])
def test_the_demo_does_not_install_an_engine_again(checkout: Path, target: str) -> None:
    make(checkout, target, EXTRAS="engine,playground")
    assert make(checkout, "demo", EXTRAS="engine,playground") == ["herosmith demo"]


def test_a_changed_dependency_installs_anew(checkout: Path) -> None:
    for stamp in DEV:
        (checkout / ".venv" / stamp).touch()
    later = (checkout / ".venv" / ".dev").stat().st_mtime + 10
    os.utime(checkout / "pyproject.toml", (later, later))
    assert installed(make(checkout, "run", EXTRAS="engine")) == [".[files]", ".[engine]"]


def test_check_reads_changed_and_new_files_only(checkout: Path) -> None:
    for stamp in DEV:
        (checkout / ".venv" / stamp).touch()
    for name in ("same.py", "changed.py", "gone.py"):
        (checkout / name).write_text("a = 1\n")
    (checkout / ".gitignore").write_text(".venv\n")

    def git(*arguments: str) -> None:
        names = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *names, *arguments], cwd=checkout, check=True, capture_output=True)  # noqa: S607

    git("init", "--initial-branch=main")
    git("add", ".")
    git("commit", "--message=First")
    assert make(checkout, "check") == []  # nothing has changed

    git("switch", "--create=topic")
    (checkout / "gone.py").unlink()
    assert make(checkout, "check") == ["mypy --num-workers=2"]  # another file may import it
    (checkout / "changed.py").write_text("a = 2\n")
    git("commit", "--all", "--message=Second")
    (checkout / "new.py").write_text("b = 1\n")
    assert make(checkout, "check") == [
        "ruff format --check changed.py new.py",
        "ruff check changed.py new.py",
        "mypy --num-workers=2",
    ]
