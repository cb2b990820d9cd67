"""Unknown paths and methods: the error says what was asked for, and what there is."""

import aiohttp
import pytest

from tests.support.engine_process import EngineProcess


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/nowhere"),
        ("POST", "/v1/audio/speech"),
        ("POST", "/chat/completions"),  # a base URL without /v1
        ("POST", "/v1/v1/chat/completions"),
        ("GET", "/"),
        ("DELETE", "/v1/files/"),
        ("GET", "/v1/files/a/b/c"),
        ("GET", "//v1/models"),
        ("GET", "/v1/%E2%98%83"),
    ],
)
async def test_an_unknown_path_is_named_and_what_there_is_listed(
    engine: EngineProcess, method: str, path: str
) -> None:
    url = engine.url.removesuffix("/v1") + path
    async with aiohttp.ClientSession() as http, http.request(method, url) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["type"], error["code"]) == (404, "invalid_request_error", "invalid_url")
    assert error["message"].startswith(f"There is no {method} /")
    for endpoint in ("POST /v1/chat/completions", "GET and POST /v1/files", "GET /healthz"):
        assert endpoint in error["message"]
    assert "HEAD" not in error["message"]


async def test_a_long_or_odd_path_is_shown_in_part(engine: EngineProcess) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{engine.url}/{'a' * 3000}%0A\u2603") as answer:
        message = (await answer.json())["error"]["message"]
    assert message.isprintable()
    assert message.isascii()
    assert "a" * 100 in message
    assert "a" * 300 not in message


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/chat/completions", "POST"),
        ("PUT", "/files", "GET, HEAD, POST"),
        ("PATCH", "/models/tiny", "DELETE, GET, HEAD"),
        ("GET", "/fine_tuning/jobs/x/cancel", "POST"),
        ("OPTIONS", "/models", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_names_the_allowed_ones(
    engine: EngineProcess, method: str, path: str, allowed: str
) -> None:
    async with aiohttp.ClientSession() as http, http.request(method, engine.url + path) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert error["code"] == "method_not_supported"
    assert error["message"] == f"{method} is not allowed at this path, only {allowed}."
