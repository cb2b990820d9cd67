"""How often a message is edited."""

import asyncio
import time

from cogs.hero.live_message import EditThrottle


def test_edits_come_about_once_a_second_and_more_slowly_where_discord_is_slow() -> None:
    rhythm = EditThrottle()
    assert rhythm.interval == 1.0
    rhythm.record(0.1)
    assert rhythm.interval == 1.0
    rhythm.record(3.0)  # a 429 waited out
    assert rhythm.interval == 3.0
    for _ in range(3):
        rhythm.record(9.0)
    assert rhythm.interval == 10.0
    for _ in range(20):
        rhythm.record(0.1)
    assert rhythm.interval == 1.0


async def test_a_beat_ends_early_with_the_text() -> None:
    done = asyncio.create_task(asyncio.sleep(0.01))
    began = time.monotonic()
    await EditThrottle().wait(done)
    assert time.monotonic() - began < 0.5
