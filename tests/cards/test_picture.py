"""The picture of a card: nothing overflows, nothing is an empty box, and equal cards are equal files."""

import io
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from bot import palette
from bot.cards.card import CardContent
from bot.cards.emblem import draw_emblem
from bot.cards.fonts import Face, Fonts
from bot.cards.picture import BOTTOM, HEIGHT, LEFT, PANEL, RIGHT, WIDTH, draw_picture, lay_out, legible
from bot.cards.typesetting import ELLIPSIS, Style, Typesetter
from bot.heroes.power_families import FAMILIES
from bot.shipped_files import shipped

SETTER = Typesetter(Fonts())
PLAIN = CardContent(
    "Mira",
    "40-year-old woman",
    "healing",
    "When a stray dog limps in, she mends its paw.",
    "Written by model 3",
)
LONG_WORD = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"
CARDS = {
    "plain": PLAIN,
    "with votes": replace(PLAIN, ups=123_456, downs=98_765),
    "no name": replace(PLAIN, name=""),
    "no sentence": replace(PLAIN, sentence=""),
    "only a model": CardContent("", "", "", "", "Written by the base model"),
    "name of 300 characters": replace(PLAIN, name="Wilhelmina " * 27),
    "name of one long word": replace(PLAIN, name=LONG_WORD * 5),
    "power of 60 characters": replace(
        PLAIN, power="walking through walls of water while whistling wild waltzes"
    ),
    "power of one long word": replace(PLAIN, power=LONG_WORD.lower()),
    "long power as the headline": replace(PLAIN, name="", power=LONG_WORD.lower() + "en"),
    "long sentence": replace(PLAIN, sentence="When the wind howls over the wide white world, " * 12),
    "everything long": CardContent(
        "Wilhelmina Maximiliana " * 12,
        "1234567890-year-old " * 8,
        "w" * 60,
        "W" * 900,
        "Written by " * 20,
        ups=10**9,
        downs=10**9,
    ),
    "wide letters": replace(PLAIN, name="WWWWWWWW MMMMMMMM", sentence="MWMWMW " * 60),
    "high letters and marks": replace(PLAIN, name="Ậ́ỄỒjgÇ̧", sentence="Ậ́ỄỒjgÇ̧ " * 30),
    "arabic": replace(
        PLAIN, power="الشفاء باللمس", name="ليلى", sentence="عندما يسقط طائر من السماء تمسكه بيدها. " * 4
    ),
    "hebrew": replace(PLAIN, power="ריפוי בנגיעה"),
    "devanagari": replace(PLAIN, power="स्पर्श से उपचार"),
    "greek and russian": replace(PLAIN, name="Ελένη Иванова", power="θεραπεία и полёт"),
}


def picture(content: CardContent) -> Image.Image:
    return Image.open(io.BytesIO(draw_picture(legible(content, SETTER), SETTER))).convert("RGB")


def margins(of: Image.Image) -> list[Image.Image]:
    """Return what is around the words: between the panel and them, right of them, above and below."""
    boxes = (
        (PANEL, 0, LEFT - 8, HEIGHT),
        (RIGHT + 4, 0, WIDTH, HEIGHT),
        (PANEL, 0, WIDTH, 30),
        (PANEL, BOTTOM + 22, WIDTH, HEIGHT),
    )
    return [of.crop(box) for box in boxes]


@pytest.mark.parametrize("content", CARDS.values(), ids=CARDS)
def test_words_stay_in_their_place(content: CardContent) -> None:
    shown = legible(content, SETTER)
    placed = lay_out(shown, SETTER).words
    for one in placed:
        for line in one.block.lines:
            assert SETTER.width(line, one.block.style) <= RIGHT - one.left + 1, line
    column = sorted((one for one in placed if one.left == LEFT), key=lambda one: one.top)
    for above, below in pairwise(column):
        assert above.bottom <= below.top, (above, below)
    for dark in (False, True):
        drawn = picture(replace(content, dark=dark))
        paper = Image.new("RGB", (1, 1), (palette.CARD_DARK if dark else palette.CARD_LIGHT)[0]).getpixel(
            (0, 0)
        )
        for edge in margins(drawn):
            blank = Image.new("RGB", edge.size, paper)
            worst = max(high for _, high in ImageChops.difference(edge, blank).getextrema())  # type: ignore[misc]
            assert worst < 12


def test_what_is_cut_ends_with_an_ellipsis_and_the_rest_does_not() -> None:
    style = Style(Face.SERIF, 42)
    whole = SETTER.fit("A short text.", style, 600, 200, smallest=28)
    assert (whole.lines, whole.style.size, whole.cut) == (("A short text.",), 42, False)
    smaller = SETTER.fit("A somewhat longer text about somebody. " * 3, style, 600, 200, smallest=28)
    assert smaller.style.size < 42
    assert not smaller.cut
    cut = SETTER.fit("A very long text about everybody. " * 30, style, 600, 200, smallest=28)
    assert cut.style.size == 28
    assert cut.cut
    assert cut.lines[-1].endswith(ELLIPSIS)
    assert cut.height <= 200


