"""Fonts: those that come with the bot, and those of the machine for scripts that are too large to ship."""

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum
from functools import cache, lru_cache
from pathlib import Path

from PIL import ImageFont, features

from bot.shipped_files import shipped

_MOST_KEPT = 20_000  # characters whose font is known
EMOJI_SIZE = 109  # pixels: the one size of the coloured font's bitmaps
_EMOJI = ("NotoColorEmoji.ttf",)
_NOTO = ("Arabic", "Hebrew", "Devanagari", "Thai", "Armenian", "Georgian")
# CJK fonts by their usual names; in a collection, the first font has the characters of all four languages
_CJK = {
    False: (
        "NotoSansCJK-Regular.ttc",
        "NotoSansCJKsc-Regular.otf",
        "SourceHanSans-Regular.ttc",
        "wqy-zenhei.ttc",
    ),
    True: ("NotoSansCJK-Bold.ttc", "NotoSansCJKsc-Bold.otf", "SourceHanSans-Bold.ttc", "wqy-zenhei.ttc"),
}
_USUAL_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "C:/Windows/Fonts")
_SUFFIXES = {".ttf", ".otf", ".ttc"}
# letters that are wrong, not only plain, unless a shaper orders and joins them
_SHAPED = ("ARABIC", "HEBREW", "SYRIAC", "THAANA", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA")
_SHAPED_TOO = (
    "TAMIL",
    "TELUGU",
    "KANNADA",
    "MALAYALAM",
    "SINHALA",
    "THAI",
    "LAO",
    "TIBETAN",
    "MYANMAR",
    "KHMER",
)


class Face(Enum):
    """The four voices of a card: the name, the sentence, what is small, and what is small and strong."""

    DISPLAY = "NotoSerif-Bold.ttf"
    SERIF = "NotoSerif-Regular.ttf"
    SANS = "Inter-Regular.otf"
    STRONG = "Inter-SemiBold.otf"

    @property
    def bold(self) -> bool:
        return self in (Face.DISPLAY, Face.STRONG)


class Fonts:
    """Finds the font that has a character.

    folder: of an owner's own fonts, in place of the usual folders of the machine.
    """

    def __init__(self, folder: Path | None = None, *, raqm: bool | None = None) -> None:
        """raqm: whether text is shaped; left out, whether Pillow can."""
        self._folder = folder
        self._can_shape = features.check("raqm") if raqm is None else raqm
        self._found: dict[Face, tuple[Path, ...]] = {}
        self._fallbacks: dict[tuple[Face, str], Path | None] = {}

    def of(self, character: str, face: Face) -> Path | None:
        """Return the first font of a face that has a character; None if none has it, or it needs a shaper."""
        key = (face, character)
        with suppress(KeyError):  # another thread may clear it meanwhile
            return self._fallbacks[key]
        if len(self._fallbacks) > _MOST_KEPT:
            self._fallbacks.clear()
        found = self._fallbacks[key] = self._look_for(character, face)
        return found

    def has(self, path: Path, character: str) -> bool:
        """Return whether a font of letters has a character."""
        return not self.is_emoji(path) and ord(character) in _characters(path)

    def is_emoji(self, path: Path) -> bool:
        return path.name in _EMOJI

    def _look_for(self, character: str, face: Face) -> Path | None:
        if not self._can_shape and needs_shaping(character):
            return None
        return next((path for path in self._chain(face) if ord(character) in _characters(path)), None)

    def _chain(self, face: Face) -> Sequence[Path]:
        if face not in self._found:
            self._found[face] = tuple(self._files(face))
        return self._found[face]

    def _files(self, face: Face) -> Iterator[Path]:
        folder = shipped("data/fonts")
        yield folder / face.value
        for script in _NOTO:
            yield folder / f"NotoSans{script}-{'Bold' if face.bold else 'Regular'}.ttf"
        if self._folder is not None:
            yield from sorted(path for path in self._folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
            return
        names = (*_CJK[face.bold], *_CJK[not face.bold])
        yield from _installed(names)
        yield from _installed(_EMOJI)


@cache
def _installed(names: tuple[str, ...]) -> tuple[Path, ...]:
    """Return the first font of the machine that has one of these names, if any."""
    folders = [folder for folder in (*map(Path, _USUAL_FOLDERS), _own_folder()) if folder.is_dir()]
    found = {path.name: path for folder in folders for path in folder.rglob("*") if path.name in names}
    return tuple(found[name] for name in names if name in found)[:1]


def _own_folder() -> Path:
    return Path("~/.local/share/fonts").expanduser()


@cache
def _characters(path: Path) -> frozenset[int]:
    """Return the characters that a font has; none of a file that is no font."""
    from fontTools.ttLib import TTFont, TTLibError  # noqa: PLC0415 (loaded by the first card)

    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError):
        return frozenset()


@lru_cache(maxsize=64)
def load(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


def needs_shaping(character: str) -> bool:
    return unicodedata.name(character, "").startswith((*_SHAPED, *_SHAPED_TOO))
