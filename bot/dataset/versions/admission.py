"""Admission: decide which descriptions may enter a dataset, by their votes and by curation."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from bot.community.accounts import Pseudonyms
from bot.community.powers import Powers
from bot.dataset.versions.kept_verdicts import KeptVerdicts
from bot.heroes.config import HeroesConfig
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import LocalizedMessage, mark
from bot.rating.scores import Scores, VoteSnapshot
from bot.rating.thresholds import Thresholds, Verdict, interval
from bot.store import descriptions
from bot.store.database import Database
from bot.store.descriptions import Description

OUTSIDE_VOCABULARY = mark("of a power outside the vocabulary")
OF_TEAM, OF_SCENE = mark("it tells of a team"), mark("it is a scene of a story")

_CHUNK_SIZE = 1000  # descriptions per query

Votes = tuple[int, int]  # ups and downs


@dataclass(frozen=True, slots=True)
class JudgedDescription:
    """A description, its curated text, and why the text may not train (None if it may)."""

    description: Description
    prompt: str
    text: str
    rejection_reason: str | None


@dataclass(frozen=True, slots=True)
class AdmissionResult:
    """The descriptions that the votes admit or vote down, by tuning prompt, the most certain verdicts first.

    liked holds usable texts; unfit counts the admitted texts that may not train, by reason. disliked holds
    texts of the vocabulary only.
    """

    votes: VoteSnapshot
    liked: dict[str, list[JudgedDescription]] = field(default_factory=lambda: defaultdict(list))
    disliked: dict[str, list[JudgedDescription]] = field(default_factory=lambda: defaultdict(list))
    unfit: Counter[str] = field(default_factory=Counter)

    @property
    def liked_count(self) -> int:
        return sum(map(len, self.liked.values()))

    @property
    def disliked_count(self) -> int:
        return sum(map(len, self.disliked.values()))


@dataclass(frozen=True, slots=True)
class VoteEffect:
    """What a vote does, for its voter.

    not_counted: why it does not count; None if it does, as far as voters are told. rejection_reason: what
    keeps the text or its power from training; None if they may train. more: how many more votes for the text
    would admit it, 0 if it is admitted, None if that is far.
    """

    not_counted: LocalizedMessage | None
    rejection_reason: str | None
    more: int | None


class Admission:
    """Admit descriptions that enough people liked, with a power of the vocabulary and a text that is fit."""

    def __init__(
        self,
        db: Database,
        pseudonyms: Pseudonyms,
        scores: Scores,
        powers: Powers,
        heroes: HeroesConfig,
        verdicts: KeptVerdicts,
        thresholds: Thresholds,
    ) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._scores = scores
        self._powers = powers
        self._prompts = heroes.prompts
        self._curation = heroes.curation
        self.verdicts = verdicts
        self.thresholds = thresholds

    async def admit(self) -> AdmissionResult:
        """Return what the configured thresholds admit and vote down now."""
        votes = await self._scores.snapshot()
        result = AdmissionResult(votes)
        for judged in await self.judge(await self._most_certain_first(votes, "admitted")):
            if judged.rejection_reason is None:
                result.liked[judged.prompt].append(judged)
            else:
                result.unfit[judged.rejection_reason] += 1
        for judged in await self.judge(await self._most_certain_first(votes, "voted down")):
            if judged.rejection_reason != OUTSIDE_VOCABULARY:
                result.disliked[judged.prompt].append(judged)
        return result

    async def best(self, number: int, *, without: Collection[int] = ()) -> list[JudgedDescription]:
        """Return usable descriptions that the votes admit, those with the most certain verdicts.

        without: the ids of descriptions to leave out.
        """
        votes = await self._scores.snapshot()
        ids = [each for each in await self._most_certain_first(votes, "admitted") if each not in without]
        found: list[JudgedDescription] = []
        for chunk in _chunks(ids):
            found += [each for each in await self.judge(chunk) if each.rejection_reason is None]
            if len(found) >= number:
                break
        return found[:number]

    async def effect(self, description_id: int, user_id: int) -> VoteEffect | None:
        """Return what a person's vote on a description does; None if the description is gone or hidden."""
        judged = await self.judge([description_id])
        if not judged:
            return None
        not_counted = await self._scores.uncounted_reason(description_id, self._pseudonyms.of(user_id))
        votes = await self._scores.votes_on(description_id)
        more = self.thresholds.still_needed(*votes)
        return VoteEffect(not_counted, judged[0].rejection_reason, more)

    async def judge(self, ids: Sequence[int]) -> list[JudgedDescription]:
        """Curate descriptions, in the order of the given ids. Removed ones are left out."""
        vocabulary = await self._powers.vocabulary()
        judged: list[JudgedDescription] = []
        for chunk in _chunks(ids):
            async with self._db.read() as tx:
                by_id = {found.id: found for found in await descriptions.get_many(tx, chunk)}
                reasons = await self.verdicts.read(tx, chunk)
            visible = [by_id[id_] for id_ in chunk if id_ in by_id and by_id[id_].removed_at is None]
            if missing := [each for each in visible if each.id not in reasons]:
                reasons |= await self.verdicts.judge(missing)
            # in a thread: to trim a thousand texts would block the event loop
            judged += await asyncio.to_thread(
                lambda: [self._judged(each, vocabulary, reasons[each.id]) for each in visible]  # noqa: B023
            )
        return judged

    def _judged(
        self, description: Description, vocabulary: Vocabulary, reason: str | None
    ) -> JudgedDescription:
        text = self._curation.trim(description.text)
        if not vocabulary.trains(description.hero):
            reason = OUTSIDE_VOCABULARY
        if not description.of_one_hero:
            reason = OF_TEAM if description.kind == "team" else OF_SCENE
        return JudgedDescription(description, self._prompts.tuning_prompt(description.hero), text, reason)

    async def _most_certain_first(self, votes: VoteSnapshot, verdict: Verdict) -> list[int]:
        return await asyncio.to_thread(_most_certain_first, votes, self.thresholds, verdict)


def _most_certain_first(votes: VoteSnapshot, thresholds: Thresholds, verdict: Verdict) -> list[int]:
    """Return the ids of descriptions with a verdict, by the bound of their interval."""
    rank: dict[Votes, float] = {}
    for ups, downs in _distinct_votes(votes):
        if thresholds.verdict(ups, downs) == verdict:
            low, high = interval(ups, downs, thresholds.confidence)
            rank[ups, downs] = -low if verdict == "admitted" else high
    found = [tally for tally in votes.descriptions if (tally.ups, tally.downs) in rank]
    found.sort(key=lambda tally: (rank[tally.ups, tally.downs], tally.description_id))
    return [tally.description_id for tally in found]


def _chunks(ids: Sequence[int]) -> Iterator[list[int]]:
    return (list(ids[at : at + _CHUNK_SIZE]) for at in range(0, len(ids), _CHUNK_SIZE))


def _distinct_votes(votes: VoteSnapshot) -> set[Votes]:
    """Return the distinct counts of ups and downs. A verdict depends on them only, and they are few."""
    return {(tally.ups, tally.downs) for tally in votes.descriptions}
