"""Heroes whose ages and powers are in no training set made from data/heroes.toml."""

import random
from itertools import product

from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary

AGES = (19, 22, 25, 28, 33, 37, 41, 47, 52, 55, 64, 68, 71, 76, 83, 85, 97)
GENDERS = ("man", "woman")
POWERS = (
    # in the vocabulary, but not in the training grid
    "healing",
    "super strength",
    "super speed",
    "shapeshifting",
    "time travel",
    "controlling fire",
    "controlling water",
    "ice",
    "night vision",
    "seeing the future",
    "talking to animals",
    "talking to plants",
    # rare ones, in no list
    "bending light",
    "walking through walls",
    "understanding every language",
    "controlling gravity",
    "breathing underwater",
    "commanding thunder",
    "perfect memory",
    "growing giant vegetables",
)

_SHUFFLE_SEED = 20_261_124


def unseen_heroes(vocabulary: Vocabulary, count: int) -> list[Hero]:
    """Return the first `count` heroes of a shuffle that is always the same.

    Raises ValueError if the training grid holds one of their ages or powers.
    """
    grid = vocabulary.grid
    seen = {*grid.ages} & {*AGES} or {*grid.powers, *grid.other_powers} & {*POWERS}
    if seen:
        raise ValueError(f"the training grid of data/heroes.toml holds {seen}: the bench needs others")
    heroes = [Hero(*parts) for parts in product(AGES, GENDERS, POWERS)]
    random.Random(_SHUFFLE_SEED).shuffle(heroes)  # noqa: S311 (an order, no secret)
    return heroes[:count]
