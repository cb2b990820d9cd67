"""Read what a GGUF file tells about its model, without the vocabulary and the weights, in some milliseconds.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_NUMBERS = {
    kind: struct.Struct(f"<{code}")
    for kind, code in {
        0: "B",
        1: "b",
        2: "H",
        3: "h",
        4: "I",
        5: "i",
        6: "f",
        7: "?",
        10: "Q",
        11: "q",
        12: "d",
    }.items()
}
_TEXT, _LIST = 8, 9
_LENGTH = struct.Struct("<Q")
_WORD = struct.Struct("<I")
_ALIGNMENT = "general.alignment"
_DEFAULT_ALIGNMENT = 32
_BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    30: (1, 2),  # BF16
}
"""The numbers in a block of a type, and the bytes that it takes; of other types the size is not known."""
_LONGEST_LIST = 4096
"""Items: a list of values by layer is read, one of a vocabulary's words is not."""


@dataclass(frozen=True)
class GGUFHeader:
    """The metadata of a file, but for long lists, and the names of its tensors."""

    metadata: Mapping[str, Any]
    tensors: frozenset[str]

    @property
    def architecture(self) -> str:
        """The name of the model's architecture."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def has_chat_template(self) -> bool:
        """Whether chats can be written as the model learned them."""
        return bool(self.metadata.get("tokenizer.chat_template"))

    def settings(self) -> dict[str, Any]:
        """Return what is told of the architecture, by key without the architecture's name."""
        prefix = f"{self.architecture}."
        return {
            key.removeprefix(prefix): value for key, value in self.metadata.items() if key.startswith(prefix)
        }


def read(path: Path) -> GGUFHeader:
    """Read a file's header.

    Raises OSError if it cannot be read, and ValueError if it is damaged, or lacks weights at its end.
    """
    if not path.stat().st_size:
        raise ValueError(f"{path.name} is damaged, or is no GGUF file: it is empty")
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Reader(content).header()
    except (struct.error, OverflowError) as error:  # of a place beyond its end
        raise ValueError(f"{path.name} is damaged, or is no GGUF file: it is cut short") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name} is damaged, or is no GGUF file: {error}") from error


class _Reader:
    """Reads from the beginning of a file."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self._at = 0
        self._end = 0  # of the weights, counted from where they begin

    def header(self) -> GGUFHeader:
        if self._content[: len(_MAGIC)] != _MAGIC:
            raise ValueError("it does not begin as one")
        self._at = len(_MAGIC)
        if (version := self._number(_WORD)) not in _VERSIONS:
            raise ValueError(f"its version is {version}")
        tensors, fields = self._number(_LENGTH), self._number(_LENGTH)
        metadata = {}
        for _ in range(fields):
            name = self._text()
            value = self._value(self._number(_WORD))
            if value is not None:
                metadata[name] = value
        names = frozenset(self._tensor() for _ in range(tensors))
        alignment = metadata.get(_ALIGNMENT, _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise ValueError(f"its alignment is {alignment}")
        self._skip(-self._at % alignment + self._end if names else 0)
        return GGUFHeader(metadata, names)

    def _tensor(self) -> str:
        name = self._text()
        numbers = math.prod(self._number(_LENGTH) for _ in range(self._number(_WORD)))
        block, size = _BLOCKS.get(self._number(_WORD), (1, 0))
        self._end = max(self._end, self._number(_LENGTH) + numbers // block * size)
        return name

    def _value(self, kind: int) -> Any:
        """Return a value, None for a long list."""
        if kind == _TEXT:
            return self._text()
        if kind == _LIST:
            return self._list()
        return self._number(self._format(kind))

    def _list(self) -> list[Any] | None:
        kind, length = self._number(_WORD), self._number(_LENGTH)
        if length <= _LONGEST_LIST:
            return [self._value(kind) for _ in range(length)]
        if kind != _TEXT:
            self._skip(length * self._format(kind).size)
            return None
        content, at, size = self._content, self._at, _LENGTH.size
        for _ in range(length):
            at += size + _LENGTH.unpack_from(content, at)[0]
        self._at = at
        return None

    def _format(self, kind: int) -> struct.Struct:
        if kind not in _NUMBERS:
            raise ValueError(f"it has a value of the unknown kind {kind}")
        return _NUMBERS[kind]

    def _number(self, kind: struct.Struct) -> Any:
        (value,) = kind.unpack_from(self._content, self._at)
        self._at += kind.size
        return value

    def _text(self) -> str:
        length = self._number(_LENGTH)
        start = self._at
        self._skip(length)
        return self._content[start : self._at].decode("utf-8")

    def _skip(self, length: int) -> None:
        if length > len(self._content) - self._at:
            raise ValueError("it is cut short")
        self._at += length
