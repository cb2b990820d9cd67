"""The picture: an emblem on a panel at the left, the hero's words at the right."""

import io
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageDraw

from bot import palette
from bot.cards.card import CardContent
from bot.cards.emblem import draw_emblem
from bot.cards.fonts import Face
from bot.cards.typesetting import ELLIPSIS, Block, Colour, Style, Typesetter, reads_leftwards

WIDTH, HEIGHT = 1200, 750
PANEL = 408  # pixels from the left that the emblem has
LEFT, RIGHT, TOP, BOTTOM = 468, 1136, 66, 684  # of the words
_EMBLEM = 336
_COLOURS = 96  # of the palette: paper, ink, accent, and what lies between them at the edges of letters

_POWER = Style(Face.STRONG, 29, spaced=True)
_NAME = Style(Face.DISPLAY, 84)
_HEADLINE = 150  # pixels of height: one line in full size, two smaller ones
_ABOUT = Style(Face.SANS, 31)
_SENTENCE = Style(Face.SERIF, 46)
_SMALL = Style(Face.SANS, 27)
_SCORE = Style(Face.STRONG, 29)


@dataclass(frozen=True, slots=True)
class Placed:
    """Lines of text at a place, in a colour of the card by its name."""

    block: Block
    left: int
    top: int
    colour: str

    @property
    def bottom(self) -> int:
        return self.top + self.block.height


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the words stand, the line below the hero, and the arrows of votes: where, and whether up."""

    words: tuple[Placed, ...]
    rule: int
    arrows: tuple[tuple[tuple[int, int], bool], ...]


@dataclass(frozen=True, slots=True)
class _Colours:
    paper: Colour
    ink: Colour
    muted: Colour
    accent: Colour
    panel: Colour
    emblem: Colour


def legible(content: CardContent, typesetter: Typesetter) -> CardContent:
    """Return a card without the words that no font can show: nothing is drawn as empty boxes."""
    longest = {"name": 90, "about": 90, "power": 120, "sentence": 480, "author": 90}  # more fit no card
    faces = {"name": Face.DISPLAY, "power": Face.STRONG, "sentence": Face.SERIF}
    shown: dict[str, Any] = {}
    for field, most in longest.items():
        text = getattr(content, field)
        text = text if len(text) <= most else f"{text[:most].rstrip()}{ELLIPSIS}"
        shown[field] = typesetter.legible(text, faces.get(field, Face.SANS))
    return replace(content, **shown)


def draw_picture(content: CardContent, typesetter: Typesetter) -> bytes:
    """Return a card as PNG. Its words must be legible."""
    colours = _colours(content)
    picture = Image.new("RGB", (WIDTH, HEIGHT), colours.paper)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, PANEL - 1, HEIGHT), fill=colours.panel)
    mask = draw_emblem(content.family, content.seed, _EMBLEM)
    corner = ((PANEL - _EMBLEM) // 2, (HEIGHT - _EMBLEM) // 2)
    picture.paste(Image.new("RGB", mask.size, colours.emblem), corner, mask)
    layout = lay_out(content, typesetter)
    pen.rectangle((LEFT, layout.rule, LEFT + 56, layout.rule + 3), fill=colours.accent)
    for placed in layout.words:
        _draw_words(picture, placed, getattr(colours, placed.colour), typesetter)
    for (x, y), up in layout.arrows:
        flat, tip = (y - 3, y - 20) if up else (y - 19, y - 2)
        pen.polygon([(x, flat), (x + 20, flat), (x + 10, tip)], fill=colours.accent if up else colours.muted)
    small = picture.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    written = io.BytesIO()
    small.save(written, "PNG", compress_level=6)  # 9 takes 80 ms more and saves 4%
    return written.getvalue()


def lay_out(content: CardContent, typesetter: Typesetter) -> Layout:
    """Return where everything stands. The headline is the name, or what there is in its place."""
    words: list[Placed] = []
    width, top = RIGHT - LEFT, TOP

    def add(block: Block, colour: str) -> int:
        words.append(Placed(block, LEFT, top, colour))
        return top + block.height

    headline = content.name or content.power or content.about
    if content.power and content.name:
        power = content.power.upper()
        top = add(typesetter.fit(power, _POWER, width, 2 * _POWER.leading, smallest=21), "accent") + 12
    top = (
        add(typesetter.fit(headline[:1].upper() + headline[1:], _NAME, width, _HEADLINE, smallest=44), "ink")
        + 10
    )
    if content.about not in ("", headline):
        top = add(typesetter.fit(content.about, _ABOUT, width, _ABOUT.leading, smallest=22), "muted")
    rule = top + 24
    top = rule + 30
    foot, arrows = _lay_out_foot(content, typesetter)
    if content.sentence:
        height = foot[0].top - 22 - top
        add(typesetter.fit(content.sentence, _SENTENCE, width, height, smallest=26), "ink")
    return Layout((*words, *foot), rule, arrows)


def _lay_out_foot(
    content: CardContent, typesetter: Typesetter
) -> tuple[list[Placed], tuple[tuple[tuple[int, int], bool], ...]]:
    """Return who wrote the text, and the votes: with arrows, because thumbs are emoji and need a font."""
    x, top = RIGHT, BOTTOM - _SMALL.leading + 9
    numbers: list[Placed] = []
    arrows: list[tuple[tuple[int, int], bool]] = []
    if content.ups or content.downs:
        for number, up in ((content.downs, False), (content.ups, True)):
            block = typesetter.fit(str(number), _SCORE, 200, _SCORE.leading, smallest=_SCORE.size)
            x -= round(typesetter.width(block.lines[0], _SCORE))
            numbers.append(Placed(block, x, top - 1, "ink" if up else "muted"))
            arrows.append(((x - 30, BOTTOM + 1), up))
            x -= 64
    author = typesetter.fit(content.author, _SMALL, x - LEFT - 10, _SMALL.leading, smallest=20)
    return [Placed(author, LEFT, top, "muted"), *numbers], tuple(arrows)


def _draw_words(picture: Image.Image, placed: Placed, fill: Colour, typesetter: Typesetter) -> None:
    block = placed.block
    leading = block.style.leading
    for number, line in enumerate(block.lines):
        x: float = placed.left
        if reads_leftwards(line) and len(block.lines) > 1:
            x = RIGHT - typesetter.width(line, block.style)
        baseline = placed.top + number * leading + (leading + block.style.size * 0.7) / 2
        typesetter.draw(picture, (x, round(baseline)), line, block.style, fill)


def _colours(content: CardContent) -> _Colours:
    paper, ink, muted = map(_rgb, palette.CARD_DARK if content.dark else palette.CARD_LIGHT)
    light, dark = map(_rgb, palette.CARD_ACCENTS.get(content.family, palette.CARD_ACCENTS[""]))
    if content.dark:
        return _Colours(paper, ink, muted, dark, _mix(paper, dark, 0.13), dark)
    return _Colours(paper, ink, muted, light, light, paper)


def _rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
