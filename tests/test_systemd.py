"""The units in ops/systemd, as far as they can be checked without a running systemd."""

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.processes import ENGINE_STOP_TIMEOUT
from bot.settings import ROOT, Settings

UNITS = sorted((ROOT / "ops" / "systemd").glob("*.service"))
PROGRAMS = "/opt/herosmith/bin/"
MOST_EXPOSURE = 20  # tenths, of 100: systemd calls up to 20 "OK", and a unit without restrictions 96
STARTS_AN_ENGINE = {"herosmith.service", "herosmith-engine.service"}


class Unit(configparser.ConfigParser):
    """A unit's sections, with the last value of keys that are repeated."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, interpolation=None)
        self.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their capitals
        self.read(path, encoding="utf-8")

    @property
    def command(self) -> list[str]:
        return shlex.split(self["Service"]["ExecStart"])


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: it comes with systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_every_process_has_its_unit() -> None:
    assert {path.name for path in UNITS} == {
        "herosmith.service",
        *(f"herosmith-{part}.service" for part in ("bot", "engine", "worker")),
    }


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_the_unit(path: Path, tmp_path: Path) -> None:
    """With programs below another folder: those that the unit names are not installed here."""
    for name in ("herosmith", "python"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.touch(mode=0o755)
    for each in UNITS:  # they name each other
        text = each.read_text(encoding="utf-8").replace(PROGRAMS, f"{tmp_path}/bin/")
        (tmp_path / each.name).write_text(text, encoding="utf-8")
    done = analyze("verify", "--man=false", tmp_path / path.name)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "herosmith" in line] == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_exposes_little(path: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", path)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is older than 250 and cannot rate a file")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_the_command_exists_with_its_options(path: Path) -> None:
    program, *arguments = Unit(path).command
    assert program.startswith(PROGRAMS)
    module = ["-m", "bot"] if program.endswith("/herosmith") else []
    done = subprocess.run(
        [sys.executable, *module, *arguments, "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"TERM": "dumb"},
    )
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in arguments if word.startswith("--"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_the_environment_names_settings_and_stops_have_time(path: Path) -> None:
    service = Unit(path)["Service"]
    names = {word.partition("=")[0].lower() for word in service.get("Environment", "").split()}
    assert names <= set(Settings.model_fields)
    assert float(service["TimeoutStopSec"]) > ENGINE_STOP_TIMEOUT
    # the one that trains may lose a process for want of memory, and goes on
    assert (service.get("OOMPolicy") == "continue") is (path.name in STARTS_AN_ENGINE)


def test_the_engine_gets_no_secret_but_its_own() -> None:
    """The bot's .env has the token and the keys of providers; the bot and the worker read it themselves."""
    files = {path.stem: Unit(path)["Service"].get("EnvironmentFile") for path in UNITS}
    assert files.pop("herosmith-engine") == "-/var/lib/herosmith/engine.env"
    assert set(files.values()) == {None}
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    assert "/var/lib/herosmith/engine.env" in text


def test_the_engine_listens_where_bot_and_worker_ask() -> None:
    units = {path.stem: Unit(path) for path in UNITS}
    port = units["herosmith-engine"].command[-1]
    for name in ("herosmith-bot", "herosmith-worker"):
        assert units[name]["Service"]["Environment"] == f"ENGINE_URL=http://127.0.0.1:{port}/v1"
