"""A crash of OpenVINO with the packaged weights, while it answers many chats."""

import asyncio
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.engine.inference.openvino.test_process import health, loaded
from tests.support.engine_process import EngineProcess

log = logging.getLogger(__name__)

MODEL = "smollm2-135m-instruct"
CHATS = 8


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(300)
async def test_a_crash_in_mid_answer(tmp_path: Path) -> None:
    """The figures of a quiet machine are in docs/verified.md: the bounds leave room for other work."""
    with EngineProcess(tmp_path / "engine", None, runtime="openvino") as engine:
        for crashes, number in enumerate((signal.SIGKILL, signal.SIGSEGV), 1):
            process = await loaded(engine, timeout=90)
            answering = asyncio.Barrier(CHATS + 1)
            chats = [asyncio.create_task(stream(engine, seed, answering)) for seed in range(CHATS)]
            await answering.wait()  # each has had its first words
            os.kill(process.pid, number)
            killed = time.monotonic()
            ends = await asyncio.wait_for(asyncio.gather(*chats), 30)
            seconds = time.monotonic() - killed
            assert set(ends) <= {"failed", "whole"}
            assert "failed" in ends

            answer = await engine.client().chat.completions.create(**question(0), max_tokens=8)
            assert answer.usage
            assert answer.usage.completion_tokens > 0
            log.info("%s: chats ended after %.2f s", number.name, seconds)
            log.info("the next answer came after %.2f s", time.monotonic() - killed)
            assert (await loaded(engine, timeout=90)).pid != process.pid
            log.info("OpenVINO answers again after %.2f s", time.monotonic() - killed)
            found = (await health(engine))["crashes"]
            assert found["count"] == crashes == (await engine.metrics())["engine_openvino_crashes_total"]
            assert number.name in found["last"]
            assert f"the OpenVINO process was ended by {number.name}" in engine.log.read_text()
            assert (await engine.metrics())["engine_chat_answers_running"] == 0


def question(seed: int) -> Any:
    """Ask for a long text."""
    content = f"Write a long story about a hero who is {20 + seed} years old and can fly."
    return {"model": MODEL, "messages": [{"role": "user", "content": content}], "seed": seed}


async def stream(engine: EngineProcess, seed: int, answering: asyncio.Barrier) -> str:
    """Return how an answer ended."""
    chunks = 0
    try:
        answer: Any = await engine.client().chat.completions.create(
            **question(seed), max_tokens=900, stream=True
        )
        async for _ in answer:
            chunks += 1
            if chunks == 3:
                await answering.wait()
    except openai.APIError as error:
        return "failed" if "could not answer" in str(error) else str(error)
    return "whole"
