"""The picture: an emblem on a panel at the left, the hero's words at the right."""

import io
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from bot import palette
from bot.cards.card import CardContent
from bot.cards.emblem import draw_emblem
from bot.cards.fonts import Face
from bot.cards.typesetting import Block, Colour, Style, Typesetter, reads_leftwards

WIDTH, HEIGHT = 1200, 750
PANEL = 408  # pixels from the left that the emblem has
LEFT, RIGHT, TOP, BOTTOM = 468, 1136, 66, 684  # of the words
_EMBLEM = 320
_COLOURS = 96  # of the palette: paper, ink, accent, and what lies between them at the edges of letters

_POWER = Style(Face.STRONG, 29, spaced=True)
_NAME = Style(Face.DISPLAY, 92)
_ABOUT = Style(Face.SANS, 31)
_SENTENCE = Style(Face.SERIF, 42)
_SMALL = Style(Face.SANS, 27)
_SCORE = Style(Face.STRONG, 29)


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
    return replace(
        content,
        name=typesetter.legible(content.name, Face.DISPLAY),
        about=typesetter.legible(content.about, Face.SANS),
        power=typesetter.legible(content.power, Face.STRONG),
        sentence=typesetter.legible(content.sentence, Face.SERIF),
        author=typesetter.legible(content.author, Face.SANS),
    )


def draw_picture(content: CardContent, typesetter: Typesetter) -> bytes:
    """Return a card as PNG. Its words must be legible."""
    colours = _colours(content)
    picture = Image.new("RGB", (WIDTH, HEIGHT), colours.paper)
    ImageDraw.Draw(picture).rectangle((0, 0, PANEL - 1, HEIGHT), fill=colours.panel)
    mask = draw_emblem(content.family, content.seed, _EMBLEM)
    corner = ((PANEL - _EMBLEM) // 2, (HEIGHT - _EMBLEM) // 2)
    picture.paste(Image.new("RGB", mask.size, colours.emblem), corner, mask)
    _draw_words(picture, content, colours, typesetter)
    small = picture.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    written = io.BytesIO()
    small.save(written, "PNG", compress_level=6)  # 9 takes 80 ms more and saves 4%
    return written.getvalue()


def _draw_words(
    picture: Image.Image, content: CardContent, colours: _Colours, typesetter: Typesetter
) -> None:
    width = RIGHT - LEFT
    top = float(TOP)
    headline = content.name or content.power or content.about
    if content.power and content.power != headline:
        block = typesetter.fit(content.power.upper(), _POWER, width, 2 * _POWER.leading, smallest=21)
        top = _draw_block(picture, block, top, colours.accent, typesetter) + 12
    block = typesetter.fit(headline, _NAME, width, round(2.1 * _NAME.leading * 0.75), smallest=44)
    top = _draw_block(picture, block, top, colours.ink, typesetter) + 14
    if content.about != headline:
        block = typesetter.fit(content.about, _ABOUT, width, _ABOUT.leading, smallest=22)
        top = _draw_block(picture, block, top, colours.muted, typesetter)
    top += 26
    ImageDraw.Draw(picture).rectangle((LEFT, top, LEFT + 56, top + 3), fill=colours.accent)
    top += 30
    foot = BOTTOM - _SMALL.leading - 22
    if content.sentence:
        block = typesetter.fit(content.sentence, _SENTENCE, width, round(foot - top), smallest=28)
        _draw_block(picture, block, top, colours.ink, typesetter)
    _draw_foot(picture, content, colours, typesetter)


def _draw_foot(picture: Image.Image, content: CardContent, colours: _Colours, typesetter: Typesetter) -> None:
    """Draw who wrote the text, and the votes: arrows, because thumbs are emoji and need a font."""
    x = float(RIGHT)
    pen = ImageDraw.Draw(picture)
    if content.ups or content.downs:
        for number, up in ((content.downs, False), (content.ups, True)):
            said = str(number)
            x -= typesetter.width(said, _SCORE)
            typesetter.draw(picture, (x, BOTTOM), said, _SCORE, colours.ink if up else colours.muted)
            x -= 30
            tip, flat = (BOTTOM - 20, BOTTOM - 3) if up else (BOTTOM - 2, BOTTOM - 19)
            fill = colours.accent if up else colours.muted
            pen.polygon([(x, flat), (x + 20, flat), (x + 10, tip)], fill=fill)
            x -= 34
    block = typesetter.fit(content.author, _SMALL, round(x - LEFT - 10), _SMALL.leading, smallest=20)
    typesetter.draw(picture, (LEFT, BOTTOM), block.lines[0], block.style, colours.muted)


def _draw_block(
    picture: Image.Image, block: Block, top: float, fill: Colour, typesetter: Typesetter
) -> float:
    """Draw lines from a height on, and return where they end."""
    leading = block.style.leading
    for number, line in enumerate(block.lines):
        x = float(LEFT)
        if reads_leftwards(line) and len(block.lines) > 1:
            x = RIGHT - typesetter.width(line, block.style)
        baseline = top + number * leading + (leading + block.style.size * 0.7) / 2
        typesetter.draw(picture, (x, round(baseline)), line, block.style, fill)
    return top + block.height


def _colours(content: CardContent) -> _Colours:
    paper, ink, muted = map(_rgb, palette.CARD_DARK if content.dark else palette.CARD_LIGHT)
    light, dark = map(_rgb, palette.CARD_ACCENTS[content.family])
    if content.dark:
        return _Colours(paper, ink, muted, dark, _mix(paper, dark, 0.13), dark)
    return _Colours(paper, ink, muted, light, light, paper)


def _rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
