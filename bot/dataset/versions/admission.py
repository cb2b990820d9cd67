"""Admission: which descriptions may enter a dataset, by their votes and by their words."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.community.powers import Powers
from bot.heroes.config import HeroesConfig
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import mark
from bot.rating.scores import Scores, Thresholds, Verdict, VoteSnapshot, interval
from bot.store import descriptions
from bot.store.database import Database
from bot.store.descriptions import Description

FREE_POWER = mark("of a power outside the vocabulary")

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

    standing: VoteSnapshot
    liked: dict[str, list[Judged]] = field(default_factory=lambda: defaultdict(list))
    disliked: dict[str, list[Judged]] = field(default_factory=lambda: defaultdict(list))
    unfit: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        return {
            "liked": sum(map(len, self.liked.values())),
            "voted down": sum(map(len, self.disliked.values())),
        }


@dataclass(frozen=True, slots=True)
class Intake:
    """How many descriptions some thresholds let in and vote down; unfit as in Admitted."""

    enters: int
    voted_down: int
    unfit: Counter[str]


class Admission:
    """Lets descriptions in that enough people liked, that keep their hero, and whose power is known."""

    def __init__(
        self, db: Database, scores: Scores, powers: Powers, heroes: HeroesConfig, thresholds: Thresholds
    ) -> None:
        self._db = db
        self._scores = scores
        self._powers = powers
        self._prompts = heroes.prompts
        self._curation = heroes.curation
        self._faults: dict[int, str | None] = {}  # of descriptions' words, which never change
        self.thresholds = thresholds

    async def now(self) -> Admitted:
        """All that is admitted or voted down now, by the thresholds that are set."""
        standing = await self._scores.snapshot()
        admitted = Admitted(standing)
        for judged in await self.judged(await self._surest_first(standing, "admitted")):
            if judged.fault is None:
                admitted.liked[judged.prompt].append(judged)
            else:
                admitted.unfit[judged.fault] += 1
        for judged in await self.judged(await self._surest_first(standing, "voted down")):
            if judged.fault != FREE_POWER:
                admitted.disliked[judged.prompt].append(judged)
        return admitted

    async def intakes(self, standing: VoteSnapshot, ways: Sequence[Thresholds]) -> list[Intake]:
        """What each of some thresholds would let in. A text is read once, however often it is asked for."""
        vocabulary = await self._powers.vocabulary()
        known = frozenset(vocabulary.powers)
        unread = await asyncio.to_thread(self._unread, standing, ways, known)
        for some in _chunks(unread):
            async with self._db.read() as tx:
                found = await descriptions.get_many(tx, some)
            await asyncio.to_thread(lambda: [self._read(each) for each in found])  # noqa: B023
        return await asyncio.to_thread(self._intakes, standing, ways, known)

    def _unread(self, standing: VoteSnapshot, ways: Sequence[Thresholds], known: frozenset[str]) -> list[int]:
        """The descriptions whose words decide whether they are let in, and were never looked at."""
        let_in = {votes: any(way.admits(*votes) for way in ways) for votes in _votes_of(standing)}
        return [
            each.description_id
            for each in standing.descriptions
            if each.power in known
            and let_in[each.ups, each.downs]
            and each.description_id not in self._faults
        ]

    def _intakes(
        self, standing: VoteSnapshot, ways: Sequence[Thresholds], known: frozenset[str]
    ) -> list[Intake]:
        alike = Counter(
            (
                (each.ups, each.downs),
                self._faults.get(each.description_id) if each.power in known else FREE_POWER,
            )
            for each in standing.descriptions
        )
        return [_intake(way, alike) for way in ways]

    async def judged(self, ids: Sequence[int]) -> list[Judged]:
        """Descriptions in the order of their ids here; those that are in sight no more are left out."""
        vocabulary = await self._powers.vocabulary()
        found: list[Judged] = []
        for some in _chunks(ids):
            async with self._db.read() as tx:
                by_id = {each.id: each for each in await descriptions.get_many(tx, some)}
            shown = [by_id[each] for each in some if each in by_id and by_id[each].removed_at is None]
            # a thousand texts are no work for the event loop
            found += await asyncio.to_thread(lambda: [self._judge(each, vocabulary) for each in shown])  # noqa: B023
        return found

    def _judge(self, description: Description, vocabulary: Vocabulary) -> Judged:
        text, fault = self._read(description)
        prompt = self._prompts.tuning_prompt(description.hero)
        return Judged(description, prompt, text, fault if vocabulary.trains(description.hero) else FREE_POWER)

    def _read(self, description: Description) -> tuple[str, str | None]:
        """The text that may train, and what is wrong with its words."""
        text = self._curation.trim(description.text)
        if description.id not in self._faults:
            self._faults[description.id] = self._curation.rejection_reason(description.hero, text)
        return text, self._faults[description.id]

    async def _surest_first(self, standing: VoteSnapshot, verdict: Verdict) -> list[int]:
        return await asyncio.to_thread(_surest_first, standing, self.thresholds, verdict)


def _surest_first(standing: VoteSnapshot, way: Thresholds, verdict: Verdict) -> list[int]:
    rank: dict[tuple[int, int], float] = {}
    for ups, downs in _votes_of(standing):
        if way.verdict(ups, downs) == verdict:
            low, high = interval(ups, downs, way.confidence)
            rank[ups, downs] = -low if verdict == "admitted" else high
    found = [each for each in standing.descriptions if (each.ups, each.downs) in rank]
    found.sort(key=lambda each: (rank[each.ups, each.downs], each.description_id))
    return [each.description_id for each in found]


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    return (list(ids[at : at + _CHUNK]) for at in range(0, len(ids), _CHUNK))


def _votes_of(standing: VoteSnapshot) -> set[tuple[int, int]]:
    """All numbers of ups and downs that descriptions have: a verdict is theirs, and they are few."""
    return {(each.ups, each.downs) for each in standing.descriptions}


def _intake(way: Thresholds, alike: Counter[tuple[tuple[int, int], str | None]]) -> Intake:
    """What a way lets in of those counted by their ups and downs, and by what keeps them out."""
    unfit: Counter[str] = Counter()
    enters = voted_down = 0
    for (votes, fault), number in alike.items():
        verdict = way.verdict(*votes)
        if verdict == "admitted" and fault is None:
            enters += number
        elif verdict == "admitted" and fault is not None:
            unfit[fault] += number
        elif verdict == "voted down" and fault != FREE_POWER:
            voted_down += number
    return Intake(enters, voted_down, unfit)
