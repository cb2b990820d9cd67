"""The files of a gallery: a page that needs no server, its texts as JSON lines, and character cards."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bot.errors import UserError
from bot.gallery.entry import GalleryEntry
from bot.i18n.message import Translator
from bot.local_page.localization import render_page

PAGE_FOLDER = Path(__file__).parent / "page"
_INDEX = "index.html"
_GENERATOR = '<meta name="generator" content="Herosmith gallery">'
_FOLDERS = ("characters", "cards")  # whose files are replaced when a gallery is written anew


def site_files(entries: Sequence[GalleryEntry], t: Translator) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a gallery, by path."""
    yield _INDEX, _page(t)
    for name in ("gallery.css", "gallery.js"):
        yield name, (PAGE_FOLDER / name).read_bytes()
    rows = [entry.row() for entry in entries]
    # a script, because a page from a disk may load no other file; ASCII, so that no text can end it
    yield (
        "heroes.js",
        f"const HEROES = {json.dumps(rows, separators=(',', ':'))};\n".replace("<", "\\u003c").encode(),
    )
    yield "heroes.jsonl", b"".join(_json(row) for row in rows)
    for entry in entries:
        yield f"characters/{entry.id}.json", _json(entry.character_card(), indent=1)


def zip_site(entries: Sequence[GalleryEntry], t: Translator) -> bytes:
    """Return a gallery as a zip file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in site_files(entries, t):
            archive.writestr(f"herosmith/{name}", content)
    return packed.getvalue()


def check_folder(folder: Path) -> None:
    """Raise UserError if a folder has files that are no gallery's: they would be mixed up with it."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError("{folder} is a file. Give a folder, which need not exist yet.", folder=str(folder))
    index = folder / _INDEX
    if any(folder.iterdir()) and not (index.is_file() and _GENERATOR in index.read_text(errors="replace")):
        raise UserError(
            "{folder} has other files in it. Give an empty folder, or one with an earlier gallery.",
            folder=str(folder),
        )


def begin_site(folder: Path, t: Translator) -> None:
    """Make a folder a gallery's, so that one whose writing was broken off can be written anew.

    Raise UserError as check_folder() does, or if the folder cannot be written to.
    """
    check_folder(folder)
    if not (folder / _INDEX).exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _INDEX).write_bytes(_page(t))
        except OSError as error:
            raise not_written(folder, error) from error


def write_site(folder: Path, entries: Sequence[GalleryEntry], t: Translator) -> int:
    """Write a gallery into a folder, in place of an earlier one, and return how many files it has.

    Files of texts that are no longer in it are deleted. Raise UserError as check_folder() does, or if the
    folder cannot be written to.
    """
    check_folder(folder)
    written = {folder / entry.picture for entry in entries if entry.picture}
    try:
        for name, content in site_files(entries, t):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.add(path)
        for each in _FOLDERS:
            for path in (folder / each).glob("*"):
                if path not in written:
                    path.unlink()
    except OSError as error:
        raise not_written(folder, error) from error
    return len(written)


def not_written(folder: Path, error: OSError) -> UserError:
    """Return what to tell about a folder that cannot be written to."""
    return UserError(
        "The gallery could not be written to {folder}: {reason}. Give another folder, or free its disk.",
        folder=str(folder),
        reason=error.strerror or str(error),
    )


def _page(t: Translator) -> bytes:
    return render_page(PAGE_FOLDER, t, t.code).encode()


def _json(value: object, indent: int | None = None) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False, indent=indent)}\n".encode()
