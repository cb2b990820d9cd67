"""Encoding: how the bytes of a text file are to be read."""

import codecs
from functools import partial
from pathlib import Path

from bot.errors import UserError

_CHUNK = 1 << 20  # bytes
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TELLS_NOTHING = ("ascii", "utf_8")  # what a guess from a few bytes may come to, though these are not read


def encoding_of(path: Path) -> str:
    """The encoding to open a text file with: UTF-8, or UTF-16 where the file begins with its mark.

    The whole file is looked through. Raises UserError where it is not text in that encoding.
    """
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in _UTF_16 else "utf-8-sig"
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        line = 1
        for chunk in iter(partial(file.read, _CHUNK), b""):
            line += _lines(path, decoder, chunk, line)
        _lines(path, decoder, b"", line, final=True)
    return encoding


def _lines(
    path: Path, decoder: codecs.IncrementalDecoder, chunk: bytes, line: int, *, final: bool = False
) -> int:
    """How many lines a chunk ends, all of it being text."""
    try:
        text = decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        at = line + error.object[: error.start].decode(error.encoding, "ignore").count("\n")
        raise UserError(
            f"{path}, line {at}: this is not {error.encoding.upper()}{_guess(error)}. "
            f"Save it as UTF-8, or convert it: iconv -f ENCODING -t UTF-8 {path.name} > utf8-{path.name}"
        ) from None
    if "\0" in text:
        at = line + text.count("\n", 0, text.index("\0"))
        raise UserError(
            f"{path}, line {at}: there is a NUL byte, so this is no text, or UTF-16 without its mark. "
            "Save the file as UTF-8."
        )
    return text.count("\n")


def _guess(error: UnicodeDecodeError) -> str:
    from charset_normalizer import from_bytes  # noqa: PLC0415  for those alone whose file cannot be read

    around = error.object[max(0, error.start - 20_000) : error.start + 20_000]
    best = from_bytes(around).best()
    return f" but may be {best.encoding}" if best and best.encoding not in _TELLS_NOTHING else ""
