"""More chats than the engine can answer: some wait, the rest is sent away."""

import asyncio
import contextlib
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from engine.errors import ApiError
from engine.inference.slots import WAITING, Slots
from engine.limits import SLOTS
from tests.engine.inference.test_chat_request import USER, ask
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY


async def test_more_chats_than_slots_all_get_an_answer(client: AsyncOpenAI) -> None:
    answers = await asyncio.gather(*[ask(client) for _ in range(SLOTS + WAITING)])
    assert all(answer.usage.completion_tokens > 0 for answer in answers)


async def test_too_many_are_told_when_to_come_back(engine: EngineProcess, client: AsyncOpenAI) -> None:
    def endless() -> asyncio.Task[Any]:
        return asyncio.create_task(ask(client, n=SLOTS, max_tokens=openai.omit))

    refused_before = (await engine.metrics())["engine_chats_refused_total"]
    chats = [endless() for _ in range(1 + WAITING // SLOTS)]
    try:
        await until(engine, running=SLOTS, waiting=WAITING)
        for stream in (False, True):
            with pytest.raises(openai.RateLimitError) as caught:
                await ask(client, stream=stream)
            assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "requests")
            assert int(caught.value.response.headers["Retry-After"]) >= 1
        assert (await engine.metrics())["engine_chats_refused_total"] == refused_before + 2
        for chat in chats[:3]:  # who leaves, in a slot or waiting, makes room
            chat.cancel()
        await until(engine, running=SLOTS, waiting=WAITING - 3 * SLOTS)
        chats.append(endless())
        await until(engine, running=SLOTS, waiting=WAITING - 2 * SLOTS)
    finally:
        for chat in chats:
            chat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*chats)
    await until(engine, running=0, waiting=0)
    assert (await ask(client)).choices[0].message.content


async def until(engine: EngineProcess, *, running: int, waiting: int) -> None:
    async with asyncio.timeout(30):
        while True:
            metrics = await engine.metrics()
            counts = (metrics["engine_chat_answers_running"], metrics["engine_chat_answers_waiting"])
            if counts == (running, waiting):
                return
            await asyncio.sleep(0.01)


async def test_models_have_slots_of_their_own_and_wait_together() -> None:
    slots = Slots()
    with contextlib.ExitStack() as chats:
        for model in ("one", "two"):
            chats.enter_context(slots.reserve(model, SLOTS))
        assert (slots.running, slots.waiting) == (2 * SLOTS, 0)
        for _ in range(WAITING):
            chats.enter_context(slots.reserve("one", 1))
        with pytest.raises(ApiError):
            chats.enter_context(slots.reserve("two", 1))
        chats.enter_context(slots.reserve("three", SLOTS))
        assert (slots.running, slots.waiting, slots.refused) == (3 * SLOTS, WAITING, 1)
    assert (slots.running, slots.waiting) == (0, 0)


@pytest.mark.parametrize(("seconds", "answers", "retry"), [(0.1, 1, "1"), (40, 1, "5"), (40, SLOTS, "40")])
async def test_the_wait_is_what_it_took_lately(seconds: float, answers: int, retry: str) -> None:
    slots = Slots()
    slots._seconds.append(seconds)
    with slots.reserve(TINY, SLOTS + WAITING), pytest.raises(ApiError) as caught:
        slots.reserve(TINY, answers).__enter__()
    assert caught.value.headers == {"Retry-After": retry}


async def test_a_place_is_free_as_soon_as_its_answer_is_made() -> None:
    slots = Slots()
    with slots.reserve(TINY, SLOTS + 1) as places:
        async with places.slot():
            assert (slots.running, slots.waiting) == (SLOTS, 1)
        assert (slots.running, slots.waiting) == (SLOTS, 0)


async def test_no_model_has_a_line_before_it_is_known(client: AsyncOpenAI, engine: EngineProcess) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="nobody", messages=USER)
    assert not any("nobody" in name for name in await engine.metrics())
