"""How long a hero card takes to draw, and how large it is: of twenty texts that come with the bot."""

import json
import time
from dataclasses import replace
from statistics import median

from bot.cards.card import card_content
from bot.cards.fonts import Fonts
from bot.cards.picture import draw_picture, legible
from bot.cards.typesetting import Typesetter
from bot.heroes.config import read_heroes
from bot.heroes.hero import Hero
from bot.shipped_files import shipped

_HEROES = 20


def measure_cards() -> dict[str, float]:
    """Return the medians over twenty cards, light and dark in turns, after one that loads the fonts."""
    heroes = read_heroes(shipped("data/heroes.toml"))
    lines = shipped("data/first_dataset.jsonl").read_text(encoding="utf-8").splitlines()
    typesetter = Typesetter(Fonts())
    milliseconds, sizes = [], []
    step = len(lines) // (_HEROES + 1)
    for number in range(_HEROES + 1):
        row = json.loads(lines[number * step])
        hero = Hero(row["age"], row["gender"], row["power"])
        started = time.perf_counter()
        content = card_content(hero, row["text"], "Written by model 3", heroes.vocabulary, heroes.curation)
        content = replace(content, dark=number % 2 == 1, ups=number)
        sizes.append(len(draw_picture(legible(content, typesetter), typesetter)) / 1000)
        milliseconds.append((time.perf_counter() - started) * 1000)
    return {"card_ms": round(median(milliseconds[1:]), 1), "card_kb": round(median(sizes[1:]), 1)}
