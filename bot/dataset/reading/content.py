"""The bytes of a file: as they lie on the disk, or unpacked from the archive that holds them."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from bot.errors import UserError

MAX_BYTES = 512 * 1024 * 1024  # of a file, and of what an archive unpacks to

_HEAD_BYTES = 1024
_CHUNK_BYTES = 1 << 20

_Opener = Callable[[Path], Any]  # a stream of bytes
_COMPRESSED: dict[bytes, tuple[str, _Opener]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\0": ("xz", lzma.open),
}
_OFFICE = {
    "content.xml": "an OpenDocument file: save the sheet as .xlsx or as CSV",
    "word/document.xml": "a Word document: save its text as plain text, or as a table in CSV",
    "ppt/presentation.xml": "a presentation: save its text as plain text",
    "xl/workbook.bin": "a binary Excel workbook (.xlsb): save it as .xlsx or as CSV",
}
_OTHERS = {
    b"%PDF": "a PDF document: copy its texts into a table and save that as CSV",
    b"{\\rtf": "a rich text document: save it as plain text or CSV",
    b"\xd0\xcf\x11\xe0": "an old Office document (.xls, .doc): save it as .xlsx or as CSV",
    b"PARE": "an encrypted Parquet file: write it without encryption",
    b"ARROW1": "an Arrow file: write it as Parquet, with `to_parquet` of the datasets library",
    b"FEA1": "a Feather file: write it as Parquet",
    b"ORC": "an ORC file: write it as Parquet",
    b"Obj\x01": "an Avro file: write it as Parquet or JSONL",
    b"SQLite format 3\0": "an SQLite database: save the table as CSV",
    b"Rar!": "a RAR archive: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "packed with zstd: unpack it first",
    b"\x04\x22\x4d\x18": "packed with lz4: unpack it first",
    b"\x89PNG": "a picture: only tables and texts are read",
    b"\xff\xd8\xff": "a picture: only tables and texts are read",
    b"GIF8": "a picture: only tables and texts are read",
    b"RIFF": "a recording or a picture: only tables and texts are read",
    b"OggS": "a recording: only tables and texts are read",
    b"ID3": "a recording: only tables and texts are read",
    b"\x93NUMPY": "a NumPy array: save the table as CSV or Parquet",
    b"\x89HDF": "an HDF5 file: save the table as CSV or Parquet",
    b"\x80\x02": "a Python pickle: save the table as CSV or Parquet",
    b"\x80\x03": "a Python pickle: save the table as CSV or Parquet",
    b"\x80\x04": "a Python pickle: save the table as CSV or Parquet",
    b"\x80\x05": "a Python pickle: save the table as CSV or Parquet",
    b"\x7fELF": "a program: only tables and texts are read",
    b"MZ": "a program: only tables and texts are read",
}
_LETTERS = (b"MZ", b"ORC", b"RIFF", b"ID3", b"PARE", b"BZh", b"FEA1", b"OggS", b"GIF8", b"Rar!")


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be read of a file."""

    name: str  # in messages
    suffix: str  # in lower case; of a packed file, that of what is inside
    open: Callable[[], IO[bytes]]
    packed: bool = False
    notes: tuple[str, ...] = ()

    def head(self) -> bytes:
        """Return the first bytes, which tell the kind of file."""
        with self.open() as stream:
            return stream.read(_HEAD_BYTES)

    def open_seekable(self) -> IO[bytes]:
        """Open for readers that jump about in a file. A packed one is unpacked into memory."""
        if not self.packed:
            return self.open()
        with self.open() as stream:
            return io.BytesIO(stream.read())


def open_content(path: Path) -> Content:
    """Open a file, and the archive if it is one of a single file. Raises UserError if it cannot be read.

    What an archive holds is unpacked once, to know that it is sound and not too large.
    """
    with guarded(path.name):
        if not path.exists():
            raise UserError(f"There is no {path.name}: check the name and the folder.")
        if not path.is_file():
            raise UserError(f"{path.name} is no regular file: save the data in a file first.")
        check_size(path.name, path.stat().st_size)
        if path.stat().st_size == 0:
            raise UserError(f"{path.name} is empty: choose a file with rows in it.")
        plain = Content(path.name, path.suffix.lower(), partial(_open_plain, path))
        content = _unpacked(path, plain.head()) or plain
        _refuse_unreadable(content)
        return content


def _open_plain(path: Path) -> IO[bytes]:
    return path.open("rb")


def check_size(name: str, size: int) -> None:
    """Raise UserError if a file has too many bytes, or unpacks to too many."""
    if size > MAX_BYTES:
        raise UserError(
            f"{name} is larger than {MAX_BYTES // 1024**2} MB, or unpacks to that: split it into several."
        )


