"""Answers as servers really send them: each is taken once, and paid for once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.app import App, Timing, open_app
from bot.chat import ChatRequest, Sampling
from bot.errors import OutOfReach, Unavailable
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer, ClientTiming
from bot.llm.retry import BACKGROUND, INTERACTIVE, NO_RETRY, RetryPolicy
from bot.llm.stream import Stream
from bot.settings import Settings
from bot.store import spending
from tests.support.scripted_server import Script

REQUEST = ChatRequest(
    ({"role": "user", "content": "40, woman, healing ->"},), Sampling(temperature=1, top_p=1, max_tokens=200)
)
USAGE = {"prompt_tokens": 20, "completion_tokens": 7}
COST = (20 + 7) / 1000
MOST = sum(REQUEST.token_estimate) / 1000


@pytest.fixture
async def paid(hosted: Settings) -> AsyncIterator[App]:
    async with open_app(hosted, Timing(client=ClientTiming(next_chunk=0.4))) as opened:
        yield opened


async def ask(app: App, stream: Stream | None = None, policy: RetryPolicy = INTERACTIVE) -> ChatAnswer:
    return await app.client.complete(
        REQUEST, model="dear", account=Account("hero"), retry_policy=policy, stream=stream
    )


async def spent(app: App) -> float:
    async with app.db.read() as tx:
        return await spending.get_day_total(tx, time.strftime("%Y-%m-%d", time.gmtime()))


def chunk(content: Any, reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content, **fields}, "finish_reason": reason}]}


def stream_of(*events: dict[str, Any] | str) -> list[bytes]:
    """Return events as a server sends them that does not escape what JSON need not."""
    data = (each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in events)
    return [f"data: {each}\n\n".encode() for each in data]


COUNTS = {"choices": [], "usage": USAGE}


@pytest.mark.parametrize(
    "text", ["One\u2028two.", "One\u2029\u2029two.", "One\x85two.", "\u2028One.", "Two.\x85"]
)
@pytest.mark.parametrize("cut", [1, 7, 1000])
async def test_separators_in_a_stream_stay_in_the_text(
    paid: App, script: Script, text: str, cut: int
) -> None:
    whole = b"".join(stream_of(chunk("So: "), chunk(text), chunk("!", "stop"), COUNTS, "[DONE]"))
    script.stream.pieces = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    answer = await ask(paid, Stream())
    assert answer.text == f"So: {text}!"
    assert len(script.asked) == 1
    assert await spent(paid) == pytest.approx(COST)


@pytest.mark.parametrize(
    ("events", "cost"),
    [
        (stream_of(chunk("Ada "), chunk("flies."), COUNTS, "[DONE]"), COST),
        (stream_of(chunk("Ada flies."), "[DONE]"), MOST),
        (stream_of(chunk("Ada "), chunk("flies.", "stop"), COUNTS), COST),
        (stream_of(chunk("Ada "), chunk("flies.", ""), chunk(None), COUNTS, "[DONE]", chunk(" No.")), COST),
        (stream_of({"type": "ping"}, chunk("Ada flies."), {"choices": None, "usage": USAGE}, "[DONE]"), COST),
        (stream_of(chunk("Ada flies.", "stop") | {"usage": {"prompt_tokens": None}}, "[DONE]"), MOST),
        (stream_of(chunk([{"type": "text", "text": "Ada flies."}], "stop"), COUNTS, "[DONE]"), COST),
        (stream_of(chunk("Ada flies.", "stop"), {"error": {"message": "no counts"}}), MOST),
        (stream_of({"choices": [{"message": {"content": "Ada flies."}}], "usage": USAGE}, "[DONE]"), COST),
    ],
)
async def test_a_whole_stream_is_taken_once(
    paid: App, script: Script, events: list[bytes], cost: float
) -> None:
    script.stream.pieces = events
    answer = await ask(paid, Stream())
    assert (answer.text, answer.finish_reason, answer.attempts) == ("Ada flies.", "stop", 1)
    assert await spent(paid) == pytest.approx(cost)


@pytest.mark.parametrize("after", ["[DONE]", COUNTS])
async def test_a_server_that_leaves_a_whole_stream_open_is_not_waited_for(
    paid: App, script: Script, after: dict[str, Any] | str
) -> None:
    script.stream.pieces = stream_of(chunk("Ada flies.", "stop"), after, *[": nothing more comes"] * 20)
    script.stream.word_delay = 0.3
    started = time.monotonic()
    assert (await ask(paid, Stream())).attempts == 1
    assert time.monotonic() - started < 4


async def test_a_server_that_does_not_stream_is_read_all_the_same(paid: App, script: Script) -> None:
    whole = {
        "choices": [{"message": {"content": "Ada\u2028flies."}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    script.stream.pieces = [json.dumps(whole, indent=1, ensure_ascii=False).encode()]
    script.stream.media_type = "application/json"
    stream = Stream()
    assert (await ask(paid, stream)).text == stream.text == "Ada\u2028flies."
    assert await spent(paid) == pytest.approx(COST)


def message(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": {"content": "Ada flies.", **fields}}], "usage": USAGE}


@pytest.mark.parametrize(
    ("body", "finish_reason", "cost"),
    [
        (message(), "stop", COST),
        ({"choices": [{"message": {"content": "Ada flies."}, "finish_reason": None}]}, "stop", MOST),
        (message() | {"usage": {"total_tokens": 27}}, "stop", MOST),
        (message() | {"usage": None, "object": None, "id": 7, "created": "today"}, "stop", MOST),
        (
            message(content=[{"type": "text", "text": "Ada "}, {"type": "text", "text": "flies."}]),
            "stop",
            COST,
        ),
        (message() | {"usage": {"prompt_tokens": 20, "completion_tokens": 200}}, "length", 0.22),
        ({"choices": [{"message": {"content": "Ada flies."}, "finish_reason": "eos"}]}, "eos", MOST),
    ],
)
async def test_a_whole_answer_is_taken_once(
    paid: App, script: Script, body: dict[str, Any], finish_reason: str, cost: float
) -> None:
    script.reshape = lambda _: body
    answer = await ask(paid)
    assert (answer.text, answer.finish_reason, answer.attempts) == ("Ada flies.", finish_reason, 1)
    assert await spent(paid) == pytest.approx(cost)


SHAPES: list[Callable[[dict[str, Any]], object]] = [
    lambda _: {"choices": []},
    lambda _: ["Ada flies."],
    lambda _: {"output": [{"content": [{"text": "Ada flies."}]}]},
    lambda _: {"error": {"message": "overloaded", "code": 502}},
    lambda _: {"choices": [{"message": "Ada flies."}]},
    lambda _: {"choices": [{"message": {"content": 7}}]},
    lambda _: None,
    lambda _: {"choices": [{"text": "Ada flies.", "finish_reason": None}]},
]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_shape_that_is_not_understood_is_paid_for_a_handful_of_times(
    paid: App, script: Script, shape: Callable[[dict[str, Any]], object]
) -> None:
    script.reshape = shape
    policy = RetryPolicy(600, 30, max_malformed=BACKGROUND.max_malformed, first_pause=0.01)
    with pytest.raises(Unavailable, match="form that the bot does not understand") as caught:
        await ask(paid, policy=policy)
    assert not isinstance(caught.value, OutOfReach)
    assert len(script.asked) == 5
    assert await spent(paid) == pytest.approx(5 * MOST)


@pytest.mark.parametrize(
    "events",
    [
        stream_of(chunk("Ada flies.")),
        stream_of("[DONE]"),
        stream_of(chunk("Ada"), "nonsense"),
        stream_of("[7]"),
    ],
)
async def test_a_stream_that_is_not_understood_is_an_error(
    paid: App, script: Script, events: list[bytes]
) -> None:
    script.stream.pieces = events
    with pytest.raises(OutOfReach):
        await ask(paid, Stream(), NO_RETRY)
    assert await spent(paid) == pytest.approx(MOST)


@pytest.mark.parametrize(
    "events",
    [
        stream_of(
            chunk("<th"), chunk("ink>SECRET</thi"), chunk("nk>\n\nAda flies.", "stop"), COUNTS, "[DONE]"
        ),
        stream_of(chunk("Okay, the user"), chunk(" SECRET</think>Ada flies.", "stop"), COUNTS, "[DONE]"),
        stream_of(chunk(None, reasoning_content="SECRET"), chunk("Ada flies.", "stop"), COUNTS, "[DONE]"),
        stream_of(chunk("", reasoning="SECRET"), chunk("Ada flies.", "stop", role="assistant"), COUNTS),
        stream_of(
            chunk([{"type": "thinking", "thinking": [{"type": "text", "text": "SECRET"}]}]),
            chunk("Ada flies.", "stop"),
            COUNTS,
        ),
        stream_of(chunk("[THI"), chunk("NK]SECRET[/THINK"), chunk("]Ada flies."), COUNTS, "[DONE]"),
    ],
)
async def test_no_thinking_is_seen_in_a_stream(paid: App, script: Script, events: list[bytes]) -> None:
    script.stream.pieces, script.stream.word_delay = events, 0.02
    stream, seen = Stream(), set()
    work = asyncio.create_task(ask(paid, stream))
    async with asyncio.timeout(20):
        while not work.done():
            change = asyncio.ensure_future(stream.changed())
            await asyncio.wait({work, change}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
            seen.add(stream.text)
    answer = await work
    assert (answer.text, answer.thought) == (stream.text, True) == ("Ada flies.", True)
    assert seen <= {"", "Ada flies."}
    assert await spent(paid) == pytest.approx(COST)


@pytest.mark.parametrize(
    "content", ["<think>SECRET</think>", "<think>SECRET", "SECRET</think>\n", "<think></think>", None]
)
async def test_an_answer_that_is_only_thinking_is_empty(
    paid: App, script: Script, content: str | None
) -> None:
    """Also after an opening, which alone is no text; and it is paid for once."""
    script.reshape = lambda _: message(content=content, reasoning_content="SECRET")
    request = ChatRequest(REQUEST.messages, REQUEST.sampling, opening="So: ", ending="The end.")
    answer = await paid.client.complete(request, model="dear", account=Account("hero"))
    assert (answer.text, answer.thought, answer.attempts) == ("", True, 1)
    assert await spent(paid) == pytest.approx(COST)
