"""The OpenVINO process: it crashes alone, comes back, and speaks to nobody else."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import psutil
import pytest

from engine.inference.openvino.process import OpenVinoError, OpenVinoProcess
from engine.inference.openvino.protocol import Settings
from engine.limits import OPENVINO_SLOTS
from engine.storage import weights
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY

ROOT = Path(__file__).resolve().parents[4]
MESSAGES: Any = [{"role": "user", "content": "Tell me a long story."}]


@pytest.fixture
def engine(tiny_base: Path, tmp_path: Path) -> Iterator[EngineProcess]:
    with EngineProcess(tmp_path / "engine", tiny_base, runtime="openvino") as running:
        yield running


def process_of(engine: EngineProcess) -> psutil.Process:
    (found,) = [
        child
        for child in psutil.Process(engine.process.pid).children()
        if "engine.inference.openvino" in child.cmdline()
    ]
    return found


async def models(engine: EngineProcess) -> float:
    return (await engine.metrics())["engine_openvino_models"]


async def loaded(engine: EngineProcess, *, timeout: float = 30.0) -> psutil.Process:  # noqa: ASYNC109  as eventually
    """Wait until OpenVINO answers for the base; return its process."""

    async def is_loaded() -> bool:
        return await models(engine) == 1

    await eventually(is_loaded, what="OpenVINO has loaded the base", timeout=timeout)
    return process_of(engine)


async def health(engine: EngineProcess) -> Any:
    """Return what /healthz says of the runtimes."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(engine.url.removesuffix("/v1") + "/healthz") as answer,
    ):
        return (await answer.json())["runtime"]


async def ask(engine: EngineProcess, **options: Any) -> Any:
    """Ask for the likeliest text, which is of twenty tokens: one drawn by chance may end earlier."""
    settings: Any = {"model": TINY, "messages": MESSAGES, "max_tokens": 20, "temperature": 0}
    return await engine.client().chat.completions.create(**(settings | options))


async def test_it_has_more_slots_than_llama_cpp(engine: EngineProcess) -> None:
    process = await loaded(engine)
    process.suspend()  # so that only an answer of llama.cpp ends
    chats = [asyncio.create_task(ask(engine, max_tokens=900, seed=n)) for n in range(OPENVINO_SLOTS + 3)]
    try:

        async def are_full() -> bool:
            metrics = await engine.metrics()
            running = metrics["engine_chat_answers_running"]
            return running == OPENVINO_SLOTS and metrics["engine_chat_answers_waiting"] > 0

        await eventually(are_full, what="sixteen answers run, and others wait")
    finally:
        process.resume()
        for chat in chats:
            chat.cancel()
        await asyncio.gather(*chats, return_exceptions=True)


async def test_a_crash_ends_its_chats_clearly_and_the_next_ones_are_answered(engine: EngineProcess) -> None:
    process = await loaded(engine)
    stream = await ask(engine, max_tokens=900, stream=True, seed=1, temperature=2)
    await anext(aiter(stream))
    process.suspend()  # so that the answer cannot end before
    others = [asyncio.create_task(ask(engine)) for _ in range(3)]

    async def all_wait() -> bool:
        return (await engine.metrics())["engine_openvino_answers_running"] == 4

    await eventually(all_wait, what="OpenVINO is to answer four chats")
    os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    with pytest.raises(openai.APIError, match="could not answer"):
        async for _ in stream:
            pass
    # the bound of the test; two seconds on a machine without other work
    assert time.monotonic() - killed < 20
    for answer in await asyncio.gather(*others):  # nothing was answered yet: llama.cpp does
        assert answer.usage.completion_tokens == 20
    assert (await ask(engine)).usage.completion_tokens == 20  # llama.cpp's, while OpenVINO loads it again
    again = await loaded(engine)
    assert again.pid != process.pid
    assert (await engine.metrics())["engine_openvino_crashes_total"] == 1
    assert "the OpenVINO process was ended by SIGKILL: by hand" in engine.log.read_text()
    metrics = await engine.metrics()
    assert metrics["engine_runtime_failovers_total"] == 3
    answers = [metrics[f"engine_runtime_answers_total{{name={name}}}"] for name in ("openvino", "llama.cpp")]
    assert sum(answers) == 5
    assert min(answers[0], answers[1] - 2) >= 1
    assert engine.log.read_text().count("that OpenVINO could not: its process was ended by SIGKILL") == 3
    assert "broke off: its process was ended by SIGKILL" in engine.log.read_text()
    crashes = (await health(engine))["crashes"]
    assert (crashes["count"], crashes["last"][:20]) == (1, "was ended by SIGKILL")
    assert (await ask(engine)).usage.completion_tokens == 20


