"""The hidden tastes of simulated readers, which the loop has to learn: one of form, one of content.

Nothing outside the simulation reads them. A model's score is a taste without its noise. Their words and
numbers were fixed before any reader had voted.
"""

import math
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from bot.heroes.curation import Curation
from bot.heroes.hero import Hero

STRICTNESS_SD = 0.5  # standard deviation between readers, in log-odds
SLIP_RATE = 0.05  # the share of random clicks
TIE_MARGIN = 0.5  # log-odds: two texts that seem closer than this are a tie

Pick = Literal["A", "B", "Tie"]
TasteName = Literal["form", "content"]


class Taste(Protocol):
    """What readers have in common."""

    def log_odds(self, hero: Hero, text: str) -> float:
        """Return the log-odds that the average reader likes the text."""


@dataclass(frozen=True, slots=True)
class FormTaste:
    """Few words, and the power named. Curation's own rule says whether it is.

    In the runs 1 and 2, whose first models learnt shorter texts, the neutral number was 76.
    """

    curation: Curation
    neutral_words: int = 84  # of a text that the average reader likes with probability 0.5
    words_per_log_odds: float = 3.0  # so many words fewer multiply the odds by e
    missing_power_penalty: float = 4.0  # log-odds, if a text never names the power

    def log_odds(self, hero: Hero, text: str) -> float:
        short = (self.neutral_words - len(text.split())) / self.words_per_log_odds
        return short if self.curation.names_power(hero, text) else short - self.missing_power_penalty


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", text.lower()))


_SMALL_ONES = _words("""
    animal animals baby babies bee bees bird birds boy boys calf cat cats child children cow cows dog dogs
    donkey donkeys duck duckling ducklings ducks foal fox foxes girl girls goat goats goose geese hedgehog
    hedgehogs hen hens horse horses kid kids kitten kittens lamb lambs mice mouse owl owls parrot parrots pig
    pigs pony pupil pupils puppies puppy rabbit rabbits sheep swan swans toddler
""")
_COMFORT = _words("""
    apple apples baker bakery bakes blanket blankets bread breakfast cake cakes cheese cocoa coffee cook cooks
    dinner fire fireplace honey jam kettle kitchen laugh laughing laughs laughter loaf loaves milk oven
    pancakes pie pies porridge rolls smile smiles soup stew stove supper tea warm warmth
""")


@dataclass(frozen=True, slots=True)
class ContentTaste:
    """An animal or a child takes part, and there is food, warmth or laughter. Nothing else counts."""

    small_ones: float = 3.0  # log-odds, of animals and children
    comfort: float = 2.0
    neither: float = -3.5

    def log_odds(self, hero: Hero, text: str) -> float:  # noqa: ARG002 (the same for every hero)
        words = _words(text)
        found = self.small_ones * (not words.isdisjoint(_SMALL_ONES))
        return self.neither + found + self.comfort * (not words.isdisjoint(_COMFORT))


TASTES: Mapping[TasteName, Callable[[Curation], Taste]] = {
    "form": FormTaste,
    "content": lambda _: ContentTaste(),
}


def score(taste: Taste, hero: Hero, text: str) -> float:
    """Return the probability that the average reader likes the text, without random clicks."""
    return logistic(taste.log_odds(hero, text))


class Judge(Protocol):
    """Somebody who leaves thumbs and votes in duels."""

    def likes(self, hero: Hero, text: str) -> bool:
        """Return True for a thumb up, False for a thumb down."""

    def pick(self, hero: Hero, a: str, b: str) -> Pick:
        """Return which of two texts they like better."""


class Reader:
    """One simulated person with a taste, and a strictness of their own."""

    def __init__(self, taste: Taste, person: str, moment: str) -> None:
        """person: determines the strictness, for good. moment: determines the clicks from now on."""
        self._taste = taste
        self._strictness = random.Random(person).gauss(0.0, STRICTNESS_SD)  # noqa: S311 (a simulation)
        self._random = random.Random(f"{person} {moment}")  # noqa: S311

    def likes(self, hero: Hero, text: str) -> bool:
        if self._random.random() < SLIP_RATE:
            return self._random.random() < 0.5
        return self._random.random() < logistic(self._taste.log_odds(hero, text) - self._strictness)

    def pick(self, hero: Hero, a: str, b: str) -> Pick:
        """The noise is that of the thumbs."""
        if self._random.random() < SLIP_RATE:
            return self._random.choice(("A", "B"))
        uniform = self._random.random()
        noise = math.log(uniform / (1 - uniform)) if uniform else 0.0
        difference = self._taste.log_odds(hero, a) - self._taste.log_odds(hero, b) + noise
        if abs(difference) < TIE_MARGIN:
            return "Tie"
        return "A" if difference > 0 else "B"


class Coin:
    """One simulated person who reads nothing, and votes by a coin."""

    def __init__(self, person: str, moment: str) -> None:
        self._random = random.Random(f"coin {person} {moment}")  # noqa: S311 (a simulation)

    def likes(self, hero: Hero, text: str) -> bool:  # noqa: ARG002 (a coin reads nothing)
        return self._random.random() < 0.5

    def pick(self, hero: Hero, a: str, b: str) -> Pick:  # noqa: ARG002
        return self._random.choice(("A", "B"))


def logistic(log_odds: float) -> float:
    """Return the probability for log-odds."""
    return 1 / (1 + math.exp(-log_odds))
