"""docker-compose.yml and Dockerfile, as far as they can be checked without Docker."""

import re
import shlex
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from bot.processes import engine_options
from bot.settings import ROOT, Settings
from engine.__main__ import arguments
from engine.api.hosts import Hosts

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
ALL_SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVICES = {name: service for name, service in ALL_SERVICES.items() if service["image"] == "herosmith"}


ENV_EXAMPLE = (ROOT / ".env.example").read_text()
OF_ENGINE = next(part for part in ENV_EXAMPLE.split("\n\n") if part.startswith("# The embedded engine."))
VALUES = {  # a value of each, other than the default
    "ENGINE_API_KEY": "secret",
    "ENGINE_BASE": "owner/name@main",
    "ENGINE_RUNTIME": "openvino",
    "TUNE": "adapter",
}


def expand(line: str, **env: str) -> str:
    """Return a line with its ${...} replaced: Compose writes them as the shell does."""
    shell = ["sh", "-c", f'printf %s "{line}"']
    return subprocess.run(shell, capture_output=True, text=True, check=True, env=env).stdout


def words(service: str, **env: str) -> list[str]:
    return shlex.split(expand(SERVICES[service]["command"], **env))


@pytest.mark.parametrize("service", SERVICES)
def test_every_command_exists_with_its_options(service: str) -> None:
    command = words(service, **VALUES)
    if command[0] == "herosmith":
        command[:1] = ["python", "-m", "bot"]
    completed = subprocess.run(
        [sys.executable, *command[1:], "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"TERM": "dumb"},
    )
    assert completed.returncode == 0, completed.stderr
    for option in (word for word in command if word.startswith("--")):
        assert option in completed.stdout


def test_the_engine_knows_the_name_by_which_bot_and_worker_address_it() -> None:
    options = arguments().parse_args(words("engine")[3:])
    address = urlsplit(SERVICES["bot"]["environment"]["ENGINE_URL"])
    for has_key in (False, True):
        hosts = Hosts(options.host, options.allowed_host, has_key=has_key)
        assert hosts.allows(address.netloc)
        assert not hosts.allows("elsewhere.example")
    assert address.port == options.port


def test_values_name_every_setting_of_the_engine_but_the_address_that_compose_sets() -> None:
    listed = set(re.findall(r"^([A-Z_]+)=", OF_ENGINE, re.MULTILINE))
    assert listed - set(SERVICES["bot"]["environment"]) == set(VALUES)


@pytest.mark.parametrize("name", [None, *VALUES])
def test_every_setting_of_the_engine_reaches_its_container(
    name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENGINE_RUNTIME")
    given = {name: VALUES[name]} if name else {}
    values = {key.lower(): value for key, value in given.items()}
    settings = Settings.model_validate({"author_model": "named", "base_model": "named", **values})
    of_bot = engine_options(settings)  # of the engine that the bot would start without Compose
    in_container = words("engine", **given)[3:]
    start = ["--data", "data/var/engine"]
    wanted, found = (arguments().parse_args(each) for each in ([*start, *of_bot], in_container))
    assert (found.base, found.runtime) == (wanted.base, wanted.runtime)
    # the engine reads its key from the environment, and the bot sends TUNE with each training
    assert {SERVICES[service]["env_file"] for service in ("engine", "worker", "bot")} == {".env"}


@pytest.mark.parametrize("runtime", ["", "llama.cpp", "auto", "openvino"])
def test_the_image_installs_what_the_runtime_needs(runtime: str) -> None:
    """The command that the Dockerfile runs, with another program in place of pip."""
    ((name, line),) = SERVICES["engine"]["build"]["args"].items()
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"\nARG {name}=" in dockerfile
    (command,) = re.findall(r"^RUN (if (?:.|(?<=\\)\n)*)", dockerfile, re.MULTILINE)
    installed = subprocess.run(
        ["/bin/sh", "-c", f'pip() {{ echo "$@"; }}; {command}'],
        capture_output=True,
        text=True,
        check=True,
        env={name: expand(line, ENGINE_RUNTIME=runtime)},
    ).stdout
    (extras,) = re.findall(r"--editable \.\[([a-z,]+)\]", installed)
    settings = Settings.model_validate({"engine_runtime": runtime or "auto", "discord_token": "t"})
    assert extras.split(",") == settings.extras


@pytest.mark.parametrize("service", ["bot", "worker"])
def test_health_and_metrics_are_asked_where_they_are(service: str) -> None:
    port = SERVICES[service]["environment"]["METRICS_PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in SERVICES[service]["healthcheck"]["test"][-1]
    compile(SERVICES[service]["healthcheck"]["test"][-1], "healthcheck", "exec")
    scraped = yaml.safe_load((ROOT / "ops" / "prometheus.yml").read_text())["scrape_configs"]
    assert f"{service}:{port}" in [each["static_configs"][0]["targets"][0] for each in scraped]


def test_others_services_start_only_on_demand_with_files_that_are_there() -> None:
    others = {name: ALL_SERVICES[name] for name in set(ALL_SERVICES) - set(SERVICES)}
    assert set(others) == {"prometheus", "grafana"}
    for service in others.values():
        assert service["profiles"] == ["metrics"]
        mounted = [path.partition(":")[0] for path in service["volumes"]]
        assert all((ROOT / path).exists() for path in mounted if path.startswith("."))
        assert {path for path in mounted if not path.startswith(".")} <= set(COMPOSE["volumes"])


def test_every_variable_is_a_setting() -> None:
    names = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert names
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_env_example_lists_every_setting_but_the_file_of_prices() -> None:
    listed = set(re.findall(r"^([A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE))
    settings = {name.upper() for name in Settings.model_fields} - {"PRICES_FILE"}
    assert settings - listed == set(), "say in .env.example what these do, with a line NAME= each"
    assert listed - settings == set(), "these lines of .env.example are no settings"


def test_the_image_copies_the_files_that_the_bot_reads() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = {word for line in copied for word in line.split()}
    assert {"bot", "cogs", "engine", "pyproject.toml"} <= sources
    assert {f"data/{name}" for name in ("heroes.toml", "prices.toml", "first_dataset.jsonl")} <= sources
    assert all((ROOT / source).exists() for source in sources)