async def test_a_process_that_crashes_again_and_again_is_given_up(engine: EngineProcess) -> None:
    for _ in range(3):
        process = await loaded(engine)
        process.kill()

        async def gone() -> bool:
            return await models(engine) == 0

        await eventually(gone, what="the crash was noticed")
        await ask(engine)  # starts it again
    await eventually(lambda: "crashed too often" in engine.log.read_text(), what="it is given up")
    assert (await ask(engine)).usage.completion_tokens == 20
    assert await models(engine) == 0
    found = await health(engine)
    assert (found["name"], found["crashes"]["count"]) == ("llama.cpp", 3)
    assert found["reason"].startswith(
        "OpenVINO's process has crashed too often; at last it was ended by SIGKILL"
    )


async def test_a_crash_while_a_model_loads_is_not_held_against_it(tiny_base: Path, tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path, tiny_base, runtime="openvino")
    with engine:
        await loaded(engine)
    (copy,) = (tmp_path / "openvino").glob("*.gguf")
    written = copy.stat().st_mtime_ns
    engine.start()
    with engine:

        def has_started() -> bool:
            return any(
                "engine.inference.openvino" in child.cmdline()
                for child in psutil.Process(engine.process.pid).children()
            )

        await eventually(has_started, what="the process has started")
        process = process_of(engine)
        process.suspend()
        assert await models(engine) == 0
        process.kill()
        await eventually(lambda: "and is tried again: its process" in engine.log.read_text(), what="it ended")
        assert copy.stat().st_mtime_ns == written, "the copy is not the reason"
        await ask(engine)
        await loaded(engine)


async def test_a_process_that_hangs_does_not_keep_the_engine(tiny_base: Path, tmp_path: Path) -> None:
    with EngineProcess(tmp_path, tiny_base, runtime="openvino") as engine:
        process = await loaded(engine)
        process.suspend()
        assert engine.stop() == 0
        assert not process.is_running()
        assert "the OpenVINO process does not end, and is killed" in engine.log.read_text()


SETTINGS = Settings(
    max_tokens=3, temperature=0, top_k=40, top_p=0.95, min_p=0.05, seed=1, eos_token_ids=[10**6]
)


async def test_a_process_that_hangs_is_killed_and_its_answers_fail(tiny_base: Path, tmp_path: Path) -> None:
    process = OpenVinoProcess(2, max_silence=2)
    try:
        model = await process.load(tiny_base, tmp_path / "copy.gguf")
        pid = process.pid
        assert pid is not None
        psutil.Process(pid).suspend()
        with pytest.raises(OpenVinoError, match="hung: it said nothing for 2 s, and was killed"):
            async for _ in process.generate(model, [1, 2, 3], SETTINGS):
                pass
        assert (process.pid, process.crashes) == (None, 1)
        assert process.last_crash.startswith("hung")
    finally:
        await process.close()


async def test_an_answer_that_nobody_reads_is_no_silence(tiny_base: Path, tmp_path: Path) -> None:
    process = OpenVinoProcess(2, max_silence=4)
    try:
        model = await process.load(tiny_base, tmp_path / "copy.gguf")
        tokens = process.generate(model, [1, 2, 3], SETTINGS)
        received = await anext(tokens)
        await asyncio.sleep(5)  # the reader's pause, longer than the process may be silent
        async for more in tokens:
            received += more
        assert len(received) == 3
        assert process.crashes == 0
    finally:
        await process.close()


async def test_a_model_that_is_unloaded_leaves_the_memory(tmp_path: Path) -> None:
    process = OpenVinoProcess(2)
    try:
        model = await process.load(weights.find(None).path, tmp_path / "copy.gguf")
        async for _ in process.generate(model, [1, 2, 3], SETTINGS):
            pass
        before = process.resident_bytes
        process.unload(model)
        await eventually(lambda: process.resident_bytes < before - 100 * 2**20, what="100 MiB are free")
        assert process.crashes == 0
    finally:
        await process.close()


