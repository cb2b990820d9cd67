"""Prompts: the words by which a model is asked for a hero, and how its answer is drawn."""

import random
import re
from dataclasses import field

import pydantic.dataclasses

from bot.chat import ChatRequest, Message, Sampling
from bot.config import FrozenModel
from bot.heroes.hero import Hero

_A = re.compile(r"\b([Aa])(?= (?:[aeiou8]|11\b|18\b))")  # as in "an old", "an 80-year-old", "an 18-year-old"
_SENTENCE_START = re.compile(r"(?:^|(?<=[.!?] ))[a-z]")


class _Templates(FrozenModel):
    version: int
    tuning: str
    generation: str


class _Samplings(FrozenModel):
    generation: Sampling
    small: Sampling
    tuned: Sampling


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class _WorkedExample(Hero):
    """A hero with the text that an author model is shown for it."""

    text: str = field(kw_only=True)


class _Profile(FrozenModel):
    """What a small author model is shown and given; data/heroes.toml says how the words are drawn."""

    beginning: str
    endings: tuple[str, ...]
    spoken: dict[str, str]
    forms: dict[str, dict[str, str]]
    names: dict[str, tuple[str, ...]]
    phrases: dict[str, tuple[str, ...]]
    examples: tuple[_WorkedExample, ...]

    def frame(self, hero: Hero, chance: random.Random) -> tuple[str, str]:
        """Draw the words that a description of the hero begins with, and those it ends with."""
        words = {
            **self.forms[hero.gender],
            "name": chance.choice(self.names[hero.gender]),
            **hero.as_dict(),
            "power": self.spoken.get(hero.power, hero.power),
        }
        # in the order of the file: a phrase is made of the words drawn before it
        for kind, phrases in self.phrases.items():
            words[kind] = chance.choice(phrases).format(**words)
        ending = chance.choice(self.endings).format(**words)
        return _in_sentences(self.beginning.format(**words)), _in_sentences(ending)


def _in_sentences(text: str) -> str:
    return _SENTENCE_START.sub(lambda found: found[0].upper(), _A.sub(r"\1n", text))


class Prompts(FrozenModel):
    """Both prompts of data/heroes.toml, with the profile that small author models need."""

    prompts: _Templates
    sampling: _Samplings
    profile: _Profile

    @property
    def version(self) -> int:
        return self.prompts.version

    def tuning(self, hero: Hero) -> str:
        """What a tuned model is asked, in training and in serving alike: `40, woman, healing ->`."""
        return self.prompts.tuning.format(**hero.as_dict())

    def ask_tuned(self, hero: Hero) -> ChatRequest:
        return ChatRequest(({"role": "user", "content": self.tuning(hero)},), self.sampling.tuned)

    def ask_author(self, hero: Hero, *, small: bool, seed: int) -> ChatRequest:
        """What an untuned model is asked: the generation prompt.

        A small model gets a worked example before it and the text's beginning, as a trailing assistant turn
        to be continued (an extension known to our engine and to most servers of open models), and its ending
        is given too; seed chooses them.
        """
        question: Message = {"role": "user", "content": self.generation(hero)}
        if not small:
            return ChatRequest((question,), self.sampling.generation, seed=seed)
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        worked = chance.choice(self.profile.examples)
        opening, ending = self.profile.frame(hero, chance)
        messages: tuple[Message, ...] = (
            {"role": "user", "content": self.generation(worked)},
            {"role": "assistant", "content": worked.text},
            question,
            {"role": "assistant", "content": opening},
        )
        return ChatRequest(messages, self.sampling.small, opening, ending, seed)

    def generation(self, hero: Hero) -> str:
        """What an untuned model is asked: the long sentence of the file."""
        return self.prompts.generation.format(**hero.as_dict())
