"""Detect the encoding of a text file."""

import codecs
from functools import partial
from pathlib import Path

from bot.errors import UserError

_CHUNK_BYTES = 1 << 20
_UTF_16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNHELPFUL_GUESSES = ("ascii", "utf_8")  # a guess from a few bytes, though decoding as these has failed


def detect_encoding(path: Path) -> str:
    """Return the encoding to open a text file with: UTF-16 if the file begins with its BOM, else UTF-8.

    The whole file is read. Raises UserError if it is not text in that encoding.
    """
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in _UTF_16_BOMS else "utf-8-sig"
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        line = 1
        for chunk in iter(partial(file.read, _CHUNK_BYTES), b""):
            line += _count_lines(path, decoder, chunk, line)
        _count_lines(path, decoder, b"", line, final=True)
    return encoding


def _count_lines(
    path: Path, decoder: codecs.IncrementalDecoder, chunk: bytes, line: int, *, final: bool = False
) -> int:
    """Return how many lines a chunk ends. Raises UserError if it is not text.

    line: the line number at the start of the chunk, for the error.
    """
    try:
        text = decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        at = line + error.object[: error.start].decode(error.encoding, "ignore").count("\n")
        raise UserError(
            f"{path}, line {at}: this is not {error.encoding.upper()}{_guess_text(error)}. "
            f"Save it as UTF-8, or convert it: iconv -f ENCODING -t UTF-8 {path.name} > utf8-{path.name}"
        ) from None
    if "\0" in text:
        at = line + text.count("\n", 0, text.index("\0"))
        raise UserError(
            f"{path}, line {at}: there is a NUL byte, so this is no text, or UTF-16 without its mark. "
            "Save the file as UTF-8."
        )
    return text.count("\n")


def _guess_text(error: UnicodeDecodeError) -> str:
    from charset_normalizer import from_bytes  # noqa: PLC0415  imported only for files that cannot be read

    around = error.object[max(0, error.start - 20_000) : error.start + 20_000]
    best = from_bytes(around).best()
    return f" but may be {best.encoding}" if best and best.encoding not in _UNHELPFUL_GUESSES else ""
