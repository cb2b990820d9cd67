"""The JavaScript of docs/engine.md's quickstart, with the pinned package of npm: `make test-clients`."""

from pathlib import Path

import pytest

from tests.clients.clients import CLIENTS, HERE
from tests.support.engine_process import EngineProcess
from tests.support.quickstart import TUNED, code, run


def test_javascript(tmp_path: Path, tiny_base: Path) -> None:
    if not any(client.is_node and client.is_installed for client in CLIENTS):
        pytest.skip("make test-clients installs the packages of npm")
    (tmp_path / "node_modules").symlink_to(HERE / "node" / "node_modules")
    script = tmp_path / "quickstart.mjs"
    with EngineProcess(tmp_path / "engine", tiny_base) as engine:
        script.write_text(code("javascript", engine), encoding="utf-8")
        printed = run("node", str(script), engine=engine)
    assert "succeeded" in printed
    assert TUNED.search(printed)
