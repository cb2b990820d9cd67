"""A process whose event loop stands still ends, and says where it stood."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import ROOT
from tests.support.databases import Databases, database_variables

# Standing still in a sleep, and in a regular expression, which lets no other thread of Python run.
_STUCK = {"time.sleep": "time.sleep(600)", "re.match": "re.match('(a|aa)+$', 'a' * 200 + 'b')"}

_LOOP = """
import asyncio, re, time
from bot.monitoring import health

health.STUCK_AFTER = 1.0

async def stand_still():
    {stuck}

async def main():
    async with health.Heartbeat().beating():
        await stand_still()

asyncio.run(main())
"""

_WORKER = """
import sys, time
from bot.jobs.worker import Worker
from bot.monitoring import health

health.STUCK_AFTER = 1.0

async def stand_still(self):
    time.sleep(600)

Worker.run_forever = stand_still
sys.argv = ["herosmith", "worker"]
from bot.__main__ import main
main()
"""

_READY = """
import sys
from bot.jobs.worker import Worker

async def end(self):
    return

Worker.run_forever = end
sys.argv = ["herosmith", "worker"]
from bot.__main__ import main
main()
"""

_AFTERWARDS = """
import asyncio, time
from bot.monitoring import health

health.STUCK_AFTER = 1.0

async def main():
    async with health.Heartbeat().beating():
        await asyncio.sleep(0)

asyncio.run(main())
time.sleep(3)
print("went on")
"""


def run(program: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={"PYTHONPATH": str(ROOT), "TERM": "dumb", **env},
    )


@pytest.mark.parametrize("what", _STUCK)
def test_a_loop_that_stands_still_ends_the_process(what: str) -> None:
    done = run(_LOOP.format(stuck=_STUCK[what]))
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert "in stand_still" in done.stderr


@pytest.fixture
def worker_environment(tmp_path: Path, databases: Databases) -> dict[str, str]:
    """Return the variables of a worker of the bot: without a token, it would be the playground's."""
    return {
        "DATA_DIR": str(tmp_path),
        "ENGINE_URL": "http://127.0.0.1:1/v1",
        "DISCORD_TOKEN": "x",
        "HEROES_FILE": str(ROOT / "data" / "heroes.toml"),
        **database_variables(databases.new(tmp_path)),
    }


def test_a_worker_that_stands_still_ends_without_a_port_for_metrics(
    worker_environment: dict[str, str],
) -> None:
    done = run(_WORKER, **worker_environment)
    assert done.stdout == "worker ready\n", done.stderr
    assert done.returncode == 1
    assert "in stand_still" in done.stderr


def test_a_worker_is_ready_in_one_line_of_the_logs_format(worker_environment: dict[str, str]) -> None:
    done = run(_READY, **worker_environment, LOG_FORMAT="json")
    assert done.stdout == "", done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert "worker ready" in [line["message"] for line in lines]


def test_nothing_is_watched_afterwards() -> None:
    done = run(_AFTERWARDS)
    assert (done.returncode, done.stdout) == (0, "went on\n"), done.stderr
