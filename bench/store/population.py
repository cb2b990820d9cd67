"""What a large installation's tables hold: the same rows whenever they are made, for the same moment."""

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bench.common.canned_answers import canned_answer
from bot.community.accounts import Pseudonyms
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import Hero
from bot.store.hero_columns import EMPTY_HERO

VOTES = 10  # a description has on average

SECRET = b"a secret of the bench"
GUILDS, ASKERS, VOTERS, MODELS, JOBS = 2_000, 60_000, 100_000, 5, 500
FIRST_GUILD, FIRST_MESSAGE = 10**17, 10**18
SPAN = 365 * 86_400.0  # seconds over which the descriptions were made
SCALE = 1_000_000  # the descriptions for which the numbers of people and servers are meant

Row = tuple[object, ...]

_TEXTS = 20_000  # that differ
_UNFIT = 0.08  # of the texts: they tell of another hero
_OUTSIDE = 0.05  # of the heroes have a power outside the vocabulary
_DIRECT = 0.05  # of the descriptions are in direct messages
_HIDDEN, _DELETED = 0.02, 0.005
_KEPT, _PICKED = 0.1, 0.3  # of the descriptions are somebody's favourite, of the takes were picked
_SPREAD = 1.0  # of the logarithm of the votes on a description
_MOST_VOTES = 400
_CONTRARY = 997  # every so many-th voter votes against the others


