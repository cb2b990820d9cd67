"""What cannot be used ends the start with a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.cluster.conftest import StartEngine
from tests.support.large_base import large_base
from tests.support.local_cluster import LocalCluster

pytestmark = pytest.mark.cluster


def reason_of(*options: str | Path) -> str:
    """Return why an engine with these options cannot start."""
    command = [sys.executable, "-m", "engine.cluster", "--port", "0", *map(str, options)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip().splitlines()[-1]


def test_two_heads_on_one_folder(
    start_engine: StartEngine, cluster: LocalCluster, tiny_base: Path, tmp_path: Path
) -> None:
    start_engine()
    reason = reason_of("--data", tmp_path, "--base", tiny_base, "--address", cluster.address)
    assert reason == f"engine: another engine is at work in {tmp_path}; stop it first."


@pytest.mark.usefixtures("cluster")
def test_an_address_without_a_cluster(tiny_base: Path, tmp_path: Path) -> None:
    reason = reason_of("--data", tmp_path, "--base", tiny_base, "--address", "127.0.0.1:9")
    assert reason.startswith("engine: it finds no cluster of Ray at 127.0.0.1:9 that it may join: ")
    assert "ray start --head" in reason


def test_a_wrong_token(
    cluster: LocalCluster, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("0" * 64)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    reason = reason_of("--data", tmp_path / "data", "--base", tiny_base, "--address", cluster.address)
    assert reason.startswith("engine: it finds no cluster of Ray at ")
    assert "RAY_AUTH_TOKEN_PATH" in reason


def test_a_model_that_no_machine_can_hold(cluster: LocalCluster, tmp_path: Path) -> None:
    (tmp_path / "huge").mkdir()
    base = large_base(tmp_path / "huge", 10**13)
    reason = reason_of("--data", tmp_path / "data", "--base", base, "--address", cluster.address)
    assert reason.startswith("engine: no machine of the cluster can serve. 127.0.0.1: ")
    assert f"{base} is too large to be loaded: " in reason
