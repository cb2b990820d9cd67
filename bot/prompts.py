"""Prompts: the words by which a model is asked for a hero, and how its answer is drawn."""

import random
from dataclasses import dataclass
from typing import TypedDict

from bot.hero import Hero
from bot.part import Part


class Message(TypedDict):
    """One turn of a chat, as the OpenAI API has it."""

    role: str
    content: str


class Sampling(Part):
    """How an answer is drawn; max_tokens bounds its length."""

    temperature: float
    top_p: float
    max_tokens: int
    repeat_penalty: float | None = None


class _Templates(Part):
    version: int
    tuning: str
    generation: str


class _Samplings(Part):
    generation: Sampling
    small: Sampling
    tuned: Sampling


class _WorkedExample(Part):
    age: int
    gender: str
    power: str
    text: str


class _Profile(Part):
    openings: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    examples: tuple[_WorkedExample, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a model: the chat, the drawing, and the words its answer was made to begin with."""

    messages: tuple[Message, ...]
    sampling: Sampling
    opening: str = ""
    seed: int | None = None


class Prompts(Part):
    """Both prompts of data/heroes.toml, with the profile that small author models need."""

    prompts: _Templates
    sampling: _Samplings
    profile: _Profile

    @property
    def version(self) -> int:
        return self.prompts.version

    def tuning(self, hero: Hero) -> str:
        """What a tuned model is asked, in training and in serving alike: `40, woman, healing ->`."""
        return self.prompts.tuning.format(age=hero.age, gender=hero.gender, power=hero.power)

    def ask_tuned(self, hero: Hero) -> Ask:
        return Ask(({"role": "user", "content": self.tuning(hero)},), self.sampling.tuned)

    def ask_author(self, hero: Hero, *, small: bool, seed: int) -> Ask:
        """What an untuned model is asked: the generation prompt.

        A small model gets a worked example before it and its first sentence given, as a trailing assistant
        turn to be continued (an extension known to our engine, llama.cpp and vLLM); seed chooses both.
        """
        question: Message = {"role": "user", "content": self._generation(hero)}
        if not small:
            return Ask((question,), self.sampling.generation, seed=seed)
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        worked = chance.choice(self.profile.examples)
        name = chance.choice(self.profile.names[hero.gender])
        opening = chance.choice(self.profile.openings).format(
            name=name, age=hero.age, gender=hero.gender, power=hero.power
        )
        shown = Hero(worked.age, worked.gender, worked.power)
        messages: tuple[Message, ...] = (
            {"role": "user", "content": self._generation(shown)},
            {"role": "assistant", "content": worked.text},
            question,
            {"role": "assistant", "content": opening},
        )
        return Ask(messages, self.sampling.small, opening, seed)

    def _generation(self, hero: Hero) -> str:
        return self.prompts.generation.format(age=hero.age, gender=hero.gender, power=hero.power)
