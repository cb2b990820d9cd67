"""The prompts of data/heroes.toml, and the sampling parameters of each."""

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
    """The two prompts, with a Hero's fields as placeholders."""

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
    """What a prompt for a small author model is made of; data/heroes.toml explains how words are drawn."""

    beginning: str
    endings: tuple[str, ...]
    spoken: dict[str, str]
    forms: dict[str, dict[str, str]]
    names: dict[str, tuple[str, ...]]
    phrases: dict[str, tuple[str, ...]]
    examples: tuple[_WorkedExample, ...]

    def frame(self, hero: Hero, chance: random.Random) -> tuple[str, str]:
        """Draw the opening and the ending of a description of the hero."""
        words = {
            **self.forms[hero.gender],
            "name": chance.choice(self.names[hero.gender]),
            **hero.as_dict(),
            "power": self.spoken.get(hero.power, hero.power),
        }
        # in the order of the file: a phrase may use the words drawn before it
        for kind, phrases in self.phrases.items():
            words[kind] = chance.choice(phrases).format(**words)
        ending = chance.choice(self.endings).format(**words)
        return _in_sentences(self.beginning.format(**words)), _in_sentences(ending)


def _in_sentences(text: str) -> str:
    return _SENTENCE_START.sub(lambda found: found[0].upper(), _A.sub(r"\1n", text))


class Prompts(FrozenModel):
    """Makes the chat requests for a hero."""

    prompts: _Templates
    sampling: _Samplings
    profile: _Profile

    @property
    def version(self) -> int:
        return self.prompts.version

    def tuning_prompt(self, hero: Hero) -> str:
        """Return the prompt of tuned models, the same in training and serving: `40, woman, healing ->`."""
        return self.prompts.tuning.format(**hero.as_dict())

    def tuned_request(self, hero: Hero) -> ChatRequest:
        """Return the request for a tuned model."""
        return ChatRequest(({"role": "user", "content": self.tuning_prompt(hero)},), self.sampling.tuned)

    def author_request(self, hero: Hero, *, small: bool, seed: int) -> ChatRequest:
        """Return the request for an untuned model, which has the generation prompt.

        For a small model a worked example stands before the prompt, and the opening of the text after it, as
        an assistant turn that the model continues (an extension of our engine and of most servers of open
        models). An ending is set as well. The seed chooses all three.
        """
        prompt: Message = {"role": "user", "content": self.generation_prompt(hero)}
        if not small:
            return ChatRequest((prompt,), self.sampling.generation, seed=seed)
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        worked = chance.choice(self.profile.examples)
        opening, ending = self.profile.frame(hero, chance)
        messages: tuple[Message, ...] = (
            {"role": "user", "content": self.generation_prompt(worked)},
            {"role": "assistant", "content": worked.text},
            prompt,
            {"role": "assistant", "content": opening},
        )
        return ChatRequest(messages, self.sampling.small, opening, ending, seed)

    def generation_prompt(self, hero: Hero) -> str:
        """Return the prompt of untuned models, a long sentence."""
        return self.prompts.generation.format(**hero.as_dict())
