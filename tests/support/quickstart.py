"""The quickstart of docs/engine.md as programs: only address and model are those of a test's engine."""

import os
import re
import subprocess

from bot.settings import ROOT
from tests.support.engine_process import EngineProcess

PAGE = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8")
_QUICKSTART = PAGE.partition("## Quickstart")[2].partition("\n## ")[0]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TUNED = re.compile(r"ft:tiny:kitchen:\w+")


def languages() -> list[str]:
    """Return the languages of its blocks, in order."""
    return [name for name, _ in _BLOCK.findall(_QUICKSTART)]


def code(language: str, engine: EngineProcess) -> str:
    """Return the last block in a language, for an engine with the tiny model."""
    text = str([text for name, text in _BLOCK.findall(_QUICKSTART) if name == language][-1])
    for here, there in (("http://127.0.0.1:8765/v1", engine.url), ("smollm2-135m-instruct", "tiny")):
        assert here in text
        text = text.replace(here, there)
    return text


def run(*command: str, engine: EngineProcess) -> str:
    """Run a program in the folder of the repository and return what it printed."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(engine.data)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=240, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