@dataclass(frozen=True)
class Population:
    """An installation of a year: servers, people, models and powers of which few have most.

    now: when its last description was made, in seconds since 1970.
    """

    heroes: HeroesConfig
    descriptions: int
    now: float

    @cached_property
    def guilds(self) -> int:
        return self._scaled(GUILDS)

    @cached_property
    def askers(self) -> Sequence[str]:
        """The pseudonyms of those who ask, those who ask most first: asker N has the user id N."""
        return [Pseudonyms(SECRET).of(number) for number in range(self._scaled(ASKERS))]

    @cached_property
    def voters(self) -> Sequence[str]:
        """The pseudonyms of those who vote; most of those who ask vote as well."""
        return [Pseudonyms(SECRET).of(number) for number in range(self._scaled(VOTERS))]

    def _scaled(self, number: int) -> int:
        return max(20, number * self.descriptions // SCALE)

    @cached_property
    def _texts(self) -> list[tuple[Hero, str]]:
        """Heroes with their texts; those of frequent powers come first."""
        grid = sorted(self.heroes.vocabulary.grid.heroes(), key=lambda hero: hero.power)
        chance = random.Random(1)  # noqa: S311 (variety, not secrecy)
        found = []
        for number in range(_TEXTS):
            hero = grid[number * len(grid) // _TEXTS]
            told = chance.choice(grid) if chance.random() < _UNFIT else hero
            found.append((hero, canned_answer(told, number)))
        return found

    def _told(self) -> Iterator[tuple[int, str | None]]:
        """Yield the number of each description's text, and its power if it is outside the vocabulary."""
        chance = random.Random(7)  # noqa: S311
        for _ in range(self.descriptions):
            number = int(_TEXTS * chance.random() ** 2)
            is_outside = chance.random() < _OUTSIDE
            yield number, f"the power of number {chance.randrange(500)}" if is_outside else None

    def verdict_rows(self, rules: str) -> Iterator[Row]:
        """Yield rows of the table curation_verdict, as an installation has that was asked for its status."""
        curation = self.heroes.curation
        reasons = [curation.rejection_reason(hero, curation.trim(text)) for hero, text in self._texts]
        for number, (text_number, other_power) in enumerate(self._told(), 1):
            if other_power is None:
                yield number, rules, reasons[text_number]

    def models(self) -> Iterator[str]:
        """Yield the names of the tuned models, the oldest first."""
        for number in range(MODELS):
            yield f"ft:smollm2-135m-instruct:heroes:{number + 1}"

    def description_rows(self) -> Iterator[Row]:
        """Yield rows of the columns in DESCRIPTION."""
        chance = random.Random(2)  # noqa: S311
        askers, models = self.askers, list(self.models())
        parent = 0
        for number, (text_number, other_power) in enumerate(self._told(), 1):
            share = number / self.descriptions
            hero, text = self._texts[text_number]
            hero = replace(hero, power=other_power) if other_power else hero
            asker = askers[int(len(askers) * chance.random() ** 2.5)]
            guild = None if chance.random() < _DIRECT else self.guild(int(self.guilds * chance.random() ** 3))
            kind = self._kind(chance) if parent else "hero"
            hidden = self.created_at(number) + 60 if chance.random() < _HIDDEN + _DELETED else None
            if hidden and chance.random() < _DELETED / (_HIDDEN + _DELETED):
                hero, text, asker, guild = EMPTY_HERO, "", "", None
            model = int(share * (MODELS + 1))  # each wrote as long as the others, the base model first
            message = None if asker == "" else FIRST_MESSAGE + number
            yield (
                number,
                models[min(model, MODELS) - 1] if model else "base",
                model > 0,
                hero.age,
                hero.gender,
                hero.power,
                text,
                "stop",
                1,
                '{"temperature": 0.9}',
                asker,
                guild,
                guild and guild * 10,
                message,
                50,
                120,
                1.5,
                self.created_at(number),
                hidden,
                False,
                False,
                kind,
                parent if kind in ("take", "scene") else None,
            )
            parent = number if kind == "hero" else parent

    def created_at(self, number: int) -> float:
        return self.now - SPAN * (1 - number / self.descriptions)

    def guild(self, number: int) -> int:
        """Return the id of a server; those of which most heroes are come first."""
        return FIRST_GUILD + number

    @staticmethod
    def _kind(chance: random.Random) -> str:
        drawn = chance.random()
        if drawn < 0.9:
            return "hero"
        return "take" if drawn < 0.96 else "scene" if drawn < 0.99 else "team"

    def vote_rows(self) -> Iterator[Row]:
        """Yield rows of the table vote, in the order of its primary key."""
        chance = random.Random(3)  # noqa: S311
        draw, voters = chance.random, self.voters
        contrary = {voter for number, voter in enumerate(voters) if number % _CONTRARY == _CONTRARY - 1}
        young = {voter for number, voter in enumerate(voters) if number % 50 == 49}
        for number, count in enumerate(self._vote_counts(), 1):
            made, quality = self.created_at(number), draw() ** 0.5
            chosen: set[str] = set()
            while len(chosen) < count:
                chosen.add(voters[int(len(voters) * draw() ** 1.5)])
            for voter in sorted(chosen):
                value = 1 if (draw() < quality) != (voter in contrary) else -1
                at = min(made + 21_600 * draw() ** 2, self.now)
                yield number, voter, value, False, "reaction", 3 if voter in young else 300, at

    def _vote_counts(self) -> "array[int]":
        """Return how many votes each description has: VOTES on average, exactly."""
        chance = random.Random(4)  # noqa: S311
        most = min(_MOST_VOTES, len(self.voters) // 2)
        middle = 1.8  # the logarithm of the median, by which the mean is about VOTES
        counts = array(
            "H", (min(most, int(chance.lognormvariate(middle, _SPREAD))) for _ in range(self.descriptions))
        )
        missing = VOTES * self.descriptions - sum(counts)
        step = 1 if missing > 0 else -1
        while missing:
            at = chance.randrange(self.descriptions)
            if 0 <= counts[at] + step <= most:
                counts[at] += step
                missing -= step
        return counts

    def bookmark_rows(self) -> Iterator[Row]:
        """Yield rows of the table bookmark."""
        chance = random.Random(5)  # noqa: S311
        for number in range(1, self.descriptions + 1):
            if chance.random() < _KEPT:
                asker = self.askers[int(len(self.askers) * chance.random() ** 2.5)]
                yield asker, number, self.created_at(number) + 600

    def pick_rows(self, takes: Sequence[int]) -> Iterator[Row]:
        """Yield rows of the table pick, on some of these takes."""
        chance = random.Random(6)  # noqa: S311
        for take in takes:
            if chance.random() < _PICKED:
                voter = chance.choice(self.voters)
                yield take, voter, chance.choice(("take", "parent")), 300, self.created_at(take) + 60

    def team_rows(self, teams: Sequence[int]) -> Iterator[Row]:
        """Yield rows of the table team_hero."""
        powers = sorted(self.heroes.vocabulary.powers)
        for team in teams:
            for position in range(3):
                yield team, position, 30 + position, "woman", powers[(team + position) % len(powers)]


DESCRIPTION = (
    "id",
    "model",
    "tuned",
    "age",
    "gender",
    "power",
    "text",
    "finish_reason",
    "prompt_version",
    "sampling",
    "requester",
    "guild_id",
    "channel_id",
    "message_id",
    "prompt_tokens",
    "completion_tokens",
    "seconds",
    "created_at",
    "removed_at",
    "settled",
    "removed_by_operators",
    "kind",
    "parent_id",
)
