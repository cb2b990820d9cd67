"""Server-sent events: lines, values and pieces, as the specification and real servers have them."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from bot.llm.server_sent_events import DONE, read_events


async def events_of(pieces: Iterable[bytes]) -> list[Any]:
    async def sent() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return [event async for event in read_events(sent())]


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


# all that str.splitlines() takes for the end of a line, and JSON need not escape
SEPARATORS = ["\u2028", "\u2029", "\x85"]


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("text", ["one{}two", "{}", "ends in {}", "{0}{0} twice", "data: {}data: [DONE]"])
async def test_separators_of_text_are_no_ends_of_lines(separator: str, text: str) -> None:
    value = {"content": text.format(separator)}
    assert await events_of([event(value)]) == [value]


@pytest.mark.parametrize(
    ("stream", "values"),
    [
        (b'data: {"a": 1}\r\n\r\ndata: {"a": 2}\r\n\r\n', [{"a": 1}, {"a": 2}]),
        (b'data: {"a": 1}\r\rdata: {"a": 2}\r\r', [{"a": 1}, {"a": 2}]),
        (b'data:{"a": 1}\n\ndata:   {"a": 2}\n\n', [{"a": 1}, {"a": 2}]),
        (b'\xef\xbb\xbfdata: {"a": 1}\n\n', [{"a": 1}]),
        (b': keep-alive\n\n:\n\ndata: {"a": 1}\n\n: OPENROUTER PROCESSING\n\n', [{"a": 1}]),
        (b'event: chunk\nid: 7\nretry: 10\ndata: {"a": 1}\n\n', [{"a": 1}]),
        (b'data: {"a":\ndata: [1,\ndata: 2]}\n\n', [{"a": [1, 2]}]),
        (b'data: {"a": 1}\ndata: {"a": 2}\ndata: [DONE]\n', [{"a": 1}, {"a": 2}, DONE]),
        (b'data: {"a": 1}', [{"a": 1}]),
        (b"data: [DONE]\n\n", [DONE]),
        (b"data\ndata:\n\ndata: \n\n", []),
        ('data: {"a": "\u00e9\U0001f600\u2028"}\n\n'.encode(), [{"a": "\u00e9\U0001f600\u2028"}]),
        (b'data: {"a": "' + b"x" * 100_000 + b'"}\n\n', [{"a": "x" * 100_000}]),
    ],
)
async def test_values_do_not_depend_on_how_the_bytes_are_cut(stream: bytes, values: list[Any]) -> None:
    step = 1 if len(stream) < 1000 else 997
    assert await events_of([stream]) == values
    assert await events_of(stream[at : at + step] for at in range(0, len(stream), step)) == values
    if len(stream) < 1000:
        for at in range(1, len(stream)):
            assert await events_of([stream[:at], b"", stream[at:]]) == values


@pytest.mark.parametrize(
    "stream", [b'data: {"a": 1\n\n', b"data: nonsense\n\n", b'data: {"a": "\xff"}\n\n', b'data: {"a"']
)
async def test_what_is_no_json_is_an_error(stream: bytes) -> None:
    with pytest.raises(ValueError, match=r"no JSON|utf-8"):
        await events_of([stream])
