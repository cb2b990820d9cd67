"""Answers that fail on the way: nothing a real model does on demand, so its chunks are scripted."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from engine.api.server import Api
from engine.inference.llama_cpp import Generator
from engine.inference.model_cache import Residents
from engine.jobs.queue import Jobs
from engine.storage.files import Files
from engine.storage.models import Models
from engine.storage.weights import Weights
from tests.engine.inference.test_chat_request import USER
from tests.support.tiny_engine import TINY

FIRST = {"choices": [{"delta": {"content": "She"}, "finish_reason": None}]}
FAILURE = {"error": {"code": 500, "message": "decode failed", "type": "server_error"}}


class Failing(Generator):
    """Fails in its second choice; the others would never end by themselves."""

    def __init__(self, *, begun: bool) -> None:
        """`begun` lets each choice say a word before."""
        self._begun = begun
        self.open = 0

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        self.open += 1
        try:
            if self._begun:
                yield FIRST
            if request["seed"] == 1:
                yield FAILURE
            await asyncio.Event().wait()
        finally:
            self.open -= 1


class Resident(Residents):
    """Holds the one model there is."""

    def __init__(self, generator: Generator) -> None:
        super().__init__(Path())
        self._generator = generator

    async def get(self, path: Path) -> Generator:  # noqa: ARG002
        return self._generator


@pytest.fixture
async def api(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Api, Failing, str]]:
    failing = Failing(begun=request.param)
    models, files = Models(tmp_path / "models", Weights(TINY, tmp_path)), Files(tmp_path / "files")
    residents = Resident(failing)
    async with Jobs(tmp_path / "jobs", files, models, residents.count_tokens) as jobs:
        api = Api(models, residents, files, jobs)
        async with TestServer(api.app(None)) as server:
            yield api, failing, str(server.make_url("/v1/chat/completions"))


async def ask(url: str, *, stream: bool) -> tuple[int, str]:
    body = {"model": TINY, "messages": USER, "n": 3, "seed": 0, "stream": stream}
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as response:
        return response.status, await response.text()


@pytest.mark.parametrize(("api", "stream"), [(False, False), (False, True), (True, False)], indirect=["api"])
async def test_a_choice_that_fails_before_anything_was_sent(
    api: tuple[Api, Failing, str], stream: bool
) -> None:
    running, failing, url = api
    status, text = await ask(url, stream=stream)
    assert (status, json.loads(text)["error"]["code"]) == (500, "generation_failed")
    assert (failing.open, running.slots.running, running.slots.waiting) == (0, 0, 0)


@pytest.mark.parametrize("api", [True], indirect=True)
async def test_a_choice_that_fails_within_a_stream(api: tuple[Api, Failing, str]) -> None:
    running, failing, url = api
    status, text = await ask(url, stream=True)
    *begun, error, rest = text.split("\n\n")
    assert status == 200
    assert all(json.loads(line.removeprefix("data: "))["choices"] for line in begun)
    assert json.loads(error.removeprefix("data: "))["error"]["code"] == "generation_failed"
    assert rest == ""
    assert (failing.open, running.slots.running, running.slots.waiting) == (0, 0, 0)
