"""Preference pairs: a better and a worse text of one hero, from duels, takes and opposite verdicts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bot.dataset.versions.admission import Admission, AdmissionResult, JudgedDescription
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.freeze import Freezer, FreezeResult
from bot.i18n.message import LocalizedMessage, mark
from bot.store import picks, scores
from bot.store.database import Database

MAX_DUELS_PER_VOTER = 20  # so that no single voter's taste decides what is learned
MAX_PICKS_PER_VOTER = 20  # between a take and the text before it, for the same reason

_UNDECIDED_TAKES = mark("from undecided takes")
_UNDECIDED, _HIDDEN = mark("from undecided duels"), mark("hidden after reports")
_CONTRADICTED = mark("contradicted by other votes")


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two descriptions of one hero, of which people preferred one."""

    preferred: JudgedDescription
    rejected: JudgedDescription

    @property
    def ids(self) -> tuple[int, int]:
        """The ids of the preferred and the rejected description."""
        return self.preferred.description.id, self.rejected.description.id

    @property
    def text(self) -> TrainingText:
        """The preferred text as curated, and the rejected one as shown, on one line."""
        shown = " ".join(self.rejected.description.text.split())
        return TrainingText(self.preferred.text, "description", self.ids[0], shown, self.ids[1])


class _Compared(NamedTuple):
    """Two descriptions that people compared, and the counted votes for each."""

    first_id: int
    second_id: int
    for_first: int
    for_second: int


@dataclass(frozen=True, slots=True)
class FrozenPairs:
    """The outcome of freezing pairs.

    by_origin counts usable pairs by their origin, dropped counts the others by reason. not_counted tells in
    words which votes do not count.
    """

    frozen: FreezeResult
    by_origin: dict[str, int]
    dropped: Counter[str]
    not_counted: tuple[LocalizedMessage, ...] = ()


class PreferencePairs:
    """Find preference pairs in the votes and freeze them."""

    def __init__(self, db: Database, admission: Admission, freezer: Freezer) -> None:
        self._db = db
        self._admission = admission
        self._freezer = freezer

    async def freeze(self) -> FrozenPairs:
        """Freeze all usable pairs as a dataset of kind preference. Raises UserError if there are too few."""
        admitted = await self._admission.admit()
        dropped: Counter[str] = Counter()
        duels, takes = await self._compared(admitted)
        origins: dict[str, Iterable[PreferencePair]] = {
            "duels": await self._decided(duels, dropped, _UNDECIDED),
            "takes": await self._decided(takes, dropped, _UNDECIDED_TAKES),
            "verdicts": list(_pairs_from_verdicts(admitted)),
        }
        pairs, by_origin = _merge(origins, dropped)
        by_prompt: dict[str, list[TrainingText]] = defaultdict(list)
        for pair in pairs:
            by_prompt[pair.preferred.prompt].append(pair.text)
        with Draft() as draft:
            for prompt, texts in sorted(by_prompt.items()):
                draft.add(prompt, texts)
            frozen = await self._freezer.freeze(draft, {"pairs": by_origin}, "preference")
            dropped += draft.dropped
        return FrozenPairs(frozen, by_origin, dropped, admitted.votes.not_counted)

    async def _compared(self, admitted: AdmissionResult) -> tuple[list[_Compared], list[_Compared]]:
        """Return the duels, and the takes beside their parents, with their counted votes."""
        rule = admitted.votes.rule
        async with self._db.read() as tx:
            duels = await scores.list_duel_counts(tx, rule, max_per_voter=MAX_DUELS_PER_VOTER)
            takes = await picks.list_counts(tx, rule, max_per_voter=MAX_PICKS_PER_VOTER)
        return (
            [_Compared(each.live_id, each.candidate_id, each.for_live, each.for_candidate) for each in duels],
            [_Compared(each.take_id, each.parent_id, each.for_take, each.for_parent) for each in takes],
        )

    async def _decided(
        self, compared: list[_Compared], dropped: Counter[str], undecided: str
    ) -> list[PreferencePair]:
        """Return a pair of each two that a majority of counted votes decides, if the better one is usable."""
        decided = [each for each in compared if each.for_first != each.for_second]
        dropped[undecided] += len(compared) - len(decided)
        ids = {id_ for each in decided for id_ in (each.first_id, each.second_id)}
        judged = {found.description.id: found for found in await self._admission.judge(sorted(ids))}
        pairs = []
        for each in decided:
            sides = (each.first_id, each.second_id)
            better, worse = map(judged.get, sides if each.for_first > each.for_second else sides[::-1])
            if better is None or worse is None:
                dropped[_HIDDEN] += 1
            elif better.rejection_reason:
                dropped[better.rejection_reason] += 1
            else:
                pairs.append(PreferencePair(better, worse))
        return pairs


def _pairs_from_verdicts(admitted: AdmissionResult) -> Iterator[PreferencePair]:
    """Pair the liked and disliked texts of each hero by rank of certainty; each text is used once."""
    for prompt, liked in admitted.liked.items():
        yield from map(PreferencePair, liked, admitted.disliked.get(prompt, ()))


def _merge(
    origins: Mapping[str, Iterable[PreferencePair]], dropped: Counter[str]
) -> tuple[list[PreferencePair], dict[str, int]]:
    """Return each pair once, without those that another pair contradicts, and the counts by first origin."""
    found: dict[tuple[int, int], tuple[str, PreferencePair]] = {}
    for origin, pairs in origins.items():
        for pair in pairs:
            found.setdefault(pair.ids, (origin, pair))
    kept = [origin_and_pair for ids, origin_and_pair in found.items() if ids[::-1] not in found]
    if len(kept) < len(found):
        dropped[_CONTRADICTED] += len(found) - len(kept)
    return [pair for _, pair in kept], dict(Counter(origin for origin, _ in kept))
