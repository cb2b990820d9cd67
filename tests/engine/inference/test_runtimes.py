"""Which runtime answers: as set, as the machine allows, or as measured."""

import asyncio
import importlib.util
import json
import logging
import platform
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine.inference.runtimes import Chunks, Runtimes
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually

GIB = 2**30


def answering(seconds_a_token: float) -> Chunks:
    """Return a model that answers at a speed."""

    async def chunks(request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        for _ in range(request["max_tokens"]):
            await asyncio.sleep(seconds_a_token)
            yield {"choices": []}
        yield {"choices": [], "usage": {"completion_tokens": request["max_tokens"]}}

    return chunks


def auto(data: Path, free_memory: Callable[[], int] = lambda: 8 * GIB) -> Runtimes:
    return Runtimes("auto", data, free_memory=free_memory)


async def test_the_faster_one_is_chosen_and_remembered(tmp_path: Path) -> None:
    runtimes = auto(tmp_path)
    assert runtimes.name == "llama.cpp"  # until it is measured
    assert runtimes.to_be_measured is not None
    await runtimes.measure(answering(0.01), answering(0.002))
    assert (runtimes.name, auto(tmp_path).name) == ("openvino", "openvino")
    assert auto(tmp_path).to_be_measured is None


async def test_a_slower_one_is_given_up_and_the_reason_remembered(tmp_path: Path) -> None:
    runtimes = auto(tmp_path)
    await runtimes.measure(answering(0.002), answering(0.01))
    for each in (runtimes, auto(tmp_path)):
        assert each.name == "llama.cpp"
        assert each.to_be_measured is None
        assert each.reason.startswith("OpenVINO was not faster here: ")
        assert each.describe()["tokens_per_second"]["llama_cpp"] > 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"machine": "another", "llama_cpp": 1, "openvino": 9}'])
def test_a_measurement_that_does_not_count_is_made_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "runtime.json").write_text(content)
    assert auto(tmp_path).to_be_measured is not None


def test_copies_of_former_bases_are_deleted(tmp_path: Path) -> None:
    runtimes, base = auto(tmp_path), tmp_path / "base.gguf"
    base.write_bytes(b"one")
    first = runtimes.copy_of(base, None)
    first.parent.mkdir()
    first.write_bytes(b"copy")
    assert runtimes.copy_of(base, None) == first
    assert first.is_file()
    base.write_bytes(b"another")
    assert runtimes.copy_of(base, None) != first
    assert not first.is_file()


def test_without_memory_llama_cpp_answers_alone(tmp_path: Path) -> None:
    runtimes = auto(tmp_path, lambda: GIB)
    assert (runtimes.openvino, runtimes.to_be_measured) == (None, None)
    assert runtimes.reason == "OpenVINO needs 2 GiB of free memory, and 1.0 are free"
    with pytest.raises(ValueError, match="needs 2 GiB"):
        Runtimes("openvino", tmp_path, free_memory=lambda: GIB)


def test_llama_cpp_can_be_demanded(tmp_path: Path) -> None:
    runtimes = Runtimes("llama.cpp", tmp_path)
    assert (runtimes.openvino, runtimes.to_be_measured) == (None, None)
    assert runtimes.describe() == {
        "name": "llama.cpp",
        "reason": "--runtime says so",
        "tokens_per_second": None,
        "crashes": {"count": 0, "last": None},
    }


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        ("x86_64", "OpenVINO is not installed: pip install openvino-genai"),
        ("aarch64", "OpenVINO is not installed, which was tried on x86-64 only; this is aarch64"),
    ],
)
def test_without_its_package_llama_cpp_answers_alone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    machine: str,
    reason: str,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with caplog.at_level(logging.INFO):
        assert auto(tmp_path).describe()["reason"] == reason
    assert f"llama.cpp alone answers: {reason}" in caplog.text


async def test_the_engine_measures_its_base_once(tiny_base: Path, tmp_path: Path) -> None:
    with EngineProcess(tmp_path, tiny_base, runtime="auto") as engine:

        async def runtime() -> Any:
            address = engine.url.removesuffix("/v1") + "/healthz"
            async with aiohttp.ClientSession() as http, http.get(address) as answer:
                return (await answer.json())["runtime"]

        async def is_measured() -> bool:
            return bool((await runtime())["tokens_per_second"])

        await eventually(is_measured, what="both runtimes were measured")
        chosen = (await runtime())["name"]
        kept = json.loads((tmp_path / "runtime.json").read_text())
        assert (chosen == "openvino") == (kept["openvino"] > 1.15 * kept["llama_cpp"])
        assert engine.stop() == 0
        engine.start()
        assert (await runtime())["name"] == chosen
        assert json.loads((tmp_path / "runtime.json").read_text()) == kept
