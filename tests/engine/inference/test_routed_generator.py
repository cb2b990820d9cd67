"""What answers for a model whose second runtime fails."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import aiohttp
import pytest

from engine.inference.llama_cpp import LlamaCppGenerator
from engine.inference.routed_generator import RoutedGenerator
from engine.inference.runtimes import Runtimes, RuntimeSetting
from engine.limits import OPENVINO_SLOTS, SLOTS
from tests.support.eventually import eventually

REQUEST: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Tell me a story."}],
    "temperature": 0,
    "top_p": 0.95,
    "top_k": 40,
    "min_p": 0.05,
    "max_tokens": 5,
}


@asynccontextmanager
async def routed(
    setting: RuntimeSetting,
    base: Path,
    data: Path,
    *,
    idle_seconds: float = 900,
    free_memory: Callable[[], int] = lambda: 8 * 2**30,
    folder: Path | None = None,
) -> AsyncIterator[tuple[RoutedGenerator, Runtimes]]:
    runtimes = Runtimes(setting, data, base, free_memory=free_memory)
    llama = await asyncio.to_thread(LlamaCppGenerator.load, base)
    generator = RoutedGenerator(base, llama, runtimes, folder, idle_seconds=idle_seconds)
    try:
        yield generator, runtimes
    finally:
        await generator.close()
        await runtimes.close()


def break_tokenizing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let requests to llama.cpp's port fail, which OpenVINO's answers need."""

    def fail(*_: Any, **__: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(aiohttp.ClientSession, "post", fail)


async def tokens_of(generator: RoutedGenerator) -> int:
    chunks = [chunk async for chunk in generator.chunks(REQUEST)]
    return int(chunks[-1]["usage"]["completion_tokens"])


async def test_a_lost_connection_to_the_tokenizer_leaves_the_answer_to_llama_cpp(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with routed("openvino", tiny_base, tmp_path) as (generator, runtimes):
        assert runtimes.process is not None
        process = runtimes.process
        await eventually(lambda: process.models == 1, what="it is loaded")
        assert await tokens_of(generator) == 5
        assert runtimes.answers == {"openvino": 1}
        break_tokenizing(monkeypatch, aiohttp.ServerDisconnectedError())
        assert await tokens_of(generator) == 5
        assert (runtimes.answers, runtimes.failovers) == ({"openvino": 1, "llama.cpp": 1}, 1)
        assert "llama.cpp's port did not tokenize the prompt: Server disconnected" in caplog.text


@pytest.mark.parametrize("error", [aiohttp.ServerDisconnectedError("gone"), KeyError("gone")])
async def test_a_measurement_that_fails_says_why_and_leaves_llama_cpp(
    tiny_base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    break_tokenizing(monkeypatch, error)
    async with routed("auto", tiny_base, tmp_path) as (generator, runtimes):
        await eventually(lambda: runtimes.reason, what="it is given up")
        assert "gone" in runtimes.reason
        assert "could not be loaded in OpenVINO or measured" in caplog.text
        assert (runtimes.name, await tokens_of(generator)) == ("llama.cpp", 5)


async def test_a_model_that_nobody_asks_leaves_openvino_until_somebody_does(
    tiny_base: Path, tmp_path: Path
) -> None:
    async with routed("openvino", tiny_base, tmp_path, idle_seconds=0.5) as (generator, runtimes):
        assert runtimes.process is not None
        process = runtimes.process
        for _ in range(2):
            await eventually(lambda: process.models == 1, what="it is loaded", timeout=30)
            await eventually(lambda: process.models == 0, what="it is freed")
            assert generator.slots == SLOTS
            penalized = [chunk async for chunk in generator.chunks({**REQUEST, "repeat_penalty": 1.1})]
            assert "error" not in penalized[0]
            assert process.models == 0  # OpenVINO could not answer that
            assert await tokens_of(generator) == 5  # by llama.cpp, and it is loaded again
        assert runtimes.answers == {"llama.cpp": 4}
        assert process.crashes == 0


async def test_an_answer_keeps_its_model(tiny_base: Path, tmp_path: Path) -> None:
    async with routed("openvino", tiny_base, tmp_path, idle_seconds=0.5) as (generator, runtimes):
        assert runtimes.process is not None
        process = runtimes.process
        begun: list[AsyncGenerator[dict[str, Any]]] = []

        async def openvino_has_begun() -> bool:
            """It is loaded, and not freed yet."""
            for chunks in begun:
                await chunks.aclose()
            begun[:] = [generator.chunks(REQUEST)]
            await anext(begun[0])
            return runtimes.answers["openvino"] > 0

        await eventually(openvino_has_begun, what="OpenVINO answers", timeout=30)
        await asyncio.sleep(1)  # nobody reads on
        assert (process.models, generator.slots) == (1, OPENVINO_SLOTS)
        await begun[0].aclose()
        await eventually(lambda: process.models == 0, what="it is freed")


async def test_no_further_model_is_loaded_in_openvino_if_memory_is_short(
    tiny_base: Path, tmp_path: Path
) -> None:
    free = iter([8 * 2**30, 2**29])  # at the start, and when a tuned model is asked
    tuned = tmp_path / "tuned"
    async with routed("openvino", tiny_base, tmp_path, free_memory=lambda: next(free), folder=tuned) as (
        generator,
        runtimes,
    ):
        await eventually(lambda: runtimes.reason, what="it is not loaded")
        assert runtimes.reason == (
            "llama.cpp alone answers for tuned: it needs 1 GiB of free memory, and 0.5 are free"
        )
        assert (await tokens_of(generator), generator.slots) == (5, SLOTS)
        assert runtimes.name == "openvino"  # for the others
