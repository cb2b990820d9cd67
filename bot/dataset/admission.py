"""Admission: which descriptions may enter a dataset, by their votes and by their words."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.hero import Vocabulary
from bot.heroes_file import HeroesFile
from bot.language import later
from bot.powers import Powers
from bot.rating.scores import Scores, Standing, Thresholds, Verdict, interval
from bot.store import descriptions
from bot.store.database import Database
from bot.store.descriptions import Description

FREE_POWER = later("of a power outside the vocabulary")

_CHUNK = 1000  # descriptions looked at together


@dataclass(frozen=True, slots=True)
class Judged:
    """A description with the text that may train, and why it may not; fault None where it may."""

    description: Description
    prompt: str
    text: str
    fault: str | None


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the votes say at one moment: liked texts, fit to train, and disliked ones, by tuning prompt.

    The surest verdicts come first. unfit counts what people liked and must not train, by the reason;
    disliked holds what is of the vocabulary alone.
    """

    standing: Standing
    liked: dict[str, list[Judged]] = field(default_factory=lambda: defaultdict(list))
    disliked: dict[str, list[Judged]] = field(default_factory=lambda: defaultdict(list))
    unfit: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "liked": sum(map(len, self.liked.values())),
            "voted down": sum(map(len, self.disliked.values())),
        }


class Admission:
    """Lets descriptions in that enough people liked, that keep their hero, and whose power is known."""

    def __init__(
        self, db: Database, scores: Scores, powers: Powers, heroes: HeroesFile, thresholds: Thresholds
    ) -> None:
        self._db = db
        self._scores = scores
        self._powers = powers
        self._prompts = heroes.prompts
        self._curation = heroes.curation
        self.thresholds = thresholds

    async def now(self) -> Admitted:
        """All that is admitted or voted down now, by the thresholds that are set."""
        standing = await self._scores.standing()
        admitted = Admitted(standing)
        for judged in await self.judged(self._surest_first(standing, "admitted")):
            if judged.fault is None:
                admitted.liked[judged.prompt].append(judged)
            else:
                admitted.unfit[judged.fault] += 1
        for judged in await self.judged(self._surest_first(standing, "voted down")):
            if judged.fault != FREE_POWER:
                admitted.disliked[judged.prompt].append(judged)
        return admitted

    async def fit(self, standing: Standing, ways: Sequence[Thresholds]) -> list[int]:
        """How many descriptions each of some thresholds would let in."""
        ids = [each.description_id for each in standing.tallies if any(way.admits(each) for way in ways)]
        fit = {each.description.id for each in await self.judged(ids) if each.fault is None}
        return [
            sum(way.admits(each) and each.description_id in fit for each in standing.tallies) for way in ways
        ]

    async def judged(self, ids: Sequence[int]) -> list[Judged]:
        """Descriptions in the order of their ids here; those that are in sight no more are left out."""
        vocabulary = await self._powers.vocabulary()
        found: list[Judged] = []
        for at in range(0, len(ids), _CHUNK):
            some = list(ids[at : at + _CHUNK])
            async with self._db.read() as tx:
                by_id = {each.id: each for each in await descriptions.get_many(tx, some)}
            shown = [by_id[each] for each in some if each in by_id and by_id[each].removed_at is None]
            # a thousand texts are no work for the event loop
            found += await asyncio.to_thread(lambda: [self._judge(each, vocabulary) for each in shown])  # noqa: B023
        return found

    def _judge(self, description: Description, vocabulary: Vocabulary) -> Judged:
        hero, text = description.hero, self._curation.trim(description.text)
        fault = self._curation.fault(hero, text) if vocabulary.trains(hero) else FREE_POWER
        return Judged(description, self._prompts.tuning(hero), text, fault)

    def _surest_first(self, standing: Standing, verdict: Verdict) -> list[int]:
        way = self.thresholds

        def unsure(ups: int, downs: int) -> float:
            low, high = interval(ups, downs, way.confidence)
            return -low if verdict == "admitted" else high

        found = [each for each in standing.tallies if way.verdict(each.ups, each.downs) == verdict]
        found.sort(key=lambda each: (unsure(each.ups, each.downs), each.description_id))
        return [each.description_id for each in found]
