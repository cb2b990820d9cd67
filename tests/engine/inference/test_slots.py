"""More chats than slots: some wait, the rest gets a 429."""

import asyncio
import contextlib
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from engine.errors import ApiError
from engine.inference.slots import Reservation, Slots
from engine.limits import MAX_WAITING, SLOTS
from tests.support.engine_chats import USER, ask
from tests.support.engine_process import EngineProcess
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY


async def test_waiting_chats_get_an_answer(client: AsyncOpenAI) -> None:
    answers = await asyncio.gather(*[ask(client) for _ in range(SLOTS + MAX_WAITING)])
    assert all(answer.usage.completion_tokens > 0 for answer in answers)


async def test_too_many_chats_get_a_429_with_retry_after(engine: EngineProcess, client: AsyncOpenAI) -> None:
    def endless() -> asyncio.Task[Any]:
        return asyncio.create_task(
            ask(client, n=SLOTS, max_tokens=openai.omit, temperature=0)
        )  # it repeats itself

    refused_before = (await engine.metrics())["engine_chats_refused_total"]
    chats = [endless() for _ in range(1 + MAX_WAITING // SLOTS)]
    try:
        await until(engine, running=SLOTS, waiting=MAX_WAITING)
        for stream in (False, True):
            with pytest.raises(openai.RateLimitError) as caught:
                await ask(client, stream=stream)
            assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "requests")
            assert int(caught.value.response.headers["Retry-After"]) >= 1
        assert (await engine.metrics())["engine_chats_refused_total"] == refused_before + 2
        for chat in chats[:3]:  # a client that disconnects frees its slots and its places in the queue
            chat.cancel()
        await until(engine, running=SLOTS, waiting=MAX_WAITING - 3 * SLOTS)
        chats.append(endless())
        await until(engine, running=SLOTS, waiting=MAX_WAITING - 2 * SLOTS)
    finally:
        for chat in chats:
            chat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*chats)
    await until(engine, running=0, waiting=0)
    assert (await ask(client)).choices[0].message.content


async def until(engine: EngineProcess, *, running: int, waiting: int) -> None:
    async def reached() -> bool:
        metrics = await engine.metrics()
        counts = (metrics["engine_chat_answers_running"], metrics["engine_chat_answers_waiting"])
        return counts == (running, waiting)

    await eventually(reached, what=f"{running} completions running, {waiting} waiting")


async def test_each_model_has_its_slots_and_all_share_the_waiting_limit() -> None:
    slots = Slots()
    with contextlib.ExitStack() as chats:
        for model in ("one", "two"):
            chats.enter_context(slots.reserve(model, SLOTS))
        assert (slots.running, slots.waiting) == (2 * SLOTS, 0)
        for _ in range(MAX_WAITING):
            chats.enter_context(slots.reserve("one", 1))
        with pytest.raises(ApiError):
            chats.enter_context(slots.reserve("two", 1))
        chats.enter_context(slots.reserve("three", SLOTS))
        assert (slots.running, slots.waiting, slots.refused) == (3 * SLOTS, MAX_WAITING, 1)
    assert (slots.running, slots.waiting) == (0, 0)


@pytest.mark.parametrize(("seconds", "answers", "retry"), [(0.1, 1, "1"), (40, 1, "5"), (40, SLOTS, "40")])
async def test_retry_after_follows_recent_durations(seconds: float, answers: int, retry: str) -> None:
    times = iter([0.0, seconds])
    slots = Slots(clock=lambda: next(times))
    with slots.reserve(TINY, 1) as reservation:
        async with reservation.slot():
            pass
    with slots.reserve(TINY, SLOTS + MAX_WAITING), pytest.raises(ApiError) as caught:
        slots.reserve(TINY, answers).__enter__()
    assert caught.value.headers == {"Retry-After": retry}


async def test_a_completion_leaves_the_queue_with_its_slot() -> None:
    slots = Slots()
    with slots.reserve(TINY, SLOTS + 1) as reservation:
        async with reservation.slot():
            assert (slots.running, slots.waiting) == (SLOTS, 1)
        assert (slots.running, slots.waiting) == (SLOTS, 0)


@pytest.mark.parametrize("sizes", [(2, 4), (4, 2)])
async def test_the_number_of_slots_may_change(sizes: tuple[int, int]) -> None:
    size, runs, most = sizes[0], 0, 0
    slots = Slots(lambda _: size)

    async def chat(reservation: Reservation, turns: int) -> None:
        nonlocal runs, most
        async with reservation.slot():
            runs += 1
            most = max(most, runs)
            for _ in range(turns):
                await asyncio.sleep(0)
            runs -= 1

    with slots.reserve(TINY, 30) as reservation:
        await asyncio.gather(*[chat(reservation, 5) for _ in range(10)])
        assert most == sizes[0]
        first = [asyncio.create_task(chat(reservation, 50)) for _ in range(10)]
        await asyncio.sleep(0.01)
        size = sizes[1]
        await asyncio.gather(*first)
        most = 0
        await asyncio.gather(*[chat(reservation, 5) for _ in range(10)])
        assert most == sizes[1]
        assert (slots.running, slots.waiting) == (0, 0)


