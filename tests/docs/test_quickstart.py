"""The quickstart of docs/engine.md, run as it stands but for the address and the model."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import ROOT
from tests.clients.clients import CLIENTS
from tests.support.engine_process import EngineProcess

PAGE = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
_QUICKSTART = PAGE.partition("## Quickstart")[2].partition("\n## ")[0]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TUNED = re.compile(r"ft:tiny:kitchen:\w+")


def code(language: str, engine: EngineProcess) -> str:
    """Return the last block in a language, for the tests' engine."""
    blocks = [text for name, text in _BLOCK.findall(_QUICKSTART) if name == language]
    text = str(blocks[-1])
    for here, there in (("http://127.0.0.1:8765/v1", engine.url), ("smollm2-135m-instruct", "tiny")):
        assert here in text
        text = text.replace(here, there)
    return text


def run(*command: str, engine: EngineProcess, stdin: str | None = None) -> str:
    """Run a program in the folder of the repository and return what it printed."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(engine.data)}
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        cwd=ROOT,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_begins_with_it_and_has_three_languages() -> None:
    assert PAGE.index("## Quickstart") < 600
    assert [name for name, _ in _BLOCK.findall(_QUICKSTART)] == ["bash", "python", "javascript", "bash"]


def test_python(engine: EngineProcess) -> None:
    printed = run(sys.executable, "-c", code("python", engine), engine=engine)
    assert "succeeded" in printed
    assert _TUNED.search(printed)


def test_curl(engine: EngineProcess) -> None:
    printed = run("bash", "-euo", "pipefail", "-c", code("bash", engine), engine=engine)
    first, last = printed.splitlines()
    assert '"model": "tiny"' in first
    assert _TUNED.search(last)
    assert '"finish_reason"' in last


def test_javascript(engine: EngineProcess, tmp_path: Path) -> None:
    if not any(client.is_node and client.is_installed for client in CLIENTS):
        pytest.skip("make test-clients installs the packages of npm")
    modules = ROOT / "tests" / "clients" / "node" / "node_modules"
    (tmp_path / "node_modules").symlink_to(modules)
    script = tmp_path / "quickstart.mjs"
    script.write_text(code("javascript", engine), encoding="utf-8")
    printed = run("node", str(script), engine=engine)
    assert "succeeded" in printed
    assert _TUNED.search(printed)
