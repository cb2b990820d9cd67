"""A real Prometheus with our configuration and rules, and real processes that it scrapes."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from bench.interactions.discord_server import discord_server
from bot.settings import ROOT
from tests.monitoring.test_ops import OPS, expressions
from tests.support.databases import Databases, database_variables
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.scripted_server import Script

pytestmark = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="Prometheus is not installed (Debian: apt-get install prometheus)",
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@asynccontextmanager
async def process(*command: str, log: Path, **env: str) -> AsyncIterator[None]:
    """Run a process during the block; it ends when its standard input does, or by a signal."""
    with log.open("wb") as output:
        running = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        )
    try:
        yield
    finally:
        if running.returncode is None:
            running.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(running.wait(), 30)
        except TimeoutError:
            running.kill()
            await running.wait()


def configure(folder: Path, targets: dict[str, str]) -> Path:
    """Write our configuration with these addresses, and short intervals."""
    config = yaml.safe_load((OPS / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    assert {each["job_name"] for each in config["scrape_configs"]} == set(targets)
    for each in config["scrape_configs"]:
        each["static_configs"] = [{"targets": [targets[each["job_name"]]]}]
    shutil.copy(OPS / "rules.yml", folder)
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


class Server:
    """A running Prometheus."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http = http
        self._url = f"http://127.0.0.1:{port}/api/v1"

    async def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer; None while the server is starting."""
        try:
            async with self._http.get(f"{self._url}/{path}", params=parameters) as response:
                answer = json.loads(await response.text())
        except (aiohttp.ClientError, ValueError):
            return None
        assert answer["status"] == "success", answer
        return answer["data"]

    async def value(self, query: str) -> float | None:
        """Return the sum of what a query finds; None if it finds nothing."""
        data = await self.get("query", query=query)
        results = data["result"] if data else []
        return sum(float(each["value"][1]) for each in results) if results else None


def test_promtool_accepts_rules_and_configuration() -> None:
    for what in ("rules", "config"):
        path = OPS / ("rules.yml" if what == "rules" else "prometheus.yml")
        command = [shutil.which("promtool") or "", "check", what, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


RULE_TESTS = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    name: a job that is resumed after a long pause, and one that nobody works on
    input_series:
      - series: 'herosmith_job_age_seconds{kind="build", state="queued"}'
        values: '5000+60x4 _x20'
      - series: 'herosmith_job_age_seconds{kind="finetune", state="queued"}'
        values: '0+60x60'
    alert_rule_test:
      - {eval_time: 4m, alertname: HerosmithJobWaits}
      - {eval_time: 35m, alertname: HerosmithJobWaits}
      - eval_time: 45m
        alertname: HerosmithJobWaits
        exp_alerts: [{exp_labels: {severity: warning, kind: finetune, state: queued}}]
  - interval: 15s
    name: the first failure of a command and of a model, whose counts began at zero
    input_series:
      - series: 'herosmith_interactions_total{command="/hero", outcome="failed"}'
        values: '0x8 1x60'
      - series: 'herosmith_model_calls_total{model="m", outcome="failed"}'
        values: '0x8 1x60'
    alert_rule_test:
      - eval_time: 9m
        alertname: HerosmithInteractionsFail
        exp_alerts: [{exp_labels: {severity: warning}}]
      - eval_time: 9m
        alertname: HerosmithModelUnavailable
        exp_alerts: [{exp_labels: {severity: critical}}]
"""


def test_alerts_fire_when_they_should(tmp_path: Path) -> None:
    rules = yaml.safe_load((OPS / "rules.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        del rule["annotations"]  # promtool would compare them, too
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    (tmp_path / "tests.yml").write_text(RULE_TESTS)
    command = [shutil.which("promtool") or "", "test", "rules", "tests.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_prometheus_scrapes_bot_worker_and_engine(
    engine: EngineProcess, script: Script, tmp_path: Path, databases: Databases
) -> None:
    ports = {name: free_port() for name in ("bot", "worker", "prometheus")}
    targets = {f"herosmith-{name}": f"127.0.0.1:{ports[name]}" for name in ("bot", "worker")}
    targets["herosmith-engine"] = engine.url.removeprefix("http://").removesuffix("/v1")
    config = configure(tmp_path, targets)
    database = database_variables(databases.new(tmp_path / "var"))
    python = sys.executable
    async with (
        discord_server() as discord,
        process(
            python,
            *("-m", "bench.interactions.bot_process", "herosmith", discord.url, script.url),
            str(tmp_path / "var"),
            log=tmp_path / "bot.log",
            METRICS_PORT=str(ports["bot"]),
            **database,
        ),
        process(
            python,
            *("-m", "bot", "worker"),
            log=tmp_path / "worker.log",
            METRICS_PORT=str(ports["worker"]),
            ENGINE_URL=script.url,
            DATA_DIR=str(tmp_path / "var"),
            **{"DISCORD_TOKEN": "x", **database},  # without a token, the playground's folder would be used
        ),
        process(
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
            log=tmp_path / "prometheus.log",
        ),
        aiohttp.ClientSession() as http,
    ):
        await asyncio.wait_for(discord.connected.wait(), 60)
        await discord.send_hero_command("40 woman healing")
        server = Server(http, ports["prometheus"])

        async def scraped() -> bool:
            acknowledged = "herosmith_interaction_acknowledgement_seconds_count"
            answered = 'herosmith_interactions_total{command="/hero",outcome="answered"}'
            beats = 'herosmith_event_loop_lag_seconds_count{job="herosmith-worker"}'
            found = [await server.value(query) for query in ("up", acknowledged, answered)]
            return found == [3, 1, 1] and bool(await server.value(beats))

        await eventually(
            scraped, timeout=90, interval=0.5, what=f"all three are scraped (logs in {tmp_path})"
        )
        assert await server.value("herosmith_gateway_connected") == 1

        for expression in expressions():
            query = expression.replace("$__rate_interval", "1m")
            assert await server.get("query", query=query) is not None, expression
        rules = await server.get("rules")
        states = {rule["name"]: rule["health"] for group in rules["groups"] for rule in group["rules"]}
        assert states
        assert set(states.values()) <= {"ok", "unknown"}  # unknown: not evaluated yet
        alerts = await server.get("alerts")
        assert [each for each in alerts["alerts"] if each["state"] == "firing"] == []
