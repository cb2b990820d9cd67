"""Draw a sheet of twenty hero cards for the documentation: docs/cards.png.

    .venv/bin/python -m scripts.card_sheet

The texts are those that come with the bot, one of each family of powers first. Nobody's votes are shown: the
numbers are made up.
"""

import io
import json
import random
from dataclasses import replace

from PIL import Image

from bot.cards.card import CardContent, card_content
from bot.cards.fonts import Fonts
from bot.cards.picture import draw_picture, legible
from bot.cards.typesetting import Typesetter
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.settings import ROOT

_FILE = ROOT / "docs" / "cards.png"
_COLUMNS, _ROWS = 4, 5
_SIZE = (360, 225)
_GAP = 12
_COLOURS = 256
_GROUND = (128, 126, 134)
_SEED = 5


def contents() -> list[CardContent]:
    """Return twenty cards, light and dark in turns, those of as many families as there are first."""
    heroes = read_heroes(ROOT / "data" / "heroes.toml")
    lines = (ROOT / "data" / "first_dataset.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    chance = random.Random(_SEED)  # noqa: S311 (variety, not secrecy)
    chance.shuffle(rows)
    cards = [
        card_content(
            Hero(row["age"], row["gender"], row["power"]),
            row["text"],
            "Written by model 3",
            heroes.vocabulary,
            heroes.curation,
        )
        for row in rows[:400]
    ]
    first = {card.family: card for card in reversed(cards)}
    chosen = [*first.values(), *(card for card in cards if card not in first.values())][: _COLUMNS * _ROWS]
    return [
        replace(
            card, dark=(at + at // _COLUMNS) % 2 == 1, ups=chance.randint(0, 14), downs=chance.randint(0, 3)
        )
        for at, card in enumerate(chosen)
    ]


def main() -> None:
    typesetter = Typesetter(Fonts())
    width, height = (_SIZE[axis] + _GAP for axis in (0, 1))
    sheet = Image.new("RGB", (_COLUMNS * width + _GAP, _ROWS * height + _GAP), _GROUND)
    for at, content in enumerate(contents()):
        card = Image.open(io.BytesIO(draw_picture(legible(content, typesetter), typesetter))).convert("RGB")
        place = (_GAP + at % _COLUMNS * width, _GAP + at // _COLUMNS * height)
        sheet.paste(card.resize(_SIZE, Image.Resampling.LANCZOS), place)
    sheet.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        _FILE, optimize=True
    )
    print(f"{_FILE.name}: {_FILE.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    main()
