"""Bundles: the first word at once, the others together, and one now and then even if nothing is said."""

import asyncio
import time

from engine.cluster.outbox import Ended, Outbox
from engine.inference.chunks import chunk


async def test_what_is_urgent_leaves_at_once() -> None:
    outbox = Outbox(bundle_seconds=60)
    outbox.add(1, chunk({"content": "She"}), urgent=True)
    async with asyncio.timeout(1):
        parts, _ = await outbox.next()
    assert parts == [(1, chunk({"content": "She"}))]


async def test_the_rest_waits_for_others_but_not_longer() -> None:
    outbox = Outbox(bundle_seconds=0.2)
    began = time.monotonic()
    reading = asyncio.create_task(outbox.next())
    for number in range(4):
        outbox.add(number, chunk({"content": "word"}), urgent=False)
        await asyncio.sleep(0.01)
    parts, _ = await reading
    assert [number for number, _ in parts] == [0, 1, 2, 3]
    assert 0.15 < time.monotonic() - began < 5


async def test_an_end_does_not_wait_and_takes_along_what_does() -> None:
    outbox = Outbox(bundle_seconds=60)
    outbox.add(1, chunk({"content": "word"}), urgent=False)
    outbox.add(2, Ended(), urgent=True)
    async with asyncio.timeout(1):
        assert [number for number, _ in (await outbox.next())[0]] == [1, 2]


async def test_nothing_is_lost_between_two_bundles() -> None:
    outbox = Outbox(bundle_seconds=0.001)

    async def write() -> None:
        for number in range(500):
            outbox.add(number, Ended(), urgent=number % 7 == 0)
            if number % 3 == 0:
                await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    read: list[int] = []
    async with asyncio.timeout(10):
        while len(read) < 500:
            read += [number for number, _ in (await outbox.next())[0]]
    await writing
    assert read == list(range(500))


async def test_a_silent_replica_says_that_it_lives() -> None:
    outbox = Outbox(heartbeat_seconds=0.05)
    async with asyncio.timeout(5):
        assert await outbox.next() == ([], [])
