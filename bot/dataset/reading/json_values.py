"""The values of a JSON text, one after the other: a line each, in a list, or with line breaks in them."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from bot.dataset.reading.survey import Unfit
from bot.errors import UserError

Located = tuple[int, Any]  # the line on which a value begins, and the value

_CHUNK_CHARACTERS = 1 << 20
_LONGEST_WORD = 16  # -Infinity, \ud83d\ude00: an error so near to the end of a chunk may be only that end
_BLANK = re.compile(r"[\s\ufeff,\x1e]*")  # between values; commas as well, and the marks of joined files
_EXPECTED = 'Write a list of objects, [{"prompt": ..., "completion": ...}, ...], or one object a line.'


class Number(str):
    """A number, as it is written: 1.50 is not 1.5 to a model, and large ones keep every digit."""

    __slots__ = ()


class BrokenJson(Unfit):
    """What no JSON parser takes."""


class _RepeatedKey(ValueError):
    """An object has a key twice."""


_FAULTS = (json.JSONDecodeError, RecursionError, _RepeatedKey)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKey(next(key for key in keys if keys.count(key) > 1))
    return found


def _constant(word: str) -> Number | None:
    """Return NaN as null, since some programs write missing values so."""
    return None if word == "NaN" else Number(word)


_DECODER = json.JSONDecoder(
    parse_float=Number, parse_int=Number, parse_constant=_constant, object_pairs_hook=_unique
)


def read_lines(stream: TextIO, file: str) -> Iterator[Located]:
    """Read one value a line. Raises BrokenJson if a line is none."""
    number = 0
    try:
        for number, line in enumerate(stream, 1):
            if not line.isspace():
                yield number, _DECODER.decode(line.rstrip())
    except _FAULTS as error:
        raise _told(error, file, number) from None


def read_values(stream: TextIO, file: str) -> Iterator[Located]:
    """Read values wherever they begin and end; of a list, its items. Raises BrokenJson if there is none."""
    scanner = _Scanner(stream, file)
    while scanner.skip_blanks():
        if not scanner.at("["):
            yield scanner.value()
            continue
        yield from scanner.items()


class _Scanner:
    """Reads a text in chunks, and keeps no more of it than the value that is being read."""

    def __init__(self, stream: TextIO, file: str) -> None:
        self._stream = stream
        self._file = file
        self._text = ""
        self._at = 0
        self._line = 1  # of what lies at _at
        self._cut = 0  # characters of the text's first line that are kept no more
        self._ended = False

    def skip_blanks(self) -> bool:
        """Go to the next value. Return whether there is one."""
        while True:
            self._advance(_BLANK.match(self._text, self._at).end())  # type: ignore[union-attr]  # matches nothing, too
            if self._at < len(self._text):
                return True
            if self._ended:
                return False
            self._read_on()

    def at(self, character: str) -> bool:
        return self._text[self._at] == character

    def value(self) -> Located:
        """Read the value that begins here."""
        line = self._line
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except _FAULTS as error:
                if self._is_final(error):
                    raise _told(error, self._file, line, self._at, self._cut) from None
            else:
                if end < len(self._text) or self._ended:
                    self._advance(end)
                    return line, value
            self._read_on()

    def items(self) -> Iterator[Located]:
        """Read the items of the list that begins here."""
        begin = self._line
        self._advance(self._at + 1)
        while self.skip_blanks():
            if self.at("]"):
                self._advance(self._at + 1)
                return
            yield self.value()
        raise BrokenJson(
            f"{self._file} is broken JSON: the list that begins on line {begin} is not closed. {_EXPECTED}"
        )

    def _is_final(self, error: Exception) -> bool:
        """Return whether more text cannot mend a value."""
        if self._ended or not isinstance(error, json.JSONDecodeError):
            return True
        unterminated = error.msg.startswith("Unterminated string")
        return not unterminated and error.pos < len(self._text) - _LONGEST_WORD

    def _advance(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _read_on(self) -> None:
        begin = self._text.rfind("\n", 0, self._at)
        self._cut = self._at + (self._cut if begin < 0 else -begin - 1)
        rest = self._text[self._at :]
        chunk = self._stream.read(max(_CHUNK_CHARACTERS, len(rest)))
        self._ended = not chunk
        self._text, self._at = rest + chunk, 0


def _told(error: Exception, file: str, line: int, start: int = 0, cut: int = 0) -> UserError:
    """Return the error for the person.

    line: the one on which the value begins; start: where it does in the text; cut: the length of what is
    missing of the text's first line.
    """
    if isinstance(error, _RepeatedKey):
        return UserError(f"The object on line {line} of {file} has the key {str(error)!r} twice: keep one.")
    if not isinstance(error, json.JSONDecodeError):
        return UserError(f"Line {line} of {file} is nested too deep. {_EXPECTED}")
    before = error.doc[start : error.pos]
    column = error.colno + (cut if error.lineno == 1 else 0)
    at = f"Line {line + before.count(chr(10))}, column {column} of {file}"
    return BrokenJson(f"{at}: this is broken JSON ({error.msg}). {_EXPECTED}")
