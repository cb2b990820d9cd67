"""The encoding and the line ends of a text file."""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from bot.dataset.reading.content import Content, is_binary
from bot.errors import UserError

_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 4096
_UTF_32 = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
_BOMS = _UTF_32 | {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", codecs.BOM_UTF8: "utf-8-sig"}
_FEW_NULS = 0.05  # strayed into a text; more of them are no text
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_NAMES = {"utf-8-sig": "UTF-8", "cp1252": "cp1252 (Windows, Western Europe)"}

# Windows' encodings differ in their letters. Only texts whose letters beyond ASCII are those of one of these
# languages are taken for cp1252; in cp1250, cp1251 and others the same bytes are letters of other languages.
_ALPHABETS = [
    set(letters + letters.upper())
    for letters in (
        "äöüßéèáàçñëïôøå",  # German, with the names of its neighbours
        "àâæçéèêëîïôœùûüÿ",  # French
        "áéíóúüñçï",  # Spanish, Catalan
        "ãõáâàçéêíóôúü",  # Portuguese
        "àèéìíòóùú",  # Italian
        "åäöæøéüèô",  # Danish, Finnish, Norwegian, Swedish
        "éëïöüáóèêíúç",  # Dutch
    )
]
_PUNCTUATION = set("‘’‚“”„«»‹›–—…•€£·°§¡¿ªº©®™´\xa0\xad")  # noqa: RUF001  as word processors set them
_IMPLAUSIBLE = re.compile(r"[a-zà-ÿ][À-ÖØ-Þ]|\w[„‚¡¿]")  # noqa: RUF001  a capital or an opening mark within a word
_SURE_LETTERS = 5  # of two bytes in UTF-8: of GBK's characters, one in seven is such a letter as well
_THREE_BYTES = "\u0800"  # the first character of three bytes in UTF-8
_MOST_LETTERS_BEYOND_ASCII = 0.25  # French has 0.08 of its letters; in other scripts it is nearly all


@dataclass(frozen=True, slots=True)
class Text:
    """A file of text, known to be decodable from end to end."""

    content: Content
    encoding: str
    has_returns: bool  # some carriage returns are not part of a line end
    notes: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.content.name

    def open(self, newline: str | None = None) -> io.TextIOWrapper:
        """Open the text. newline: as of the built-in open."""
        return io.TextIOWrapper(self.content.open(), encoding=self.encoding, newline=newline)

    def sample(self, characters: int) -> str:
        """Return the beginning of the text."""
        with self.open(newline="") as stream:
            return stream.read(characters)


class _Undecodable(ValueError):
    """Bytes that an encoding does not have: their line, and the chunk that holds them."""


def open_text(content: Content) -> Text:
    """Find the encoding, and read the file to its end. Raises UserError if it is no text, with the line.

    Without a mark it is UTF-8, UTF-16 or UTF-32; else cp1252, if the letters are those of a language of
    Western Europe. No other encoding is guessed.
    """
    encoding = _encoding_of(content)
    try:
        line_ends = _decode(content, encoding)
    except _Undecodable as error:
        if encoding != "utf-8-sig":
            raise UserError(
                f"{content.name} is damaged: it is {encoding.upper()}, but not to its end."
            ) from error
        line, chunk = error.args
        if is_binary(chunk):
            raise UserError(f"{content.name} is no text, and no kind of file that is known here.") from error
        if sentence := _line_of_another_encoding(content):
            raise UserError(sentence) from error
        if not _is_western(chunk for chunk, _ in _chunks(content)):
            raise UserError(
                f"Line {line} of {content.name} is not in UTF-8. Save the file as UTF-8 "
                "(in Excel: the file type CSV UTF-8) and try again."
            ) from error
        encoding = "cp1252"
        line_ends = _decode(content, encoding)
    bom = content.head().startswith(codecs.BOM_UTF8)
    alone = line_ends == {"\r"}
    name = _NAMES.get(encoding, encoding.upper())
    notes = () if encoding == "utf-8-sig" else (f"The file is not in UTF-8; it is read as {name}.",)
    deviations = (
        *((f"It is in {name} in place of UTF-8.",) if notes else ()),
        *(("It begins with a byte order mark.",) if bom else ()),
        *(("Its lines end with a carriage return alone.",) if alone else ()),
    )
    return Text(content, encoding, "\r" in line_ends, notes, deviations)


def _encoding_of(content: Content) -> str:
    """Return the encoding that the beginning shows; utf-8-sig, for UTF-8 with and without mark, if none."""
    with content.open() as stream:
        head = stream.read(_SAMPLE_BYTES)
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return encoding
    if b"\0" in head:
        for encoding in _WIDE:
            if _is_text(head[: len(head) // 4 * 4], encoding):
                return encoding
        if head.count(b"\0") > len(head) * _FEW_NULS:
            raise UserError(f"{content.name} is no text, and no kind of file that is known here.")
    return "utf-8-sig"


def _is_text(data: bytes, encoding: str) -> bool:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    return 2 * sum(character.isascii() for character in text) > len(text) and "\0" not in text


def _decode(content: Content, encoding: str) -> set[str]:
    r"""Decode to the end. Return the kinds of line ends: \n, \r\n, \r."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=False)
    line = 1
    for chunk, final in _chunks(content):
        try:
            text = decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(error.encoding, "ignore")
            raise _Undecodable(line + _count_ends(before), error.object) from error
        if "\0" in text:
            at = line + _count_ends(text[: text.index("\0")])
            raise UserError(
                f"Line {at} of {content.name} holds a NUL byte, which is no text: take it out and try again."
            )
        line += _count_ends(text)
    kinds: str | tuple[str, ...] | None = decoder.newlines
    return set([kinds] if isinstance(kinds, str) else kinds or ())


def _count_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _chunks(content: Content) -> Iterator[tuple[bytes, bool]]:
    with content.open() as stream:
        for chunk in iter(partial(stream.read, _CHUNK_BYTES), b""):
            yield chunk, False
    yield b"", True


def _is_western(chunks: Iterable[bytes]) -> bool:
    """Return whether a file, or some of it, reads as a language of Western Europe in cp1252."""
    found: set[str] = set()
    letters = beyond = 0
    for chunk in chunks:
        try:
            text = chunk.decode("cp1252")
        except UnicodeDecodeError:
            return False
        if is_binary(chunk) or _IMPLAUSIBLE.search(text):
            return False
        others = [character for character in text if character > "\x7f"]
        found.update(others)
        beyond += len(others)
        letters += len(text)
    written = found - _PUNCTUATION
    return beyond < letters * _MOST_LETTERS_BEYOND_ASCII and any(written <= letters for letters in _ALPHABETS)


def _line_of_another_encoding(content: Content) -> str | None:
    """Return a sentence on the first line that does not fit, if the file was put together from several.

    Lines of other encodings may happen to be UTF-8: many pairs of bytes that are a character of GBK or EUC-KR
    are one letter there. So lines of UTF-8 are told from them by their number, by what they hold, or by the
    other lines.
    """
    lines: dict[bool, list[int]] = {True: [], False: []}  # by whether they are in UTF-8
    sure = 0
    for number, line in enumerate(_lines(content), 1):
        if not line.isascii():
            lines[_is_utf_8(line)].append(number)
            sure += _is_surely_utf_8(line)
    odd = len(lines[True]) < len(lines[False])
    if not lines[True] or not (
        len(lines[True]) > len(lines[False])
        or 2 * sure > len(lines[True])
        or _is_western(line for line in _lines(content) if line.isascii() or not _is_utf_8(line))
    ):
        return None
    is_odd = "is in UTF-8, and the others are not" if odd else "is not in UTF-8, and the others are"
    total = len(lines[True]) + len(lines[False])
    return (
        f"Line {lines[odd][0]} of {content.name} {is_odd} ({len(lines[odd])} of {total} lines with letters "
        "such as é). If the file was put together from several, save each of them as UTF-8 first (or use "
        "iconv); else type the line's letters anew, and save the file as UTF-8."
    )


def _lines(content: Content) -> Iterator[bytes]:
    with content.open() as stream:
        for read in stream:
            yield from read.removesuffix(b"\n").removesuffix(b"\r").split(b"\r")


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_surely_utf_8(line: bytes) -> bool:
    """Return whether a line is in UTF-8, and with so much of it that this is no accident."""
    if not _is_utf_8(line):
        return False
    letters = [character for character in line.decode() if character > "\x7f"]
    return len(letters) >= _SURE_LETTERS or max(letters, default="") >= _THREE_BYTES
