"""Preference pairs: a better and a worse text of one hero, from duels and from opposite verdicts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.dataset.versions.admission import Admission, AdmissionResult, JudgedDescription
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.freeze import Freezer, FreezeResult
from bot.i18n.message import LocalizedMessage, mark
from bot.store import scores
from bot.store.database import Database

MAX_DUELS_PER_VOTER = 20  # so that no single voter's taste decides what is learned

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
        duels = await self._pairs_from_duels(admitted, dropped)
        verdicts = list(_pairs_from_verdicts(admitted))
        pairs, by_origin = _merge({"duels": duels, "verdicts": verdicts}, dropped)
        by_prompt: dict[str, list[TrainingText]] = defaultdict(list)
        for pair in pairs:
            by_prompt[pair.preferred.prompt].append(pair.text)
        with Draft() as draft:
            for prompt, texts in sorted(by_prompt.items()):
                draft.add(prompt, texts)
            frozen = await self._freezer.freeze(draft, {"pairs": by_origin}, "preference")
            dropped += draft.dropped
        return FrozenPairs(frozen, by_origin, dropped, admitted.votes.not_counted)

    async def _pairs_from_duels(
        self, admitted: AdmissionResult, dropped: Counter[str]
    ) -> list[PreferencePair]:
        """Return a pair per duel that a majority of counted votes decides, if the better text is usable."""
        async with self._db.read() as tx:
            duels = await scores.list_duel_counts(tx, admitted.votes.rule, max_per_voter=MAX_DUELS_PER_VOTER)
        decided = [duel for duel in duels if duel.for_live != duel.for_candidate]
        dropped[_UNDECIDED] += len(duels) - len(decided)
        ids = {id_ for duel in decided for id_ in (duel.live_id, duel.candidate_id)}
        judged = {found.description.id: found for found in await self._admission.judge(sorted(ids))}
        pairs = []
        for duel in decided:
            sides = (duel.live_id, duel.candidate_id)
            better, worse = map(judged.get, sides if duel.for_live > duel.for_candidate else sides[::-1])
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
    origins: dict[str, Iterable[PreferencePair]], dropped: Counter[str]
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
