"""Text in a picture: lines of several fonts, measured, wrapped, shrunk and cut so that they fit a box."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from PIL import Image, ImageDraw

from bot.cards import fonts
from bot.cards.fonts import Face, Fonts

Colour = tuple[int, int, int]

ELLIPSIS = "…"
_HAIR_SPACE = "\u200a"
_JOINERS = {"\u200c", "\u200d", "\ufe0e", "\ufe0f"}
_LEADING = {Face.DISPLAY: 1.12, Face.SERIF: 1.42, Face.SANS: 1.35, Face.STRONG: 1.35}
_LONGEST_LINE = 200  # characters: more fit no line
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Style:
    """A face in a size, in pixels. spaced: with hair spaces between letters, as capitals want."""

    face: Face
    size: int
    spaced: bool = False

    @property
    def leading(self) -> int:
        """The distance of two lines."""
        return round(self.size * _LEADING[self.face])


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that fit a box, in a style. cut: whether the text was longer."""

    lines: tuple[str, ...]
    style: Style
    cut: bool = False

    @property
    def height(self) -> int:
        return len(self.lines) * self.style.leading


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    path: Path


class Typesetter:
    """Measures and draws text in the fonts that there are."""

    def __init__(self, found: Fonts) -> None:
        self._fonts = found

    def legible(self, text: str, face: Face) -> str:
        """Return the text without emoji that no font has; "" if nothing is left, or other characters lack.

        Half a text would mislead, so it is all or nothing. Emoji alone are none either: the message has them.
        """
        kept = ""
        words = dropped = False
        for character in unicodedata.normalize("NFC", " ".join(text.split())):
            if character in _JOINERS:
                kept += "" if dropped else character
                continue
            path = self._fonts.of(character, face)
            if path is None and not _is_pictorial(character):
                return ""
            dropped = path is None
            kept += "" if dropped else character
            words = words or (not dropped and character.isalnum())
        return " ".join(kept.strip("\u200d").split()) if words else ""

    def fit(self, text: str, style: Style, width: int, height: int, *, smallest: int) -> Block:
        """Return the lines of a text in the largest size, from the style's down, in which it fits a box.

        In the smallest size, what does not fit gives way to an ellipsis.
        """
        for size in range(style.size, smallest - 1, -2):
            smaller = replace(style, size=size)
            block = self._wrap(text, smaller, width, most=height // smaller.leading + 1)
            if block.height <= height and not block.cut:
                return block
        last_style = replace(style, size=smallest)
        most = max(1, height // last_style.leading)
        block = self._wrap(text, last_style, width, most=most + 1)
        if len(block.lines) <= most:
            return replace(block, cut=False)
        last = self._ended(" ".join(block.lines[most - 1 :]), block.style, width)
        return Block((*block.lines[: most - 1], last), block.style, cut=True)

    def width(self, text: str, style: Style) -> float:
        """Return how far a line advances."""
        return sum(self._run_width(run, style) for run in self._runs(text, style))

    def draw(
        self, picture: Image.Image, at: tuple[float, float], text: str, style: Style, fill: Colour
    ) -> None:
        """Draw one line with its baseline's left end at a point."""
        pen = ImageDraw.Draw(picture)
        x, y = at
        runs = self._runs(text, style)
        for run in reversed(runs) if reads_leftwards(text) else runs:
            if self._fonts.is_emoji(run.path):
                _paste_emoji(picture, (round(x), round(y)), run, style)
            else:
                font = fonts.load(run.path, style.size)
                pen.text((x, y), run.text, font=font, fill=fill, anchor="ls")
            x += self._run_width(run, style)

    def _run_width(self, run: _Run, style: Style) -> float:
        if self._fonts.is_emoji(run.path):
            scale = style.size / fonts.EMOJI_SIZE
            return fonts.load(run.path, fonts.EMOJI_SIZE).getlength(run.text) * scale
        return fonts.load(run.path, style.size).getlength(run.text)

    def _runs(self, text: str, style: Style) -> list[_Run]:
        """Split a line into parts of one font each; spaces and signs stay in the font before them."""
        runs: list[_Run] = []
        for character in _HAIR_SPACE.join(text) if style.spaced and _is_spaceable(text) else text:
            path = self._path(character, style, runs[-1].path if runs else None)
            if path is None:
                continue
            if runs and runs[-1].path == path:
                runs[-1] = _Run(runs[-1].text + character, path)
            else:
                runs.append(_Run(character, path))
        return runs

    def _path(self, character: str, style: Style, before: Path | None) -> Path | None:
        if character in _JOINERS or unicodedata.combining(character):
            return before
        if before and not character.isalnum() and self._fonts.has(before, character):
            return before  # a full stop within Arabic is ordered with it
        return self._fonts.of(character, style.face)

    def _wrap(self, text: str, style: Style, width: int, *, most: int) -> Block:
        """Break a text into lines, so many at most. cut: a word had to be broken."""
        lines: list[str] = []
        broken = False
        for word in _WORD.findall(text):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(longer, style) <= width:
                lines[-1] = longer
                continue
            pieces = self._pieces(word, style, width, most=most - len(lines))
            broken = broken or (len(pieces) > 1 and not _breaks_anywhere(word))
            lines += pieces
            if len(lines) >= most:
                break
        return Block(tuple(lines), style, cut=broken)

    def _pieces(self, word: str, style: Style, width: int, *, most: int) -> Sequence[str]:
        """Return a word in pieces that are no wider than the line, so many at most."""
        if self.width(word, style) <= width:
            return (word,)
        pieces: list[str] = []
        clusters = _clusters(word)
        while clusters and len(pieces) < most:
            fitting = self._fitting(clusters, "", style, width)
            pieces.append("".join(clusters[:fitting]))
            clusters = clusters[fitting:]
        return pieces

    def _ended(self, text: str, style: Style, width: int) -> str:
        """Return the beginning of a text, at a word's end if that is near, and an ellipsis."""
        clusters = _clusters(text[:_LONGEST_LINE])
        kept = "".join(clusters[: self._fitting(clusters, ELLIPSIS, style, width)])
        shorter = kept.rpartition(" ")[0]
        if len(shorter) > len(kept) * 0.6 and not text[len(kept) :].startswith(" "):
            kept = shorter
        return kept.rstrip(" ,;:.–-") + ELLIPSIS  # noqa: RUF001 (a dash)

    def _fitting(self, clusters: Sequence[str], end: str, style: Style, width: int) -> int:
        """Return how many clusters fit a line together with its end, at least one."""
        few = range(2, min(len(clusters), _LONGEST_LINE) + 1)
        return 1 + bisect_right(
            few, width, key=lambda n: ceil(self.width("".join(clusters[:n]) + end, style))
        )


def reads_leftwards(text: str) -> bool:
    """Return whether a text reads from right to left, by its first letter."""
    kinds = (unicodedata.bidirectional(character) for character in text)
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"


def _paste_emoji(picture: Image.Image, at: tuple[int, int], run: _Run, style: Style) -> None:
    font = fonts.load(run.path, fonts.EMOJI_SIZE)
    left, top, right, bottom = (round(side) for side in font.getbbox(run.text, anchor="ls"))
    if right <= left or bottom <= top:
        return
    tile = Image.new("RGBA", (right - left, bottom - top))
    ImageDraw.Draw(tile).text((-left, -top), run.text, font=font, anchor="ls", embedded_color=True)
    scale = style.size / fonts.EMOJI_SIZE
    small = tile.resize((max(1, round(tile.width * scale)), max(1, round(tile.height * scale))))
    picture.paste(small, (at[0] + round(left * scale), at[1] + round(top * scale)), small)


def _clusters(text: str) -> list[str]:
    """Split a text into what must not be torn apart: a character with its marks and joined emoji."""
    clusters: list[str] = []
    for character in text:
        joined = bool(clusters) and clusters[-1][-1] == "\u200d"
        if clusters and (joined or character in _JOINERS or unicodedata.category(character).startswith("M")):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def _is_pictorial(character: str) -> bool:
    """Return whether a character is an emoji, a sign or part of one: a text reads well without it."""
    return (
        unicodedata.category(character) in ("So", "Sk", "Cf", "Cs", "Co", "Cn", "Me") or character in _JOINERS
    )


def _is_spaceable(text: str) -> bool:
    """Return whether letters may be set apart: those of other scripts join, or carry marks."""
    return all(ord(character) < 0x0590 and not unicodedata.combining(character) for character in text)


def _breaks_anywhere(word: str) -> bool:
    """Return whether a script has no spaces between words."""
    return any(unicodedata.east_asian_width(character) in "WF" for character in word)
