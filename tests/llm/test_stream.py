"""Streamed answers over real HTTP: the growing text, Stop, and what is booked. Also the waiting queue."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.app import App, Timing, open_app
from bot.chat import ChatRequest, Sampling
from bot.errors import Busy, OutOfReach, Stopped
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer, ClientTiming
from bot.llm.retry import INTERACTIVE, NO_RETRY, RetryPolicy
from bot.llm.stream import Stream
from bot.serving.waiting_queue import WaitingQueue
from bot.settings import Settings
from bot.store import spending
from tests.support.eventually import eventually
from tests.support.scripted_server import Script

REQUEST = ChatRequest(
    ({"role": "user", "content": "40, woman, healing ->"},),
    Sampling(temperature=1, top_p=1, max_tokens=200),
)


@pytest.fixture
async def paid(hosted: Settings) -> AsyncIterator[App]:
    async with open_app(hosted) as opened:
        yield opened


async def ask(app: App, stream: Stream, policy: RetryPolicy = INTERACTIVE) -> ChatAnswer:
    return await app.client.complete(
        REQUEST, model="dear", account=Account("hero"), retry_policy=policy, stream=stream
    )


async def spent(app: App) -> float:
    async with app.db.read() as tx:
        return await spending.get_day_total(tx, time.strftime("%Y-%m-%d", time.gmtime()))


async def until_words(stream: Stream, words: int) -> None:
    await eventually(lambda: len(stream.text.split()) >= words, what=f"{words} words are streamed")


async def test_text_grows_and_token_counts_come_at_the_end(paid: App, script: Script) -> None:
    stream, seen = Stream(), []
    script.stream.word_delay = 0.005
    work = asyncio.create_task(ask(paid, stream))
    async with asyncio.timeout(30):
        while not work.done():
            change = asyncio.ensure_future(stream.changed())
            await asyncio.wait({work, change}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
            seen.append(stream.text)
    answer = await work

    assert len(set(seen)) > 10
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert answer.text == seen[-1]
    assert (answer.finish_reason, answer.prompt_tokens) == ("stop", 20)
    assert await spent(paid) == pytest.approx((20 + len(answer.text.split())) / 1000)


async def test_stop_keeps_the_text_and_books_the_maximum_cost(paid: App, script: Script) -> None:
    stream = Stream()
    script.stream.silent_after = 12
    work = asyncio.create_task(ask(paid, stream))
    await until_words(stream, 12)

    stream.stop()
    answer = await asyncio.wait_for(work, 1)

    assert answer.finish_reason == "stopped"
    assert len(answer.text.split()) == 12
    assert await spent(paid) == pytest.approx(sum(REQUEST.token_estimate) / 1000)


async def test_a_stop_after_the_ending_is_shown_stops_nothing(app: App, script: Script) -> None:
    """With an ending, the answer's first sentence is the text: what follows it is left out in any case."""
    request = replace(REQUEST, opening="Ada is 40. ", ending="And so she goes on.")
    stream = Stream()
    script.texts = ["She heals a whale. She heals many more, one after the other, day by day"]
    script.stream.silent_after = 8
    work = asyncio.create_task(
        app.client.complete(request, model="tiny", account=Account("hero"), stream=stream)
    )
    await eventually(lambda: stream.text.endswith(request.ending), what="the ending is shown")

    stream.stop()
    answer = await asyncio.wait_for(work, 1)

    assert answer.text == "Ada is 40. She heals a whale. And so she goes on."
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize("words", [0, 9])
async def test_stop_in_the_pause_before_a_retry_sends_nothing_more(
    paid: App, script: Script, words: int
) -> None:
    """The text before the failure is the answer, and is paid for once."""
    stream = Stream()
    script.stream.error_after = words
    slow = replace(INTERACTIVE, max_seconds=600, first_pause=60)
    work = asyncio.create_task(ask(paid, stream, slow))
    await eventually(lambda: spent(paid), what="the failed attempt is booked")

    stream.stop()

    if words:
        answer = await asyncio.wait_for(work, 1)
        assert (answer.finish_reason, len(answer.text.split()), answer.attempts) == ("stopped", words, 1)
    else:
        with pytest.raises(Stopped):
            await asyncio.wait_for(work, 1)
    assert len(script.asked) == 1
    assert await spent(paid) == pytest.approx(sum(REQUEST.token_estimate) / 1000)


