"""The vocabulary: which heroes train a model, which may be asked for, and how they are typed."""

import random
import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from bot.config import FrozenModel
from bot.errors import NotUnderstood
from bot.heroes.grid import Grid
from bot.heroes.hero import Hero, check_placeholders
from bot.heroes.synonyms import LanguageSynonyms, Lexicon
from bot.i18n.message import ENGLISH, LocalizedMessage, Translator, mark

# What the catalogues translate. Other words of data/heroes.toml are an operator's: they are said as they are.
_EXAMPLE = mark("40 woman healing")
_GENDERS = mark("man"), mark("woman"), mark("person")

_AGE = re.compile(r"-?\d+")
_OTHER_NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?", re.IGNORECASE)  # "40.5", "1e3"
_DECIMAL = re.compile(r"\s*[-+]?\d+[.,]\d")  # "40,5": a comma that separates no parts
_FULL_STOPS = " .!?…。"

# Letters of any language, digits, spaces, apostrophes and hyphens: nothing that Discord would render.
_MARK = "\N{COMBINING ACUTE ACCENT}"  # stands for any: many alphabets write vowels as marks on letters
_LETTER = rf"[^\W_]{_MARK}{{0,3}}"
_PLAIN = re.compile(rf"(?:{_LETTER})+(?:[ '’-](?:{_LETTER})+)*")  # noqa: RUF001 (people type the curly apostrophe)


class PowerWords(FrozenModel):
    """Powers that may train a model besides those of the grid."""

    powers: tuple[str, ...]


class HeroLimits(FrozenModel):
    """What may be asked for: ages in years, both included, and the length of a power."""

    youngest: int = Field(ge=0)
    oldest: int
    power_characters: int

    @model_validator(mode="after")
    def _someone_is_old_enough(self) -> Self:
        if self.youngest > self.oldest:
            raise ValueError(f"the youngest is {self.youngest}, and the oldest only {self.oldest}")
        return self


class HeroWords(FrozenModel):
    """How a hero is shown: what messages give as an example, and the title of a text, with its fields."""

    example: str = _EXAMPLE
    title: Annotated[str, AfterValidator(check_placeholders)] = "{age}-year-old {gender}, {power}"


class UnseenWords(FrozenModel):
    """The ages and powers by which new models are checked, as far as the grid has none of them."""

    ages: tuple[int, ...] = ()
    powers: tuple[str, ...] = ()


