"""Server-sent events: the JSON values in a streamed response, whatever the pieces that its bytes come in."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

# The specification knows no other line ends. Libraries that split text into lines do so at U+2028, U+2029 and
# U+0085 as well, which JSON need not escape: they tear answers apart.
_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

DONE = "[DONE]"


class LineSplitter:
    """Splits bytes that come piece by piece into lines; a line is whole as soon as its end has come."""

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False  # a line feed that comes next belongs to the carriage return

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that this piece completes."""
        if not piece:
            return []
        if self._after_cr:
            piece = piece.removeprefix(b"\n")
        self._after_cr = piece.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + piece)
        return lines

    def finish(self) -> list[bytes]:
        """Return the last line if it was not ended."""
        return [self._rest] if self._rest else []


class EventDecoder:
    """Puts the values of events together from lines.

    A value is returned as soon as it is whole JSON: servers differ in what they send between events.
    Comments, other fields and the names of events are ignored.
    """

    def __init__(self) -> None:
        self._first = True
        self._data: list[str] = []

    def decode(self, line: bytes) -> Any:
        """Return the value that a line completes, DONE, or None. Raises ValueError if an event is no JSON."""
        if self._first:
            line, self._first = line.removeprefix(_BYTE_ORDER_MARK), False
        if not line:
            self.finish()
            return None
        if not line.startswith(b"data:"):
            return None
        self._data.append(line.removeprefix(b"data:").decode())
        data = "\n".join(self._data).strip()
        if not data:
            return None
        try:
            value = DONE if data == DONE else json.loads(data)
        except json.JSONDecodeError:
            return None  # its next lines may complete it
        self._data.clear()
        return value

    def finish(self) -> None:
        """End an event. Raises ValueError if it was not whole."""
        if any(part.strip() for part in self._data):
            raise ValueError("an event is no JSON")
        self._data.clear()


async def read_events(pieces: AsyncIterable[bytes]) -> AsyncGenerator[Any]:
    """Yield the events' values, and DONE where the server says that no more come. Raises ValueError."""
    splitter, decoder = LineSplitter(), EventDecoder()
    async for piece in pieces:
        for line in splitter.feed(piece):
            if (value := decoder.decode(line)) is not None:
                yield value
    for line in splitter.finish():
        if (value := decoder.decode(line)) is not None:
            yield value
    decoder.finish()
