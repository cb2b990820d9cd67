"""The taste of simulated readers, which the loop has to find out: they like few words, and the power named.

Nothing outside the simulation reads it. A run's score is the taste itself without its noise.
"""

import math
import random
from dataclasses import dataclass
from typing import Literal

from bot.heroes.curation import Curation
from bot.heroes.hero import Hero

SHORT = 76  # words that the average reader likes in one of two cases
WORDS_A_STEP = 3.0  # so many words less, and the odds that a reader likes the text are e times as high
UNNAMED = 4.0  # steps that a text loses which never names the power
STRICTNESS = 0.5  # standard deviation between readers, in steps
SLIP = 0.05  # the share of clicks that say nothing
CLOSE = 0.5  # steps: two texts that seem closer than this are a tie

Pick = Literal["A", "B", "Tie"]


@dataclass(frozen=True, slots=True)
class Taste:
    """How much the average reader likes a text; the product's own rule says whether the power is named."""

    curation: Curation

    def steps(self, hero: Hero, text: str) -> float:
        """The logarithm of the odds that the average reader likes the text."""
        short = (SHORT - len(text.split())) / WORDS_A_STEP
        return short if self.curation.names_power(hero, text) else short - UNNAMED

    def score(self, hero: Hero, text: str) -> float:
        """The chance that the average reader likes the text, 0 to 1, without slips."""
        return chance(self.steps(hero, text))


class Reader:
    """One simulated person: the taste, a strictness and a source of chance of their own."""

    def __init__(self, taste: Taste, seed: str) -> None:
        self._taste = taste
        self._chance = random.Random(seed)  # noqa: S311 (a simulation, no secret)
        self._strictness = self._chance.gauss(0.0, STRICTNESS)

    def likes(self, hero: Hero, text: str) -> bool:
        """Thumb up or down."""
        if self._chance.random() < SLIP:
            return self._chance.random() < 0.5
        return self._chance.random() < chance(self._taste.steps(hero, text) - self._strictness)

    def picks(self, hero: Hero, a: str, b: str) -> Pick:
        """Which of two texts they like better; the noise is that of the thumbs."""
        if self._chance.random() < SLIP:
            return self._chance.choice(("A", "B"))
        level = self._chance.random()
        noise = math.log(level / (1 - level)) if level else 0.0
        seems = self._taste.steps(hero, a) - self._taste.steps(hero, b) + noise
        if abs(seems) < CLOSE:
            return "Tie"
        return "A" if seems > 0 else "B"


def chance(steps: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-steps))
