"""Streamed answers over real HTTP: the text as it comes, its end by Stop, and what is booked."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import pytest

from bot.app import App, open_app
from bot.chat import ChatRequest, Sampling
from bot.errors import Busy, OutOfReach, Stopped
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer
from bot.llm.retry import INTERACTIVE, NO_RETRY, RetryPolicy
from bot.llm.stream import Stream
from bot.serving.waiting_queue import WaitingQueue
from bot.settings import Settings
from bot.store import spending
from tests.support.scripted_server import Script

ASK = ChatRequest(
    ({"role": "user", "content": "40, woman, healing ->"},),
    Sampling(temperature=1, top_p=1, max_tokens=200),
)


@pytest.fixture
async def paid(hosted: Settings) -> AsyncIterator[App]:
    async with open_app(hosted) as opened:
        yield opened


async def ask(app: App, stream: Stream, patience: RetryPolicy = INTERACTIVE) -> ChatAnswer:
    return await app.client.complete(
        ASK, model="dear", account=Account("hero"), retry_policy=patience, stream=stream
    )


async def spent(app: App) -> float:
    async with app.db.read() as tx:
        return await spending.of_day(tx, time.strftime("%Y-%m-%d", time.gmtime()))


async def until_words(stream: Stream, words: int) -> None:
    while len(stream.text.split()) < words:
        await stream.changed()


async def test_the_text_grows_and_the_counts_come_at_the_end(paid: App, script: Script) -> None:
    stream, seen = Stream(), []
    script.stream.word_delay = 0.005
    work = asyncio.create_task(ask(paid, stream))
    while not work.done():
        await asyncio.wait(
            {work, asyncio.ensure_future(stream.changed())}, return_when=asyncio.FIRST_COMPLETED
        )
        seen.append(stream.text)
    answer = await work

    assert len(set(seen)) > 10
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))
    assert answer.text == seen[-1]
    assert (answer.finish_reason, answer.prompt_tokens) == ("stop", 20)
    assert await spent(paid) == pytest.approx((20 + len(answer.text.split())) / 1000)


async def test_stop_keeps_what_is_there_and_books_the_most_it_may_cost(paid: App, script: Script) -> None:
    stream = Stream()
    script.stream.silent_after = 12
    work = asyncio.create_task(ask(paid, stream))
    await until_words(stream, 12)

    stream.stop()
    answer = await asyncio.wait_for(work, 1)

    assert answer.finish_reason == "stopped"
    assert len(answer.text.split()) == 12
    assert await spent(paid) == pytest.approx(sum(ASK.max_tokens) / 1000)


@pytest.mark.parametrize("words", [0, 9])
async def test_stop_in_the_pause_before_another_attempt_asks_nothing_more(
    paid: App, script: Script, monkeypatch: pytest.MonkeyPatch, words: int
) -> None:
    """What was said until the call broke off is the answer, and is paid for once."""
    monkeypatch.setattr("bot.llm.retry.retry_after", lambda _error: 15.0)
    stream = Stream()
    script.stream.error_after = words
    work = asyncio.create_task(ask(paid, stream))
    while await spent(paid) == 0:
        await asyncio.sleep(0.01)

    stream.stop()

    if words:
        answer = await asyncio.wait_for(work, 1)
        assert (answer.finish_reason, len(answer.text.split()), answer.attempts) == ("stopped", words, 1)
    else:
        with pytest.raises(Stopped):
            await asyncio.wait_for(work, 1)
    assert len(script.asked) == 1
    assert await spent(paid) == pytest.approx(sum(ASK.max_tokens) / 1000)


async def test_stop_before_a_word_cuts_the_call_and_books_it_once(paid: App, script: Script) -> None:
    stream = Stream()
    script.delay = 30
    work = asyncio.create_task(ask(paid, stream))
    while not script.asked:
        await asyncio.sleep(0.01)

    stream.stop()

    with pytest.raises(Stopped):
        await asyncio.wait_for(work, 1)
    assert len(script.asked) == 1
    assert await spent(paid) == pytest.approx(sum(ASK.max_tokens) / 1000)


async def test_stop_while_a_server_asks_everyone_to_wait_asks_nothing(paid: App, script: Script) -> None:
    stream = Stream()
    script.failures, script.retry_after = [429], "15"
    work = asyncio.create_task(ask(paid, stream))
    while not script.asked:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)

    stream.stop()

    with pytest.raises(Stopped):
        await asyncio.wait_for(work, 1)
    assert len(script.asked) == 1
    assert await spent(paid) == 0


async def test_a_server_that_does_not_count_in_streams_is_asked_without(paid: App, script: Script) -> None:
    script.refused = {"stream_options": "Unknown parameter: stream_options"}
    answer = await ask(paid, Stream())
    assert answer.attempts == 2
    assert (answer.prompt_tokens, answer.completion_tokens) == ASK.max_tokens


@pytest.mark.parametrize("trouble", ["an error midway", "dropped midway"])
async def test_a_stream_that_breaks_off_is_asked_for_anew(paid: App, script: Script, trouble: str) -> None:
    if trouble == "an error midway":
        script.stream.error_after = 9
    else:
        script.cut = 1
    answer = await ask(paid, Stream())
    assert answer.attempts == 2
    assert answer.text.endswith("boils.")
    assert await spent(paid) == pytest.approx(
        (sum(ASK.max_tokens) + answer.prompt_tokens + answer.completion_tokens) / 1000
    )


async def test_a_stream_that_falls_silent_is_given_up(
    paid: App, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.llm.response._LONGEST_SILENCE", 0.2)
    script.stream.silent_after = 5
    with pytest.raises(OutOfReach):
        await ask(paid, Stream(), NO_RETRY)
    assert await spent(paid) == pytest.approx(sum(ASK.max_tokens) / 1000)


async def test_only_a_sentence_that_has_surely_ended_gets_its_ending() -> None:
    framed = replace(ASK, opening="Ada can", ending="So it goes.")
    assert framed.render_partial(" lift 3.") == "Ada can lift 3"
    assert framed.render_partial(" lift 3.5 tons") == "Ada can lift 3.5 tons"
    assert framed.render_partial(" lift tons. She") == "Ada can lift tons. So it goes."


async def test_the_line_lets_as_many_in_as_it_may_and_tells_the_others_their_places() -> None:
    line, streams, served = WaitingQueue(1, longest=2), [Stream() for _ in range(4)], []

    async def go(number: int) -> None:
        async with line.slot(streams[number]):
            served.append(number)
            await asyncio.sleep(0.02)

    first, second, third = (asyncio.create_task(go(number)) for number in range(3))
    await asyncio.sleep(0.01)
    assert [each.position for each in streams] == [0, 1, 2, 0]
    with pytest.raises(Busy, match="2 people are waiting"):
        await go(3)

    streams[1].stop()
    with pytest.raises(Stopped):
        await second
    assert streams[2].position == 1
    await asyncio.gather(first, third)
    await go(3)
    assert served == [0, 2, 3]


async def test_whoever_leaves_just_when_called_passes_the_place_on() -> None:
    line, here = WaitingQueue(1, longest=9), asyncio.Event()

    async def go() -> None:
        async with line.slot(Stream()):
            await here.wait()

    holder, leaver, last = (asyncio.create_task(go()) for _ in range(3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)  # by now the leaver has been called
    leaver.cancel()
    here.set()
    await asyncio.wait_for(last, 1)
