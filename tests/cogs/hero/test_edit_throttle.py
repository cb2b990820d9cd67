"""EditThrottle: how often a message is edited."""

import asyncio
import time

from cogs.hero.live_message import EditThrottle


def test_interval_grows_while_discord_is_slow_and_shrinks_again() -> None:
    throttle = EditThrottle(1.0)
    assert throttle.interval == 1.0
    throttle.record(0.1)
    assert throttle.interval == 1.0
    throttle.record(3.0)  # a 429 waited out
    assert throttle.interval == 3.0
    for _ in range(3):
        throttle.record(9.0)
    assert throttle.interval == 10.0
    for _ in range(20):
        throttle.record(0.1)
    assert throttle.interval == 1.0


async def test_wait_ends_early_when_the_task_is_done() -> None:
    done = asyncio.create_task(asyncio.sleep(0.01))
    started = time.monotonic()
    await EditThrottle(1.0).wait(done)
    assert time.monotonic() - started < 0.5
