"""Completions that fail during the generation, with a scripted model."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from engine.api.server import Api
from engine.batches.batch_folder import BatchStore
from engine.batches.queue import BatchQueue
from engine.batches.service import BatchService
from engine.inference.generator import Generator
from engine.inference.model_cache import ModelCache
from engine.inference.runtimes import Runtimes
from engine.inference.service import InferenceService
from engine.jobs.job_folder import JobStore
from engine.jobs.queue import JobQueue
from engine.jobs.service import JobService
from engine.jobs.trainer_process import TrainerProcesses
from engine.jobs.weights_choice import WeightsChooser
from engine.limits import SLOTS
from engine.messages import Message
from engine.storage.files import FileStore
from engine.storage.models import ModelStore
from engine.storage.weights import Weights
from engine.tokens import Turn
from tests.support.engine_chats import USER
from tests.support.tiny_engine import TINY

FIRST = {"choices": [{"delta": {"content": "She"}, "finish_reason": None}]}
FAILURE = {"error": {"code": 500, "message": "decode failed", "type": "server_error"}}


class FailingGenerator:
    """Fails in its second choice; the others never end by themselves."""

    def __init__(self, *, after_first: bool) -> None:
        """`after_first` lets each choice send one chunk before."""
        self._after_first = after_first
        self.open = 0
        self.knows_tools = False

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        self.open += 1
        try:
            if self._after_first:
                yield FIRST
            if request["seed"] == 1:
                yield FAILURE
            await asyncio.Event().wait()
        finally:
            self.open -= 1

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        return Turn([0] * len(messages), [1], 1)

    async def log_probs(self, messages: Sequence[Message]) -> list[float]:
        return [0.0] * len(messages)

    @property
    def slots(self) -> int:
        return SLOTS

    async def close(self) -> None:
        pass


class OneModel(ModelCache):
    """A cache that holds one scripted model."""

    def __init__(self, generator: Generator) -> None:
        super().__init__(Path(), Runtimes("llama.cpp", Path(), Path()))
        self._generator = generator

    async def get(self, path: Path) -> Generator:  # noqa: ARG002
        return self._generator


@pytest.fixture
async def api(
    tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[Api, FailingGenerator, str]]:
    failing = FailingGenerator(after_first=request.param)
    models, files = ModelStore(tmp_path / "models", Weights(TINY, tmp_path)), FileStore(tmp_path / "files")
    jobs, batches, cache = JobStore(tmp_path / "jobs"), BatchStore(tmp_path / "batches"), OneModel(failing)
    inference = InferenceService(models, cache)
    weights = WeightsChooser(tmp_path, tmp_path, "auto")
    async with (
        JobQueue(jobs, files, models, weights, cache.tokenize_turn, TrainerProcesses()) as queue,
        BatchQueue(batches, files, inference) as batch_queue,
    ):
        job_service = JobService(jobs, files, models, weights, queue)
        batch_service = BatchService(batches, files, batch_queue)
        api = Api(models, cache, inference, files, job_service, batch_service)
        async with TestServer(api.app(None)) as server:
            yield api, failing, str(server.make_url("/v1/chat/completions"))


async def ask(url: str, *, stream: bool) -> tuple[int, str]:
    body = {"model": TINY, "messages": USER, "n": 3, "seed": 0, "stream": stream}
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as response:
        return response.status, await response.text()


@pytest.mark.parametrize(("api", "stream"), [(False, False), (False, True), (True, False)], indirect=["api"])
async def test_a_failure_before_the_first_chunk_has_its_own_status(
    api: tuple[Api, FailingGenerator, str], stream: bool
) -> None:
    running, failing, url = api
    status, text = await ask(url, stream=stream)
    assert (status, json.loads(text)["error"]["code"]) == (500, "generation_failed")
    assert (failing.open, running.inference.slots.running, running.inference.slots.waiting) == (0, 0, 0)


@pytest.mark.parametrize("api", [True], indirect=True)
async def test_a_failure_within_a_stream_is_an_event(api: tuple[Api, FailingGenerator, str]) -> None:
    running, failing, url = api
    status, text = await ask(url, stream=True)
    *chunks, error, rest = text.split("\n\n")
    assert status == 200
    assert all(json.loads(line.removeprefix("data: "))["choices"] for line in chunks)
    assert json.loads(error.removeprefix("data: "))["error"]["code"] == "generation_failed"
    assert rest == ""
    assert (failing.open, running.inference.slots.running, running.inference.slots.waiting) == (0, 0, 0)