def test_equal_cards_are_equal_files_and_each_word_counts() -> None:
    first = draw_picture(PLAIN, SETTER)
    assert draw_picture(PLAIN, Typesetter(Fonts())) == first
    others = [
        replace(PLAIN, name="Mina"),
        replace(PLAIN, about="41-year-old woman"),
        replace(PLAIN, power="heating"),
        replace(PLAIN, sentence="She sleeps."),
        replace(PLAIN, author="Written by model 4"),
        replace(PLAIN, ups=1),
        replace(PLAIN, seed=1),
        replace(PLAIN, family="time"),
        replace(PLAIN, dark=True),
    ]
    assert len({first, *(draw_picture(other, SETTER) for other in others)}) == len(others) + 1
    assert len({PLAIN.digest, *(other.digest for other in others)}) == len(others) + 1


def test_every_family_has_a_colour_and_an_emblem_of_its_own() -> None:
    assert set(palette.CARD_ACCENTS) == {*FAMILIES, ""}
    emblems = {family: draw_emblem(family, 7, 120).tobytes() for family in (*FAMILIES, "")}
    assert len(set(emblems.values())) == len(emblems)
    for family in FAMILIES:
        kin = {draw_emblem(family, seed, 120).tobytes() for seed in range(6)}
        assert len(kin) > 2, family


def test_emblems_stay_in_their_ring() -> None:
    size = 200
    ring = Image.new("L", (size, size))
    for family in (*FAMILIES, ""):
        for seed in range(4):
            drawn = draw_emblem(family, seed, size)
            corner = drawn.crop((0, 0, 24, 24))  # outside of the circle
            assert not corner.getbbox(), (family, seed)
            assert ImageChops.difference(drawn, ring).getbbox()


@pytest.mark.parametrize("text", ["日本語", "한국어", "ကာ", "a 日 b", "🔥🔥", "☂️", "\ue000"])
def test_a_text_that_no_font_shows_is_left_out_and_not_drawn_as_boxes(text: str, tmp_path: Path) -> None:
    setter = Typesetter(Fonts(tmp_path))  # a folder without fonts takes the place of the machine's
    assert setter.legible(text, Face.STRONG) == ""
    shown = legible(replace(PLAIN, power=text), setter)
    assert draw_picture(shown, setter) == draw_picture(replace(PLAIN, power=""), setter)


def test_emoji_are_left_out_where_no_font_has_them_and_the_words_stay(tmp_path: Path) -> None:
    setter = Typesetter(Fonts(tmp_path))
    assert setter.legible("🔥 breathing 👩‍🚒 fire", Face.STRONG) == "breathing fire"
    with_them = SETTER.legible("🔥 fire", Face.STRONG)  # this machine may have a font
    assert with_them in ("🔥 fire", "fire")


def test_an_owners_folder_of_fonts_is_used(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    bare = Typesetter(Fonts(tmp_path))
    assert bare.legible("ⵣ", Face.SANS) == ""
    assert bare.legible("Я", Face.SANS) == "Я"


def test_letters_that_must_be_joined_are_left_out_without_a_shaper() -> None:
    setter = Typesetter(Fonts(raqm=False))
    assert setter.legible("الشفاء", Face.STRONG) == ""
    assert setter.legible("स्पर्श", Face.STRONG) == ""
    assert setter.legible("healing", Face.STRONG) == "healing"


def ink(text: str, of: Typesetter = SETTER) -> list[int]:
    """Return how dark each column of a line is."""
    style = Style(Face.STRONG, 60)
    line = Image.new("RGB", (round(of.width(text, style)) + 40, 120), "white")
    of.draw(line, (20, 80), text, style, (0, 0, 0))
    grey = line.convert("L").resize((line.width, 1), Image.Resampling.BOX)
    return [255 - value for value in grey.tobytes()]


def test_a_text_from_right_to_left_begins_at_the_right_with_joined_letters() -> None:
    if not Typesetter(Fonts()).legible("ابابا", Face.STRONG):
        pytest.skip("this Pillow has no libraqm")
    # alef is a thin stroke, shin is wide: the first letter stands at the right
    alef_first, alef_last = ink("אשש"), ink("ששא")
    assert alef_first != alef_last
    bare = ink("א")
    width = len([column for column in bare if column])
    right = [column for column in alef_first if column][-width + 2 :]
    assert sum(abs(one - other) for one, other in zip(right, [c for c in bare if c][2:], strict=False)) < 200
    style = Style(Face.STRONG, 60)
    apart = sum(SETTER.width(letter, style) for letter in "سسس")
    assert SETTER.width("سسس", style) < apart * 0.9  # three letters that join are narrower
    mixed = "שלום world"
    assert SETTER.width(mixed, style) == pytest.approx(
        SETTER.width("שלום ", style) + SETTER.width("world", style), abs=2
    )


def test_the_fonts_are_few_and_come_with_their_licence() -> None:
    folder = shipped("data/fonts")
    files = [path for path in folder.iterdir() if path.suffix in {".ttf", ".otf"}]
    assert {face.value for face in Face} <= {path.name for path in files}
    assert sum(path.stat().st_size for path in files) < 6_000_000
    licence = (folder / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE" in licence


def test_twenty_cards_are_small(record_property: Callable[[str, object], None]) -> None:
    sizes, seconds = [], []
    for number in range(20):
        card = replace(
            PLAIN,
            family=[*FAMILIES, ""][number % len(palette.CARD_ACCENTS)],
            seed=number,
            dark=number % 2 == 1,
            ups=number,
        )
        started = time.perf_counter()
        sizes.append(len(draw_picture(card, SETTER)))
        seconds.append(time.perf_counter() - started)
    assert max(sizes) < 150_000
    record_property("card_kb", statistics.median(sizes) / 1000)
    record_property("card_ms", statistics.median(seconds) * 1000)