async def test_stop_before_the_first_word_cancels_the_call_and_books_it_once(
    paid: App, script: Script
) -> None:
    stream = Stream()
    script.delay = 30
    work = asyncio.create_task(ask(paid, stream))
    await eventually(lambda: script.asked, what="the request arrives")

    stream.stop()

    with pytest.raises(Stopped):
        await asyncio.wait_for(work, 1)
    assert len(script.asked) == 1
    assert await spent(paid) == pytest.approx(sum(REQUEST.token_estimate) / 1000)


async def test_stop_during_a_rate_limit_pause_sends_nothing_more(paid: App, script: Script) -> None:
    stream = Stream()
    script.failures, script.retry_after = [429], "15"
    work = asyncio.create_task(ask(paid, stream))
    await eventually(lambda: paid.client.rate_limiter("dear").paused_for > 0, what="the 429 has arrived")

    stream.stop()

    with pytest.raises(Stopped):
        await asyncio.wait_for(work, 1)
    assert len(script.asked) == 1
    assert await spent(paid) == 0


async def test_stream_options_are_left_out_if_the_server_refuses_them(paid: App, script: Script) -> None:
    script.refused = {"stream_options": "Unknown parameter: stream_options"}
    answer = await ask(paid, Stream())
    assert answer.attempts == 2
    assert (answer.prompt_tokens, answer.completion_tokens) == REQUEST.token_estimate


@pytest.mark.parametrize("trouble", ["an error midway", "dropped midway"])
async def test_broken_stream_is_retried(paid: App, script: Script, trouble: str) -> None:
    if trouble == "an error midway":
        script.stream.error_after = 9
    else:
        script.cut = 1
    answer = await ask(paid, Stream())
    assert answer.attempts == 2
    assert answer.text.endswith("boils.")
    assert await spent(paid) == pytest.approx(
        (sum(REQUEST.token_estimate) + answer.prompt_tokens + answer.completion_tokens) / 1000
    )


async def test_silent_stream_times_out(hosted: Settings, script: Script) -> None:
    script.stream.silent_after = 5
    async with open_app(hosted, Timing(client=ClientTiming(next_chunk=0.2))) as app:
        with pytest.raises(OutOfReach):
            await ask(app, Stream(), NO_RETRY)
        assert await spent(app) == pytest.approx(sum(REQUEST.token_estimate) / 1000)


async def test_ending_is_appended_only_after_a_complete_sentence() -> None:
    framed = replace(REQUEST, opening="Ada can", ending="So it goes.")
    assert framed.render_partial(" lift 3.") == "Ada can lift 3"
    assert framed.render_partial(" lift 3.5 tons") == "Ada can lift 3.5 tons"
    assert framed.render_partial(" lift tons. She") == "Ada can lift tons. So it goes."


async def test_queue_limits_calls_at_once_and_reports_positions() -> None:
    queue, streams, served = WaitingQueue(1, max_length=2), [Stream() for _ in range(4)], []
    release = asyncio.Event()

    async def use_slot(number: int) -> None:
        async with queue.slot(streams[number]):
            served.append(number)
            await release.wait()

    first, second, third = (asyncio.create_task(use_slot(number)) for number in range(3))
    await eventually(lambda: [each.position for each in streams] == [0, 1, 2, 0], what="two wait")
    with pytest.raises(Busy, match=r"Too many people are waiting for the model \(2\)"):
        await use_slot(3)

    streams[1].stop()
    with pytest.raises(Stopped):
        await second
    assert streams[2].position == 1
    release.set()
    await asyncio.gather(first, third)
    await use_slot(3)
    assert served == [0, 2, 3]


async def test_slot_of_a_cancelled_waiter_goes_to_the_next() -> None:
    queue, release = WaitingQueue(1, max_length=9), asyncio.Event()

    async def use_slot() -> None:
        async with queue.slot(Stream()):
            await release.wait()

    holder, cancelled, last = (asyncio.create_task(use_slot()) for _ in range(3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)  # the slot is now given to the one to be cancelled
    cancelled.cancel()
    release.set()
    await asyncio.wait_for(last, 1)
