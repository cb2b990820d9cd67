"""Heroes by which models are compared: their ages and powers are not in the grid that trains."""

import random
from collections.abc import Iterable, Sequence
from itertools import product
from operator import itemgetter

from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary

_SHUFFLE_SEED = 20_261_124


def unseen_heroes(vocabulary: Vocabulary, count: int) -> list[Hero]:
    """Return the first `count` heroes of an order that is always the same, or all if there are fewer.

    Their ages and powers are those of `unseen` in data/heroes.toml, or else all that may be asked for and
    the powers of the vocabulary. Those of the grid are left out; a grid that holds all of them leaves none
    out. The other genders of the grid have the share that they have in it, in the first heroes as in all.
    """
    grid, limits, unseen = vocabulary.grid, vocabulary.limits, vocabulary.unseen
    allowed = range(limits.youngest, limits.oldest + 1)
    wanted = [age for age in unseen.ages if age in allowed] or allowed
    ages = [age for age in wanted if age not in grid.ages] or grid.ages
    known = unseen.powers or vocabulary.vocabulary.powers
    powers = [power for power in known if power not in (*grid.powers, *grid.other_powers)] or grid.powers
    share = grid.other_gender_share
    placed = _spread(_shuffled(product(ages, grid.genders, powers)), 1 - share)
    if share:
        placed += _spread(_shuffled(product(ages, grid.other_genders, powers)), share)
    return [hero for _, hero in sorted(placed, key=itemgetter(0))[:count]]


def _shuffled(parts: Iterable[tuple[int, str, str]]) -> list[Hero]:
    heroes = [Hero(*each) for each in parts]
    random.Random(_SHUFFLE_SEED).shuffle(heroes)  # noqa: S311 (an order, no secret)
    return heroes


def _spread(heroes: Sequence[Hero], share: float) -> list[tuple[float, Hero]]:
    """Return a place for each hero, so far apart that this share of all places is theirs."""
    return [(number / share, hero) for number, hero in enumerate(heroes, 1)]
