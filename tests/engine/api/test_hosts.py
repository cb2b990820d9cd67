"""Hosts and origins: what a browser sends for a web page of somebody else is refused."""

import aiohttp
import pytest

from engine.api.hosts import Hosts
from tests.engine.api.test_process import EVERYWHERE
from tests.support.engine_process import EngineProcess

FOREIGN_HOSTS = [
    "elsewhere.example",
    "elsewhere.example:8765",
    "127.0.0.1.elsewhere.example",
    "localhost.elsewhere.example",
    "notlocalhost",
    "192.168.1.5:8765",
    "[2001:db8::1]:8765",
    "127.0.0.1@elsewhere.example",
    "localhost:8765:8765",
    "[::1",
    "localhost/",
    "",
]
FOREIGN_ORIGINS = [
    "null",
    "http://elsewhere.example",
    "https://elsewhere.example:8765",
    "http://localhost.elsewhere.example",
    "http://localhost:1",  # another program on this machine
    "chrome-extension://abcdefgh",
    "file://",
    "{host}",
    "http://{host}.elsewhere.example",
    "http://{host}@elsewhere.example",
    "",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_a_foreign_host_gets_a_403_that_says_what_to_do(engine: EngineProcess, host: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{engine.url}/models", headers={"Host": host}) as answer,
    ):
        error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (403, "host_not_allowed")
    assert "--allowed-host" in error["message"]
    assert f"'{host}'" in error["message"]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("path", ["/fine_tuning/jobs", "/files", "/nowhere"])
async def test_a_page_of_another_origin_gets_a_403(engine: EngineProcess, origin: str, path: str) -> None:
    foreign = origin.format(host=engine.url.removeprefix("http://").removesuffix("/v1"))
    form = aiohttp.FormData({"purpose": "fine-tune"}, default_to_multipart=True)
    async with (
        aiohttp.ClientSession() as http,
        http.post(engine.url + path, data=form, headers={"Origin": foreign}) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]["code"]) == (403, "origin_not_allowed")


async def test_programs_and_own_pages_are_answered(engine: EngineProcess) -> None:
    host = engine.url.removeprefix("http://").removesuffix("/v1")
    async with aiohttp.ClientSession() as http:
        for headers in ({}, {"Origin": f"http://{host}"}, {"Host": "localhost"}, {"Host": "[::1]:80"}):
            async with http.get(f"{engine.url}/models", headers=headers) as answer:
                assert answer.status == 200


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:1",
        "localhost.",
        "127.0.0.1:65535",
        "127.1.2.3",
        "[::1]",
        "[::ffff:127.0.0.1]:5",
    ],
)
def test_every_name_of_this_machine_is_a_host(host: str) -> None:
    assert Hosts("127.0.0.1").allows(host)
    assert Hosts("192.168.1.5", ["engine"]).allows(host)


@pytest.mark.parametrize(
    ("bound", "allowed", "has_key", "host", "expected"),
    [
        ("192.168.1.5", [], False, "192.168.1.5:8765", True),
        ("192.168.1.5", [], True, "192.168.1.6", False),
        ("192.168.1.5", [], True, "elsewhere.example", False),
        ("fd00::5", [], False, "[fd00::5]:8765", True),
        ("box.lan", [], False, "Box.LAN:1", True),
        ("127.0.0.1", ["engine", "api.example"], False, "api.example:443", True),
        ("127.0.0.1", ["10.1.2.3"], False, "10.1.2.3", True),
        (EVERYWHERE, [], False, "10.1.2.3:8765", True),
        (EVERYWHERE, [], False, "engine:8765", False),
        (EVERYWHERE, ["engine"], False, "engine:8765", True),
        (EVERYWHERE, [], True, "engine:8765", True),
        (EVERYWHERE, ["engine"], True, "elsewhere.example", False),
        ("::", [], False, "[fd00::7]", True),
        ("", [], False, "elsewhere.example", False),
    ],
)
def test_bound_to_a_network(bound: str, allowed: list[str], has_key: bool, host: str, expected: bool) -> None:
    assert Hosts(bound, allowed, has_key=has_key).allows(host) == expected


def test_pages_of_an_allowed_host_may_send_requests() -> None:
    hosts = Hosts("127.0.0.1", ["chat.example", "abcdefgh"])
    assert hosts.allows_origin("https://chat.example", "127.0.0.1:8765")
    assert hosts.allows_origin("chrome-extension://abcdefgh", "127.0.0.1:8765")
    assert not hosts.allows_origin("https://chat.example.elsewhere.example", "127.0.0.1:8765")
