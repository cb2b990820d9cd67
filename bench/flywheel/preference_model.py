"""The hidden preference of simulated readers, which the loop has to learn: few words, and the power named.

Nothing outside the simulation reads it. A model's score is this preference without its noise.
"""

import math
import random
from dataclasses import dataclass
from typing import Literal

from bot.heroes.curation import Curation
from bot.heroes.hero import Hero

NEUTRAL_WORDS = 76  # words of a text that the average reader likes with probability 0.5
WORDS_PER_LOG_ODDS = 3.0  # so many words fewer multiply the odds by e
MISSING_POWER_PENALTY = 4.0  # log-odds, if a text never names the power
STRICTNESS_SD = 0.5  # standard deviation between readers, in log-odds
SLIP_RATE = 0.05  # the share of random clicks
TIE_MARGIN = 0.5  # log-odds: two texts that seem closer than this are a tie

Pick = Literal["A", "B", "Tie"]


@dataclass(frozen=True, slots=True)
class PreferenceModel:
    """How much the average reader likes a text. Curation's own rule says whether the power is named."""

    curation: Curation

    def log_odds(self, hero: Hero, text: str) -> float:
        """Return the log-odds that the average reader likes the text."""
        short = (NEUTRAL_WORDS - len(text.split())) / WORDS_PER_LOG_ODDS
        return short if self.curation.names_power(hero, text) else short - MISSING_POWER_PENALTY

    def score(self, hero: Hero, text: str) -> float:
        """Return the probability that the average reader likes the text, without random clicks."""
        return logistic(self.log_odds(hero, text))


class Reader:
    """One simulated person, with a strictness and a random generator of their own."""

    def __init__(self, model: PreferenceModel, seed: str) -> None:
        self._model = model
        self._random = random.Random(seed)  # noqa: S311 (a simulation, no secret)
        self._strictness = self._random.gauss(0.0, STRICTNESS_SD)

    def likes(self, hero: Hero, text: str) -> bool:
        """Return True for a thumb up, False for a thumb down."""
        if self._random.random() < SLIP_RATE:
            return self._random.random() < 0.5
        return self._random.random() < logistic(self._model.log_odds(hero, text) - self._strictness)

    def pick(self, hero: Hero, a: str, b: str) -> Pick:
        """Return which of two texts they like better; the noise is that of the thumbs."""
        if self._random.random() < SLIP_RATE:
            return self._random.choice(("A", "B"))
        uniform = self._random.random()
        noise = math.log(uniform / (1 - uniform)) if uniform else 0.0
        difference = self._model.log_odds(hero, a) - self._model.log_odds(hero, b) + noise
        if abs(difference) < TIE_MARGIN:
            return "Tie"
        return "A" if difference > 0 else "B"


def logistic(log_odds: float) -> float:
    """Return the probability for log-odds."""
    return 1 / (1 + math.exp(-log_odds))
