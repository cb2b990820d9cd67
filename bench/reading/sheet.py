"""A blind sheet: two texts about each of some heroes, sides at random, for people and programs to read.

The key, in a file of its own, says which side is whose. It holds a digest of the sheet's texts, so that no
verdict is counted by the key of another sheet.
"""

import hashlib
import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from bench.common.errors import BenchError
from bench.common.texts_file import read_lines
from bot.config import FrozenModel
from bot.heroes.adherence import Answer
from bot.heroes.hero import Hero

Side = Literal["A", "B"]
Whose = Literal["first", "second"]

_TITLE = "# Blind sheet "
_INTRODUCTION = """\
Two texts about each hero, by two models. Which side is whose is drawn anew for each pair. For each pair, note
which text you would rather have got, A or B, or "tie" if you cannot say, before you read the next one. Read
alone, and do not try to guess which texts are of the same model.

Either run `python -m bench.reading read {name}`, or write a file with a line for each pair:

    {{"pair": 1, "verdict": "A"}}
"""
_TITLE_LINE = re.compile(rf"{re.escape(_TITLE)}([0-9a-f]{{16}})")
_PAIR_LINE = re.compile(r"## (\d+)\. (\d+) (\S+) (.+)")
_SIDE_LINE = re.compile(r"\*\*([AB]):\*\* ?(.*)")


@dataclass(frozen=True, slots=True)
class Pair:
    """A numbered pair: one hero, and a text on either side."""

    number: int
    hero: Hero
    a: str
    b: str

    def text(self, side: Side) -> str:
        return self.a if side == "A" else self.b


@dataclass(frozen=True, slots=True)
class Sheet:
    """The pairs of a sheet, in the order in which they are read."""

    pairs: Sequence[Pair]

    @property
    def digest(self) -> str:
        """What tells this sheet from others: a hash of its heroes and texts."""
        parts = [[pair.number, pair.hero.typed, pair.a, pair.b] for pair in self.pairs]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


class PairKey(FrozenModel):
    """Whose text is on side A of a pair, and the models of both, as their files name them."""

    pair: int
    a: Whose
    first: str
    second: str


class Key(FrozenModel):
    """The key of a sheet: what its two sides are called, and each pair's."""

    sheet: str
    seed: int
    first: str
    second: str
    pairs: tuple[PairKey, ...]

    @property
    def sides(self) -> Mapping[int, Whose]:
        """Whose text is on side A, by the number of the pair."""
        return {each.pair: each.a for each in self.pairs}

    def side(self, pair: int, whose: Whose) -> Side:
        """Return on which side of a pair the text of one of the two is."""
        return "A" if self.sides[pair] == whose else "B"


Texts = Mapping[Hero, Sequence[tuple[str, Answer]]]
"""Texts with the names of their models, by their heroes."""


def make_sheet(
    first: Texts, second: Texts, names: tuple[str, str], *, pairs: int, seed: int
) -> tuple[Sheet, Key]:
    """Return a sheet of heroes of which both sides have texts, and its key.

    Heroes, sides, and one of several texts of a hero, are drawn by the seed. Raises BenchError if there are
    too few heroes.
    """
    chance = random.Random(seed)  # noqa: S311 (an order, no secret)
    heroes = [hero for hero in first if hero in second]
    if pairs < 1:
        raise BenchError("A sheet needs at least one pair: --pairs 60.")
    if pairs > len(heroes):
        raise BenchError(
            f"The two sides have {len(heroes)} heroes in common, which are too few for {pairs} pairs. Give a "
            "smaller number with --pairs, or ask both models for the same heroes."
        )
    made: list[Pair] = []
    keys: list[PairKey] = []
    for number, hero in enumerate(chance.sample(heroes, pairs), 1):
        (one, one_answer), (other, other_answer) = chance.choice(first[hero]), chance.choice(second[hero])
        sides = [_in_one_line(one_answer.text), _in_one_line(other_answer.text)]
        whose: Whose = "first" if chance.random() < 0.5 else "second"
        made.append(Pair(number, hero, *(sides if whose == "first" else reversed(sides))))
        keys.append(PairKey(pair=number, a=whose, first=one, second=other))
    sheet = Sheet(made)
    return sheet, Key(sheet=sheet.digest, seed=seed, first=names[0], second=names[1], pairs=tuple(keys))


def render_sheet(sheet: Sheet, name: str) -> str:
    """Return a sheet as Markdown; name: how the command to read it calls it."""
    parts = [f"{_TITLE}{sheet.digest}", _INTRODUCTION.format(name=name)]
    for pair in sheet.pairs:
        parts += [f"## {pair.number}. {pair.hero.typed}", f"**A:** {pair.a}", f"**B:** {pair.b}"]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def read_sheet(path: Path) -> Sheet:
    """Read a sheet. Raises BenchError if it is none, or if a text of it was changed."""
    title, pairs = "", list[Pair]()
    hero, sides = None, dict[str, str]()
    for _, line in read_lines(path):
        if found := _TITLE_LINE.fullmatch(line):
            title = found[1]
        elif found := _PAIR_LINE.fullmatch(line):
            hero, sides = (int(found[1]), Hero(int(found[2]), found[3], found[4])), {}
        elif hero and (found := _SIDE_LINE.fullmatch(line)):
            sides[found[1]] = found[2]
            if len(sides) == 2:
                pairs.append(Pair(*hero, sides["A"], sides["B"]))
                hero = None
    sheet = Sheet(pairs)
    if not pairs:
        raise BenchError(
            f"{path} is no sheet. `python -m bench.reading sheet` makes one, whose name ends in .md."
        )
    if sheet.digest != title:
        raise BenchError(f"The texts of {path} were changed after it was made. Take the file as it was.")
    return sheet


def read_key(path: Path, sheet: Sheet) -> Key:
    """Read the key of a sheet. Raises BenchError if it is none, or of another sheet."""
    content = "\n".join(line for _, line in read_lines(path))
    try:
        key = Key.model_validate_json(content)
    except ValidationError as error:
        raise BenchError(f"{path} is no key. The key of NAME.md is called NAME.key.json.") from error
    if key.sheet != sheet.digest or {*key.sides} != {pair.number for pair in sheet.pairs}:
        raise BenchError(
            f"{path} is the key of another sheet ({key.sheet}, and this one is {sheet.digest}). Give the key "
            "that was made with this sheet."
        )
    return key


def _in_one_line(text: str) -> str:
    return " ".join(text.split())
