"""Heroes by which models are compared: their ages and powers are not in the grid that trains."""

import random
from itertools import product

from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary

AGES = (19, 22, 25, 28, 33, 37, 41, 47, 52, 55, 64, 68, 71, 76, 83, 85, 97)
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
    """Return the first `count` heroes of a shuffle that is always the same, or all if there are fewer.

    Ages and powers of the grid are left out; a grid that holds all of them leaves none out.
    """
    grid, limits = vocabulary.grid, vocabulary.limits
    allowed = [age for age in AGES if limits.youngest <= age <= limits.oldest]
    ages = [age for age in allowed if age not in grid.ages] or grid.ages
    powers = [power for power in POWERS if power not in (*grid.powers, *grid.other_powers)] or grid.powers
    heroes = [Hero(*parts) for parts in product(ages, grid.genders, powers)]
    random.Random(_SHUFFLE_SEED).shuffle(heroes)  # noqa: S311 (an order, no secret)
    return heroes[:count]
