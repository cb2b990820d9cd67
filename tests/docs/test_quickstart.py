"""The quickstart of docs/engine.md, run as it stands; tests/clients runs its JavaScript."""

import sys

import pytest

from tests.support.engine_process import EngineProcess
from tests.support.quickstart import PAGE, TUNED, code, languages, run


def test_the_page_begins_with_it_and_has_three_languages() -> None:
    assert PAGE.index("## Quickstart") < 600
    assert languages() == ["bash", "python", "javascript", "bash"]


def test_python(engine: EngineProcess) -> None:
    printed = run(sys.executable, "-c", code("python", engine), engine=engine)
    assert "succeeded" in printed
    assert TUNED.search(printed)


@pytest.mark.slow
def test_curl(engine: EngineProcess) -> None:
    printed = run("bash", "-euo", "pipefail", "-c", code("bash", engine), engine=engine)
    first, last = printed.splitlines()
    assert '"model": "tiny"' in first
    assert TUNED.search(last)
    assert '"finish_reason"' in last
