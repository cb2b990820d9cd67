"""Foreign clients, each in its own environment, do what their first pages show: `make test-clients`."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.clients.clients import CLIENTS, Client
from tests.support.engine_process import EngineProcess

pytestmark = pytest.mark.xdist_group("clients")  # they share one engine, in one test process

_SECONDS = 240  # importing a framework takes ten seconds on a quiet machine
_OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
"""No client looks anything up on the Internet."""

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Client, Future[Results]]]:
    """Run the scripts of all clients that are installed, two at a time."""
    installed = [client for client in CLIENTS if client.is_installed]
    if not installed:
        yield {}
        return
    with (
        EngineProcess(tmp_path_factory.mktemp("engine"), None) as engine,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        [model] = [model.id for model in engine.blocking_client().models.list()]
        yield {client: pool.submit(_run, client, engine.url, model) for client in installed}


def _run(client: Client, url: str, model: str) -> Results:
    done = subprocess.run(
        client.command(url, model),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        env=_environment(),
    )
    # clients print as well
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"step"')]
    results = {result["step"]: result for result in map(json.loads, lines)}
    return results or {"": {"traceback": done.stderr}}


def _environment() -> dict[str, str]:
    ours = ("PYTHONPATH", "OPENAI_", "LLM_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | _OFFLINE


@pytest.mark.parametrize(
    ("client", "step"),
    [pytest.param(client, step, id=f"{client.name}: {step}") for client in CLIENTS for step in client.steps],
)
def test_step(client: Client, step: str, runs: dict[Client, Future[Results]]) -> None:
    if client.is_node and not shutil.which("node"):
        pytest.skip("there is no node on this machine: the clients of npm are not tried")
    if not client.is_installed:
        pytest.skip("the clients are not installed: make test-clients installs and tries them")
    results = runs[client].result()
    result = results.get(step) or results.get("")
    assert result is not None, f"the script has no step {step}: {list(results)}"
    assert "traceback" not in result, result["traceback"]


def test_every_script_is_in_the_list() -> None:
    """A script that no client runs would prove nothing."""
    scripts = {
        path.name for folder in ("python", "node") for path in (Path(__file__).parent / folder).iterdir()
    }
    scripts = {name for name in scripts if name.endswith((".py", ".mjs")) and not name.startswith("harness")}
    assert scripts == {client.script for client in CLIENTS}