async def test_cancelled_answers_leave_the_others_alone(tiny_base: Path, tmp_path: Path) -> None:
    process = OpenVinoProcess(4)
    try:
        model = await process.load(tiny_base, tmp_path / "copy.gguf")
        settings = SETTINGS.model_copy(update={"max_tokens": 200})
        answers = [process.generate(model, [1, 2, 3 + number], settings) for number in range(4)]
        received = [await anext(answer) for answer in answers]
        for answer in answers[1:]:
            await answer.aclose()
        async for more in answers[0]:
            received[0] += more
        assert len(received[0]) == 200
        assert process.completions == 0
    finally:
        await process.close()


async def test_it_starts_no_process_of_its_own_and_ends_with_the_engine(
    tiny_base: Path, tmp_path: Path
) -> None:
    """A part of openvino would report each start over the network, from a process of its own."""
    engine = EngineProcess(tmp_path, tiny_base, runtime="openvino")
    try:
        process = await loaded(engine)
        assert process.children() == []
        assert {connection.status for connection in process.net_connections()} <= {psutil.CONN_NONE}
    finally:
        engine.process.kill()
        engine.process.wait()
    await eventually(lambda: not process.is_running(), what="it has ended")


async def test_what_openvino_cannot_read_is_answered_by_llama_cpp(tiny_base: Path, tmp_path: Path) -> None:
    copies = tmp_path / "engine" / "openvino"
    copies.parent.mkdir()
    copies.write_text("")  # a file where the folder of copies would be
    with EngineProcess(tmp_path / "engine", tiny_base, runtime="openvino") as engine:
        await eventually(
            lambda: "llama.cpp alone answers for" in engine.log.read_text(), what="the failure is logged"
        )
        for _ in range(3):
            assert (await ask(engine)).usage.completion_tokens == 20
        assert engine.log.read_text().count("llama.cpp alone answers for") == 1, "it is tried once"
        assert "llama.cpp alone answers for" in (await health(engine))["reason"]


IMPORTS_ON_ANOTHER_MACHINE = {
    "raise ImportError('libopenvino.so.2641: cannot open shared object file')": (
        "OpenVINO cannot be loaded on this machine: libopenvino.so.2641: cannot open shared object file"
    ),
    "import os, signal; os.kill(os.getpid(), signal.SIGILL)": (
        "was ended by SIGILL: this processor lacks instructions that OpenVINO is built for"
    ),
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "was ended by SIGSEGV",
}


@pytest.mark.parametrize("runtime", ["auto", "openvino"])
@pytest.mark.parametrize("program", IMPORTS_ON_ANOTHER_MACHINE)
async def test_a_package_that_does_not_load_leaves_llama_cpp(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, runtime: str
) -> None:
    package = tmp_path / "packages" / "openvino_genai"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package.parent), str(ROOT)]))
    reason = IMPORTS_ON_ANOTHER_MACHINE[program]
    with EngineProcess(tmp_path / "engine", tiny_base, runtime=runtime) as engine:
        await eventually(lambda: reason in engine.log.read_text(), what="the failure is logged")

        async def is_given_up() -> bool:
            """Another crash than SIGILL is tried again with the next chats."""
            assert (await ask(engine)).usage.completion_tokens == 20
            return (await health(engine))["name"] == "llama.cpp" and bool((await health(engine))["reason"])

        await eventually(is_given_up, what="it is given up", interval=0.2)
        if "ImportError" in program:
            assert "OpenVINO: ImportError: libopenvino.so" in engine.log.read_text(), "its errors are logged"
        assert reason in (await health(engine))["reason"]


async def test_a_damaged_copy_is_made_anew(tiny_base: Path, tmp_path: Path) -> None:
    data = tmp_path / "engine"
    with EngineProcess(data, tiny_base, runtime="openvino") as engine:
        await loaded(engine)
    (copy,) = (data / "openvino").glob("*.gguf")
    whole = copy.read_bytes()
    copy.write_bytes(bytes(len(whole)))
    with EngineProcess(data, tiny_base, runtime="openvino") as engine:
        await eventually(
            lambda: "llama.cpp alone answers for" in engine.log.read_text(), what="the failure is logged"
        )
        assert (await ask(engine)).usage.completion_tokens == 20
    with EngineProcess(data, tiny_base, runtime="openvino") as engine:
        await loaded(engine)
    assert copy.read_bytes() == whole
