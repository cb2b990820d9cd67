"""Which runtime answers: as set, as the machine allows, or as measured."""

import importlib.util
import itertools
import json
import logging
import os
import platform
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine.inference.runtimes import MIN_SPEEDUP, Chunks, Runtimes, RuntimeSetting
from tests.support.engine_chats import ask
from tests.support.engine_process import EngineProcess

GIB = 2**30


class Clock:
    """Seconds, which pass when a model says so."""

    def __init__(self) -> None:
        """Begin."""
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def answering(self, *seconds_a_token: float) -> Chunks:
        """Return a model that answers its first request, and each seven that follow, at one of the speeds."""
        requests = itertools.count(6)

        async def chunks(request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
            seconds = seconds_a_token[max(0, next(requests) // 7 - 1) % len(seconds_a_token)]
            for _ in range(request["max_tokens"]):
                self.now += seconds
                yield {"choices": []}
            yield {"choices": [], "usage": {"completion_tokens": request["max_tokens"]}}

        return chunks


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a file that stands for a model."""
    path = tmp_path / "base.gguf"
    path.write_bytes(b"one")
    return path


def auto(
    base: Path, free_memory: Callable[[], int] = lambda: 8 * GIB, clock: Clock | None = None
) -> Runtimes:
    return Runtimes("auto", base.parent, base, free_memory=free_memory, clock=clock or Clock())


async def test_the_faster_one_is_chosen_and_remembered(base: Path) -> None:
    clock = Clock()
    runtimes = auto(base, clock=clock)
    assert runtimes.name == "llama.cpp"  # until it is measured
    assert runtimes.to_be_measured is not None
    await runtimes.measure(clock.answering(0.01), clock.answering(0.002))
    for each in (runtimes, auto(base)):
        assert (each.name, each.to_be_measured) == ("openvino", None)
        assert each.describe()["tokens_per_second"] == pytest.approx({"llama_cpp": 100, "openvino": 500})


async def test_a_slower_one_is_given_up_and_the_reason_remembered(base: Path) -> None:
    clock = Clock()
    runtimes = auto(base, clock=clock)
    await runtimes.measure(clock.answering(0.002), clock.answering(0.01))
    for each in (runtimes, auto(base)):
        assert (each.name, each.to_be_measured) == ("llama.cpp", None)
        assert each.reason == (
            "OpenVINO was not faster here: OpenVINO made 100 tokens a second for 7 chats at once,"
            " llama.cpp 500"
        )


async def test_a_disturbance_does_not_decide(base: Path) -> None:
    clock = Clock()
    runtimes = auto(base, clock=clock)
    await runtimes.measure(clock.answering(0.01), clock.answering(0.002, 0.5, 0.002))
    assert runtimes.name == "openvino"


async def test_a_choice_that_cannot_be_kept_counts_until_the_next_start(
    base: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (base.parent / "runtime.json").mkdir()
    clock = Clock()
    runtimes = auto(base, clock=clock)
    await runtimes.measure(clock.answering(0.01), clock.answering(0.002))
    assert runtimes.name == "openvino"
    assert "the measurement could not be kept in" in caplog.text
    assert auto(base).to_be_measured is not None


async def test_another_base_is_measured_anew(base: Path) -> None:
    clock = Clock()
    await auto(base, clock=clock).measure(clock.answering(0.01), clock.answering(0.002))
    os.utime(base, (1, 1))
    assert auto(base).to_be_measured is not None


async def test_a_failure_while_it_is_measured_is_told(base: Path) -> None:
    async def failing(_: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        yield {"error": {"code": 500, "message": "its process was ended by SIGKILL"}}

    clock = Clock()
    with pytest.raises(RuntimeError, match="ended by SIGKILL"):
        await auto(base, clock=clock).measure(clock.answering(0.01), failing)


def test_failures_of_models_are_told_until_they_are_mended(base: Path) -> None:
    runtimes = Runtimes("openvino", base.parent, base, free_memory=lambda: 8 * GIB)
    runtimes.note_failure("one", "a damaged file")
    runtimes.note_failure("two", "no space")
    assert runtimes.reason == (
        "llama.cpp alone answers for one: a damaged file; llama.cpp alone answers for two: no space"
    )
    runtimes.clear_failure("one")
    assert runtimes.reason == "llama.cpp alone answers for two: no space"
    assert runtimes.name == "openvino"


async def test_a_process_that_is_given_up_answers_no_more(base: Path) -> None:
    runtimes = Runtimes("openvino", base.parent, base, free_memory=lambda: 8 * GIB)
    assert runtimes.name == "openvino"
    await runtimes.give_up("it does not load")
    assert runtimes.name == "llama.cpp"
    assert runtimes.openvino is None
    assert runtimes.reason == "it does not load"


def test_torch_answers_for_a_hugging_face_base(tmp_path: Path) -> None:
    settings: tuple[RuntimeSetting, ...] = ("auto", "llama.cpp")
    for setting in settings:
        runtimes = Runtimes(setting, tmp_path, tmp_path)
        assert (runtimes.name, runtimes.to_be_measured) == ("torch", None)
        assert runtimes.describe() == {
            "name": "torch",
            "reason": None,
            "tokens_per_second": None,
            "is_measuring": False,
            "crashes": {"count": 0, "last": None},
        }
    with pytest.raises(ValueError, match="is a Hugging Face model, which torch serves"):
        Runtimes("openvino", tmp_path, tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"machine": "another", "llama_cpp": 1, "openvino": 9}'])
def test_a_measurement_that_does_not_count_is_made_anew(base: Path, content: str) -> None:
    (base.parent / "runtime.json").write_text(content)
    assert auto(base).to_be_measured is not None


def test_copies_of_former_bases_are_deleted(base: Path) -> None:
    runtimes = auto(base)
    first = runtimes.copy_of(base, None)
    first.parent.mkdir()
    first.write_bytes(b"copy")
    unfinished = first.with_name(first.name + ".part")
    unfinished.write_bytes(b"co")
    assert runtimes.copy_of(base, None) == first
    assert first.is_file()
    assert not unfinished.exists()
    base.write_bytes(b"another")
    assert runtimes.copy_of(base, None) != first
    assert not first.is_file()


def test_without_memory_llama_cpp_answers_alone(base: Path) -> None:
    runtimes = auto(base, lambda: GIB)
    assert (runtimes.openvino, runtimes.to_be_measured) == (None, None)
    assert runtimes.reason == "OpenVINO needs 2 GiB of free memory, and 1.0 are free"
    with pytest.raises(ValueError, match="needs 2 GiB"):
        Runtimes("openvino", base.parent, base, free_memory=lambda: GIB)


def test_llama_cpp_can_be_demanded(base: Path) -> None:
    runtimes = Runtimes("llama.cpp", base.parent, base)
    assert (runtimes.openvino, runtimes.to_be_measured) == (None, None)
    assert runtimes.describe() == {
        "name": "llama.cpp",
        "reason": "--runtime says so",
        "tokens_per_second": None,
        "is_measuring": False,
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
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    machine: str,
    reason: str,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with caplog.at_level(logging.INFO):
        assert auto(base).describe()["reason"] == reason
    assert f"llama.cpp alone answers: {reason}" in caplog.text


async def test_the_engine_measures_its_base_once(tiny_base: Path, tmp_path: Path) -> None:
    with EngineProcess(tmp_path, tiny_base, runtime="auto") as engine:

        async def runtime() -> Any:
            address = engine.url.removesuffix("/v1") + "/healthz"
            async with aiohttp.ClientSession() as http, http.get(address) as answer:
                return (await answer.json())["runtime"]

        assert (await ask(engine.client())).choices  # a person does not wait for the measurement
        flex: Any = {"service_tier": "flex"}  # what would disturb it does
        assert (await ask(engine.client(), **flex)).choices
        assert not (await runtime())["is_measuring"]
        chosen = (await runtime())["name"]
        kept = json.loads((tmp_path / "runtime.json").read_text())
        assert (chosen == "openvino") == (kept["openvino"] > MIN_SPEEDUP * kept["llama_cpp"])
        assert engine.stop() == 0
        engine.start()
        assert (await runtime())["name"] == chosen
        assert json.loads((tmp_path / "runtime.json").read_text()) == kept
