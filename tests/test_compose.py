"""docker-compose.yml and Dockerfile, as far as they can be checked without Docker."""

import re
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from bot.settings import ROOT, Settings
from engine.__main__ import arguments
from engine.api.hosts import Hosts

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_command_exists_with_its_options(service: str) -> None:
    command = SERVICES[service]["command"].partition("${")[0]
    words = command.split()
    if words[0] == "herosmith":
        words[:1] = ["python", "-m", "bot"]
    completed = subprocess.run(
        [sys.executable, *words[1:], "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"TERM": "dumb"},
    )
    assert completed.returncode == 0, completed.stderr
    for option in re.findall(r"--[a-z-]+", command):
        assert option in completed.stdout


def test_the_engine_knows_the_name_by_which_bot_and_worker_address_it() -> None:
    words = SERVICES["engine"]["command"].partition("${")[0].split()
    options = arguments().parse_args(words[words.index("engine") + 1 :])
    address = urlsplit(SERVICES["bot"]["environment"]["ENGINE_URL"])
    for has_key in (False, True):
        hosts = Hosts(options.host, options.allowed_host, has_key=has_key)
        assert hosts.allows(address.netloc)
        assert not hosts.allows("elsewhere.example")
    assert address.port == options.port


def test_every_variable_is_a_setting() -> None:
    names = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert names
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_env_example_lists_every_setting_but_the_file_of_prices() -> None:
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    settings = {name.upper() for name in Settings.model_fields} - {"PRICES_FILE"}
    assert settings - listed == set(), "say in .env.example what these do, with a line NAME= each"
    assert listed - settings == set(), "these lines of .env.example are no settings"


def test_the_image_copies_the_files_that_the_bot_reads() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {word for line in copied for word in line.split()}
    assert {"bot", "cogs", "engine", "pyproject.toml"} <= sources
    assert {f"data/{name}" for name in ("heroes.toml", "prices.toml", "first_dataset.jsonl")} <= sources
    assert all((ROOT / source).exists() for source in sources)