@contextmanager
def guarded(name: str) -> Iterator[None]:
    """Raise UserError if the file cannot be read, now or within the block."""
    try:
        yield
    except (zlib.error, lzma.LZMAError, EOFError, BadZipFile, gzip.BadGzipFile, NotImplementedError) as error:
        raise UserError(f"{name} is damaged: make the file anew, or unpack it first.") from error
    except MemoryError:
        raise UserError(f"{name} does not fit into memory: split it into several files.") from None
    except UnicodeError as error:
        raise UserError(f"{name} has changed while it was read: try again.") from error
    except OSError as error:
        raise UserError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}.") from error


def _unpacked(path: Path, head: bytes) -> Content | None:
    """Return what a packed file holds; None if it is none, or a workbook."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_member(path)
    for magic, (packer, opener) in _COMPRESSED.items():
        if _begins_with(head, magic):
            inner = PurePosixPath(path.stem if path.suffix.lower() in {".gz", ".bz2", ".xz"} else path.name)
            note = f"The file is unpacked with {packer}."
            content = Content(
                path.name, inner.suffix.lower(), partial(opener, path), packed=True, notes=(note,)
            )
            return _measured(content)
    return None


def _zip_member(path: Path) -> Content | None:
    with ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
    names = [member.filename for member in members]
    if "xl/workbook.xml" in names:
        check_size(path.name, sum(member.file_size for member in members))
        return None
    for name, kind in _OFFICE.items():
        if name in names:
            raise UserError(f"{path.name} is {kind}.")
    files = [name for name in names if not _is_litter(name)]
    if len(files) != 1:
        listed = ", ".join(files[:5]) + (", ..." if len(files) > 5 else "")
        inside = f"{len(files)} files ({listed})" if files else "no file"
        raise UserError(f"{path.name} is an archive with {inside}: unpack it, and choose one file.")
    member = next(member for member in members if member.filename == files[0])
    if member.flag_bits & 1:
        raise UserError(f"{path.name} is encrypted: unpack it first.")
    check_size(path.name, member.file_size)
    content = Content(
        f"{member.filename} in {path.name}",
        PurePosixPath(member.filename).suffix.lower(),
        partial(_open_member, path, member.filename),
        packed=True,
        notes=(f"The archive's only file, {member.filename}, is read.",),
    )
    return _measured(content)


def _open_member(path: Path, name: str) -> IO[bytes]:
    with ZipFile(path) as archive:
        return archive.open(name)  # it keeps the archive's file open until it is closed itself


def _is_litter(name: str) -> bool:
    """Return whether a file of an archive is one that the archiver or the desktop made."""
    path = PurePosixPath(name)
    return (
        path.name.startswith(".") or path.parts[0] == "__MACOSX" or path.name in {"Thumbs.db", "desktop.ini"}
    )


def _measured(content: Content) -> Content:
    """Unpack to the end. Raises UserError if it is empty, too large, damaged, or packed in an unknown way."""
    size = 0
    try:
        with content.open() as stream:
            for chunk in iter(partial(stream.read, _CHUNK_BYTES), b""):
                size += len(chunk)
                check_size(content.name, size)
    except (NotImplementedError, RuntimeError) as error:
        raise UserError(
            f"{content.name} is packed in a way that is not known here: unpack it first."
        ) from error
    if not size:
        raise UserError(f"{content.name} is empty: choose a file with rows in it.")
    return content


def _refuse_unreadable(content: Content) -> None:
    head = content.head()
    if content.packed and _is_archive(content, head):
        raise UserError(f"{content.name} is another archive: unpack it first.")
    if head[257:262] == b"ustar":
        raise UserError(f"{content.name} is a tar archive: unpack it, and choose one file.")
    for magic, kind in _OTHERS.items():
        if _begins_with(head, magic):
            raise UserError(f"{content.name} is {kind}.")


def _is_archive(content: Content, head: bytes) -> bool:
    if head.startswith(b"PK\x03\x04"):
        return not is_workbook(content)
    return any(_begins_with(head, magic) for magic in _COMPRESSED)


def is_workbook(content: Content) -> bool:
    """Return whether the content is an Excel workbook, .xlsx."""
    if not content.head().startswith(b"PK\x03\x04"):
        return False
    with content.open_seekable() as stream, ZipFile(stream) as archive:
        return "xl/workbook.xml" in archive.namelist()


def _begins_with(head: bytes, magic: bytes) -> bool:
    """Return whether a file begins so; a text may begin with some of these letters as well."""
    return head.startswith(magic) and (magic not in _LETTERS or is_binary(head))


def is_binary(head: bytes) -> bool:
    """Return whether there are control characters, which no text in an encoding of one byte has."""
    return any(byte < 32 and byte not in b"\t\n\r\x0c\x1a\x1b" for byte in head)