class Vocabulary(FrozenModel):
    """The grid, the powers besides it, their synonyms, and the limits of what may be asked for."""

    grid: Grid
    vocabulary: PowerWords
    limits: HeroLimits
    words: HeroWords = HeroWords()
    unseen: UnseenWords = UnseenWords()
    spoken: dict[str, str] = Field(default_factory=dict)
    synonyms: dict[str, LanguageSynonyms] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _grid_can_be_asked_for(self) -> Self:
        """Refuse to train on heroes that nobody may ask for."""
        low, high = self.limits.youngest, self.limits.oldest
        for age in self.grid.ages:
            if not low <= age <= high:
                raise ValueError(
                    f"the age {age} in the grid does not lie between the limits {low} and {high}"
                )
        return self

    @model_validator(mode="after")
    def _words_are_plain(self) -> Self:
        """Refuse powers that nobody could type, and synonyms of several words."""
        for power in (*self._known_powers, *self.unseen.powers):
            if power != power.lower() or not is_plain(power):
                raise ValueError(f"the power {power!r} is not written in plain words and lower case")
        for synonym in chain.from_iterable(chain(*words.values()) for words in self._power_synonyms()):
            if not is_plain(synonym.lower()):  # capitals stay: suggestions show them, as German nouns need
                raise ValueError(f"the power {synonym!r} is not written in plain words")
        _ = self.gender_lexicon, self.power_lexicon
        return self

    @property
    def example(self) -> LocalizedMessage | str:
        """What messages give as an example of what to type."""
        return _translated_if_ours(self.words.example, _EXAMPLE)

    @property
    def genders(self) -> tuple[str, ...]:
        """The genders that may be asked for."""
        return self.grid.all_genders

    @property
    def powers(self) -> tuple[str, ...]:
        """Every power that may train a model."""
        return tuple(dict.fromkeys(chain(self.grid.powers, self.vocabulary.powers)))

    @property
    def _known_powers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.powers, *self.grid.other_powers)))

    @cached_property
    def gender_lexicon(self) -> Lexicon:
        return Lexicon(self.genders, [language.genders for language in self.synonyms.values()])

    @cached_property
    def power_lexicon(self) -> Lexicon:
        """All powers with synonyms, also those in no list: an operator may have added them."""
        synonyms = self._power_synonyms()
        return Lexicon((*self._known_powers, *chain(*synonyms)), synonyms)

    def _power_synonyms(self) -> list[dict[str, tuple[str, ...]]]:
        spoken: dict[str, tuple[str, ...]] = {power: (form,) for power, form in self.spoken.items()}
        return [spoken, *(language.powers for language in self.synonyms.values())]

    def with_powers(self, added: Sequence[str]) -> "Vocabulary":
        """Return a copy with more powers that may train a model. They have no synonyms."""
        return self.model_copy(update={"vocabulary": PowerWords(powers=(*self.vocabulary.powers, *added))})

    def sample(self, seed: int, limit: int = 3) -> list[Hero]:
        """Return heroes drawn by a seed, each with another power, genders taking turns."""
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        youngest = self.limits.youngest
        oldest = max(youngest, min(self.limits.oldest, 95))
        powers = chance.sample(self.powers, min(limit, len(self.powers)))
        return [
            Hero(chance.randint(youngest, oldest), self.genders[index % len(self.genders)], power)
            for index, power in enumerate(powers)
        ]

    def trains(self, hero: Hero) -> bool:
        """Return whether a description of this hero may enter a dataset."""
        return hero.power in self.powers

    def title(self, hero: Hero, t: Translator = ENGLISH) -> str:
        """Return a hero as a title in plain English: `64-year-old man, reading thoughts`.

        t: of the reader. A power that somebody typed, in lower case and in any language, stands in it as that
        language wants it: German puts it in quotation marks, for its nouns would need capitals.
        """
        words = self._spoken(hero).as_dict()
        if self.power_lexicon.find(hero.power) is None:
            words["power"] = t("{power}", power=hero.power)
        return self.words.title.format(**words)

    def team_title(self, heroes: Sequence[Hero], t: Translator = ENGLISH) -> str:
        """Return the powers of a team as a title: `Team: healing, flight, telepathy`."""
        return t("Team: {powers}", powers=[self._spoken(hero).power for hero in heroes])

    def about_and_power(self, hero: Hero) -> tuple[str, str]:
        """Return a title in two parts, where they stand apart: `64-year-old man`, `reading thoughts`."""
        words = self._spoken(hero).as_dict()
        about = self.words.title.format(**(words | {"power": ""}))
        return about.strip(" ,;:.–-"), words["power"]  # noqa: RUF001 (a dash)

    def typed(self, hero: Hero) -> str:
        """Return what people type for a hero, in plain English: `64 man reading thoughts`."""
        return self._spoken(hero).typed

    def _spoken(self, hero: Hero) -> Hero:
        return Hero(hero.age, hero.gender, self.spoken.get(hero.power, hero.power))

    def parse(self, text: str) -> Hero:
        """Read `40 woman healing` or `40, woman, Healing ->`, and synonyms, as in `40 Frau flying`.

        Another order is read if it leaves no doubt. Raise NotUnderstood, which says which part is missing or
        not known and what to type.
        """
        words = split_words(text.rstrip(_FULL_STOPS))
        if not words:
            raise NotUnderstood(
                "Tell me an age, a gender and a power, for example `{/hero hero:{example}}`.",
                example=self.example,
            )
        if _DECIMAL.match(text):
            raise self._age_error()
        if not _AGE.fullmatch(words[0]):
            return self._parse_in_another_order(words)
        age, others = words[0], words[1:]
        if length := self.gender_length(others):
            return self.hero(age, " ".join(others[:length]), " ".join(others[length:]))
        return self._parse_in_another_order(words)

    def _parse_in_another_order(self, words: list[str]) -> Hero:
        """Read the parts of a hero that are not in order.

        There must be one age and one gender, and the power must be the end, or else a known one: not any
        words that happen to stand before an age.
        """
        ages = [at for at, word in enumerate(words) if _AGE.fullmatch(word)]
        genders = [at for at in range(len(words)) if self.gender_length(words[at:])]
        if not ages or not genders:
            raise self._what_is_missing(words, ages)
        length = self.gender_length(words[genders[0] :])
        taken = {ages[0], *range(genders[0], genders[0] + length)}
        rest = [at for at in range(len(words)) if at not in taken]
        gender, power = (" ".join(words[at] for at in part) for part in (sorted(taken - {ages[0]}), rest))
        hero = self.hero(words[ages[0]], gender, power)
        is_together = rest == list(range(rest[0], rest[-1] + 1))
        is_sure = len(ages) == 1 and taken.issuperset(genders) and is_together
        if is_sure and (rest[-1] == len(words) - 1 or hero.power in self._known_powers):
            return hero
        raise NotUnderstood(
            "First the age, then the gender, then the power: try `{/hero hero:{typed}}`.",
            typed=self.typed(hero),
        )

    def _what_is_missing(self, words: list[str], ages: list[int]) -> NotUnderstood:
        if not ages:
            return self._age_error() if self._has_other_age(words) else self._missing_age()
        others = words[1:]
        is_place_known = ages[0] == 0 and len(others) > 1 and not self.power_lexicon.find(" ".join(others))
        return self._after_age(words[ages[0]], self._gender_error(others[0] if is_place_known else ""))

    def _has_other_age(self, words: list[str]) -> bool:
        """Return whether something that is no age stands for one, as in "40.5 woman" and "forty woman"."""
        starts_with_number = words[0][:1].isdigit()
        return (
            starts_with_number
            or self.gender_length(words[1:]) > 0
            or any(map(_OTHER_NUMBER.fullmatch, words))
        )

    def _age_error(self) -> NotUnderstood:
        return NotUnderstood(
            "An age is a whole number in digits, as in `{/hero hero:{example}}`.", example=self.example
        )

    def _missing_age(self) -> NotUnderstood:
        return NotUnderstood(
            "The age is missing: begin with a whole number in digits, for example `{/hero hero:{example}}`.",
            example=self.example,
        )

    def gender_length(self, words: Sequence[str]) -> int:
        """Return how many words at the beginning are a gender, as "non binary" is; 0 if there is none."""
        longest = min(self.gender_lexicon.most_words, len(words))
        lengths = range(longest, 0, -1)
        return next((n for n in lengths if self.gender_lexicon.find(" ".join(words[:n]))), 0)

    def has_age_or_gender(self, text: str) -> bool:
        """Return whether a text has a digit or a gender: without both, nobody has begun to type a hero."""
        words = split_words(text.rstrip(_FULL_STOPS))
        return any(map(str.isdigit, text)) or any(self.gender_length(words[at:]) for at in range(len(words)))

    def hero(self, age: str, gender: str, power: str) -> Hero:
        """Read a hero's parts, as the columns of a file hold them; blanks around them do not matter.

        Raise NotUnderstood, which says which part is missing or not known and what to type.
        """
        age = age.strip()
        if not _AGE.fullmatch(age):
            raise self._age_error() if age else self._missing_age()
        known_gender = self.gender_lexicon.find(gender)
        if known_gender is None:
            raise self._after_age(age, self._gender_error(gender.strip()))
        try:
            known_power = self.power(" ".join(split_words(power)))
        except NotUnderstood as mistake:
            raise self._after_age(age, mistake) from None
        return Hero(self._age(age), known_gender, known_power)

    def _after_age(self, age: str, mistake: NotUnderstood) -> NotUnderstood:
        """Return a mistake with that of the age before it, if there is one: both are told at once."""
        try:
            self._age(age)
        except NotUnderstood as beyond:
            return NotUnderstood("{first} {second}", first=beyond.message, second=mistake.message)
        return mistake

    def _gender_error(self, word: str) -> NotUnderstood:
        *some, last = (_translated_if_ours(gender, *_GENDERS) for gender in self.genders)
        known = LocalizedMessage("{some} or {last}", some=some, last=last) if some else last
        if word and len(word) <= self.limits.power_characters and is_plain(word):
            return NotUnderstood(
                'I do not know the gender "{word}": after the age say {known}, as in '
                "`{/hero hero:{example}}`.",
                word=word,
                known=known,
                example=self.example,
            )
        return NotUnderstood(
            "The gender is missing: after the age say {known}, as in `{/hero hero:{example}}`.",
            known=known,
            example=self.example,
        )

    def _age(self, word: str) -> int:
        low, high = self.limits.youngest, self.limits.oldest
        # len() first: Python refuses to convert numbers of thousands of digits
        if len(word) > 9 or not low <= int(word) <= high:
            raise NotUnderstood(
                "The age must be between {low} and {high}: I do not describe heroes of other ages.",
                low=low,
                high=high,
            )
        return int(word)

    def power(self, text: str) -> str:
        """Return a power in lower case and NFC; of a synonym, the power that it stands for.

        Raise NotUnderstood, which says what is wrong with it.
        """
        plain = self.plain_power(text)
        return self.power_lexicon.find(plain) or plain

    def plain_power(self, text: str) -> str:
        """Return a power as typed, in lower case and NFC, without a full stop.

        Raise NotUnderstood, which says what is wrong with it.
        """
        text = unicodedata.normalize("NFC", text.lower()).rstrip(_FULL_STOPS)
        if not text:
            raise NotUnderstood(
                "The power is missing: end with it, as in `{/hero hero:{example}}`.", example=self.example
            )
        if len(text) > self.limits.power_characters:
            most = self.limits.power_characters
            raise NotUnderstood(
                "That power has {number} characters; at most {most} fit. Say it shorter.",
                number=len(text),
                most=most,
            )
        if not is_plain(text):
            raise NotUnderstood(
                "A power is made of plain words: letters, digits, spaces, hyphens and apostrophes, "
                "without mentions, links or formatting."
            )
        return text


def _translated_if_ours(text: str, *ours: str) -> LocalizedMessage | str:
    """Return a text of data/heroes.toml to be translated if the catalogues know it, else as it is.

    An operator's own text may be that of an unrelated message, such as "live".
    """
    return LocalizedMessage(text) if text in ours else text


def quoted(power: str) -> LocalizedMessage:
    """Return a power as a sentence speaks of it, however it is written."""
    return LocalizedMessage("“{power}”", power=power)


def split_words(text: str) -> list[str]:
    """Return the words of a hero, without commas and the arrow of tuning prompts."""
    return text.replace("->", " ").replace(",", " ").split()


def is_plain(power: str) -> bool:
    """Return whether a power consists of plain words."""
    marked = (_MARK if unicodedata.category(char).startswith("M") else char for char in power)
    return bool(_PLAIN.fullmatch("".join(marked)))
