"""`herosmith engine bases`: what each base takes here, and what to write into .env."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from bot.settings import Settings
from bot.settings_file import load_settings
from tests.cli.conftest import RunCommand


def test_the_lines_for_env_are_settings_that_can_be_used(
    terminal: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = terminal("engine", "bases", "--no-probe")
    assert done.exit_code == 0, done.output
    assert "Minutes and words a second were not estimated. --no-probe says so." in done.stdout
    assert "SmolLM2-360M-Instruct: Apache-2.0, https://" in done.stdout
    lines = re.findall(r"^    ((?:ENGINE_BASE|AUTHOR_MODEL|BASE_MODEL)=.+)$", done.stdout, re.MULTILINE)
    monkeypatch.delenv("ENGINE_URL")
    for number, first in enumerate(lines[::3]):
        (tmp_path / ".env").write_text("\n".join(lines[3 * number : 3 * number + 3]))
        settings = load_settings(tmp_path / ".env")
        assert first == f"ENGINE_BASE={settings.engine_base}"
        assert settings.base_model == settings.author_model
    assert len(lines) >= 21

    said = json.loads(terminal("engine", "bases", "--no-probe", "--json").stdout)
    assert [
        f"{name}={value}" for each in said["bases"] for name, value in each["env"].items() if value
    ] == lines
    assert 40_000 < said["tokens"] < 80_000  # 379 texts took 57,754 in a training; 504 come with the bot now


class BusyEngine(BaseHTTPRequestHandler):
    """An engine that trains, as its metrics say."""

    def do_GET(self) -> None:
        assert self.path == "/metrics"
        text = "# TYPE engine_fine_tuning_jobs gauge\n"
        text += 'engine_fine_tuning_jobs{status="succeeded"} 3\n'
        text += 'engine_fine_tuning_jobs{status="running"} 1\n'
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_busy_engine_is_not_disturbed(terminal: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BusyEngine) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        monkeypatch.setenv("ENGINE_URL", url)
        said = json.loads(terminal("engine", "bases", "--json").stdout)
        server.shutdown()
    assert said["probe"] is None
    assert said["reason"] == f"The engine at {url} is busy: it trains a model."


def test_an_engine_that_starts_is_not_disturbed(
    terminal: RunCommand, installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENGINE_URL")
    folder = installation.data_dir / "engine"
    folder.mkdir(parents=True)
    with FileLock(folder / "engine.lock"):
        said = json.loads(terminal("engine", "bases", "--json").stdout)
    assert said["probe"] is None
    assert said["reason"].startswith("An engine is at work in")


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(400)
def test_a_measured_machine_has_minutes_and_words_for_what_fits(
    terminal: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENGINE_URL")
    said = json.loads(terminal("engine", "bases", "--json").stdout)
    if (said["reason"] or "").startswith("The measurement was ended"):  # a busy machine
        assert said["probe"] is None
        return
    assert said["reason"] is None
    for each in said["bases"]:
        assert each["serving"]["words_per_second"] > 0
        assert (each["tuning"]["minutes"] is None) == bool(each["tuning"]["obstacle"])