@pytest.mark.parametrize(
    ("people", "completions", "begins"),
    [
        (0, SLOTS - 1, True),
        (0, SLOTS, True),  # more than may be filled, but nobody is there
        (1, SLOTS - 1, False),
        (SLOTS - 2, 1, True),
        (SLOTS - 1, 1, False),
        (SLOTS, 1, False),
        (SLOTS + 3, 1, False),
    ],
)
async def test_the_background_leaves_a_slot_free(people: int, completions: int, begins: bool) -> None:
    slots = Slots()
    began, finish = asyncio.Event(), asyncio.Event()

    async def background() -> None:
        async with slots.reserve_in_background(TINY, completions):
            began.set()
            await finish.wait()

    with slots.reserve(TINY, people) if people else contextlib.nullcontext():
        task = asyncio.create_task(background())
        await asyncio.sleep(0)
        assert began.is_set() == begins
    await asyncio.wait_for(began.wait(), 1)  # at the latest when they leave
    finish.set()
    await task
    assert slots.running == 0


async def test_who_waits_in_the_background_begins_one_after_the_other() -> None:
    slots = Slots()
    most = 0

    async def background() -> None:
        nonlocal most
        async with slots.reserve_in_background(TINY, 3):
            most = max(most, slots.running)
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(*[background() for _ in range(20)]), 5)
    assert (most, slots.running) == (6, 0)


async def test_a_large_one_in_the_background_is_not_overtaken_for_ever() -> None:
    slots, began = Slots(), []

    async def background(name: str, completions: int) -> None:
        async with slots.reserve_in_background(TINY, completions):
            began.append(name)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(background("small", 1))
        group.create_task(background("large", SLOTS))
        for _ in range(20):
            group.create_task(background("small", 1))
            await asyncio.sleep(0)
    assert began.index("large") == 1
    assert slots.waiting_in_background == 0


async def test_a_cancelled_wait_in_the_background_reserves_nothing() -> None:
    slots = Slots()
    with slots.reserve(TINY, SLOTS):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), slots.reserve_in_background(TINY, 1):
                pytest.fail("it has begun")
        assert (slots.running, slots.waiting) == (SLOTS, 0)


@pytest.mark.parametrize("path", ["chat", "responses"])
async def test_the_tier_flex_gives_way(engine: EngineProcess, client: AsyncOpenAI, path: str) -> None:
    """More than the queue takes: none is refused, and whoever asks without it finds a free slot."""
    tier: Any = {"service_tier": "flex", "temperature": 0}

    async def answer() -> Any:
        if path == "chat":
            return await ask(client, max_tokens=200, **tier)
        return await client.responses.create(model=TINY, input="Hello", max_output_tokens=200, **tier)

    refused_before = (await engine.metrics())["engine_chats_refused_total"]
    chats = [asyncio.create_task(answer()) for _ in range(SLOTS + MAX_WAITING + 8)]
    await until(engine, running=SLOTS - 1, waiting=0)
    assert (await engine.metrics())["engine_chat_answers_waiting_in_background"] > MAX_WAITING
    assert (await ask(client, max_tokens=2, temperature=0)).usage.completion_tokens == 2
    assert not any(chat.done() for chat in chats[-SLOTS:])
    answers = await asyncio.gather(*chats)
    assert (await engine.metrics())["engine_chats_refused_total"] == refused_before
    if path == "responses":
        assert {each.service_tier for each in answers} == {"flex"}


async def test_who_gives_way_may_leave(engine: EngineProcess, client: AsyncOpenAI) -> None:
    """A client that disconnects while it waits takes no slot."""
    tier: Any = {"service_tier": "flex", "temperature": 0, "max_tokens": openai.omit}
    begun_before = (await engine.metrics())["engine_runtime_answers_total{name=llama.cpp}"]
    chats = [asyncio.create_task(ask(client, **tier)) for _ in range(SLOTS + 4)]
    await until(engine, running=SLOTS - 1, waiting=0)
    for chat in reversed(chats):  # those that wait first
        chat.cancel()
    await asyncio.gather(*chats, return_exceptions=True)
    await until(engine, running=0, waiting=0)
    begun = (await engine.metrics())["engine_runtime_answers_total{name=llama.cpp}"] - begun_before
    assert begun <= SLOTS - 1
    assert (await ask(client)).choices[0].message.content


async def test_an_unknown_model_gets_no_slots(client: AsyncOpenAI, engine: EngineProcess) -> None:
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="nobody", messages=USER)
    assert not any("nobody" in name for name in await engine.metrics())
