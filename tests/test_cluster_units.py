"""The units in ops/cluster and the page about them, as far as they can be checked on one machine."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from bot.settings import ROOT
from engine.api.hosts import Hosts
from engine.cluster.__main__ import arguments
from tests.test_systemd import MOST_EXPOSURE, PROGRAMS, Unit, analyze

UNITS = {path.stem: path for path in sorted((ROOT / "ops" / "cluster").glob("*.service"))}
FIRST, NODE, ENGINE = "herosmith-ray-first", "herosmith-ray-node", "herosmith-cluster-engine"
PAGE = (ROOT / "docs" / "cluster-machines.md").read_text(encoding="utf-8")
NETWORK = ip_network("10.77.0.0/24")
ADDRESSES = {"NODE_ADDRESS": "10.77.0.1", "FIRST_ADDRESS": "10.77.0.1"}
OF_SERVICES = {"HOME"}


def command(name: str) -> list[str]:
    """Return a unit's command, as systemd expands it on the first machine."""
    words = Unit(UNITS[name]).command
    return [re.sub(r"\$\{(\w+)\}", lambda found: ADDRESSES[found[1]], word) for word in words]


def option(name: str, option: str) -> str | None:
    words = command(name)
    return next((word.removeprefix(f"{option}=") for word in words if word.startswith(f"{option}=")), None)


def test_every_process_has_its_unit_and_the_page_installs_it() -> None:
    assert set(UNITS) == {FIRST, NODE, ENGINE}
    for name in UNITS:
        assert f"sudo cp ops/cluster/{name}.service /etc/systemd/system/" in PAGE
        assert f"systemctl enable --now {name}\n" in PAGE


@pytest.mark.parametrize("name", [FIRST, NODE, ENGINE])
def test_systemd_accepts_the_unit(name: str, tmp_path: Path) -> None:
    for program in ("ray", "python"):
        path = tmp_path / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o755)
    for each in UNITS.values():
        text = each.read_text(encoding="utf-8").replace(PROGRAMS, f"{tmp_path}/bin/")
        (tmp_path / each.name).write_text(text, encoding="utf-8")
    done = analyze("verify", "--man=false", tmp_path / UNITS[name].name)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "herosmith" in line] == []


@pytest.mark.parametrize("name", [FIRST, NODE, ENGINE])
def test_a_unit_exposes_little(name: str) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", UNITS[name])
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is older than 250 and cannot rate a file")
    assert done.returncode == 0, done.stdout


def test_the_engine_s_command_is_one_that_it_understands() -> None:
    program, *words = command(ENGINE)
    assert program == f"{PROGRAMS}python"
    assert words[:2] == ["-m", "engine.cluster"]
    options = arguments().parse_args(words[2:])
    assert options.address == "auto"
    assert options.data.is_relative_to("/shared")
    hosts = Hosts(options.host, options.allowed_host, has_key=True)
    assert hosts.allows(f"{ADDRESSES['NODE_ADDRESS']}:{options.port}")
    assert f"ENGINE_URL=http://{options.host}:{options.port}/v1" in PAGE
    assert f"http://{options.host}:{options.port}/healthz" in PAGE


def test_nodes_join_the_first_one_where_it_listens() -> None:
    assert "--head" in command(FIRST)
    assert option(NODE, "--address") == f"{ADDRESSES['FIRST_ADDRESS']}:{option(FIRST, '--port')}"
    assert option(FIRST, "--num-cpus") == "0"
    assert option(NODE, "--num-cpus") is None
    for name in (FIRST, NODE):
        assert "--block" in command(name)  # systemd sees it end
        assert option(name, "--node-ip-address") == ADDRESSES["NODE_ADDRESS"]


@pytest.mark.parametrize("name", [FIRST, NODE, ENGINE])
def test_variables_are_known_and_secrets_are_in_files(name: str) -> None:
    text = UNITS[name].read_text(encoding="utf-8")
    environment = dict(word.split("=", 1) for word in Unit(UNITS[name])["Service"]["Environment"].split())
    of_ray = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    of_ray += (ROOT / "engine" / "cluster" / "ray_cluster.py").read_text(encoding="utf-8")
    assert all(each in of_ray for each in environment.keys() - OF_SERVICES)
    assert environment["RAY_AUTH_MODE"] == "token"
    assert environment["RAY_worker_niceness"] == "0"
    files = [environment["RAY_AUTH_TOKEN_PATH"], *re.findall(r"^EnvironmentFile=(.+)$", text, re.MULTILINE)]
    assert all(file in PAGE for file in files)
    for variable in re.findall(r"\$\{(\w+)\}", text):
        assert f"{variable}=10.77.0." in PAGE


def test_the_engine_s_key_is_in_its_own_file() -> None:
    files = {
        name: re.findall(r"^EnvironmentFile=(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        for name, path in UNITS.items()
    }
    assert [name for name, named in files.items() if "/etc/herosmith/engine.env" in named] == [ENGINE]
    assert re.search(r'echo "ENGINE_API_KEY=.*" > /etc/herosmith/engine\.env', PAGE)


@pytest.mark.parametrize("name", [FIRST, NODE, ENGINE])
def test_a_unit_reaches_the_private_network_and_the_folder_alone(name: str) -> None:
    service = Unit(UNITS[name])["Service"]
    assert service["IPAddressDeny"] == "any"
    assert service["IPAddressAllow"].split() == ["localhost", str(NETWORK)]
    assert "/shared" in service["ReadWritePaths"].split()
    assert Unit(UNITS[name])["Unit"]["RequiresMountsFor"] == "/shared"
    # to see which interface has an address, as workers of a training do
    assert "AF_NETLINK" in service["RestrictAddressFamilies"].split()
    assert service["Restart"] == "always"


def test_the_page_has_one_network_and_one_user() -> None:
    private = {ip_address(each) for each in re.findall(r"\b10\.\d+\.\d+\.\d+\b", PAGE)}
    assert all(each in NETWORK for each in private)
    assert {str(each) for each in private} == {f"10.77.0.{number}" for number in range(5)}
    (user,) = set(
        re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert f"useradd --system --uid {user} " in PAGE  # the folder can go to containers, too


def test_the_page_s_costs_are_what_they_say() -> None:
    month, hours = 5 + 2 * 25, 730
    assert f"| {month} €, or {month} / {hours} h = {month / hours:.3f} € an hour |" in PAGE
    millions = 100 * 3600 * hours / 1e6
    assert f"{millions:.0f} million" in PAGE
    assert f"{month} / {millions:.0f} = {month / millions:.2f} €" in PAGE
    assert f"takes {135 * 4 / 125:.1f} s" in PAGE


def test_the_firewall_opens_ssh_and_the_tunnel_alone() -> None:
    (rules,) = re.findall(r"```text\n(flush ruleset\n.*?)```", PAGE, re.DOTALL)
    assert "policy drop" in rules
    assert set(re.findall(r"dport (\d+)", rules)) == {"22", "51820"}
    assert f'iifname "wg0" ip saddr {NETWORK} accept' in rules
    assert "ListenPort = 51820" in PAGE
