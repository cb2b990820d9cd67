"""Pairs for preference tuning: a better and a worse text of one hero, from duels and opposite verdicts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.dataset.versions.admission import Admission, Admitted, JudgedDescription
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.freeze import Freezer, FreezeResult
from bot.i18n.message import LocalizedMessage, mark
from bot.store import scores
from bot.store.database import Database

MAX_DUELS_PER_VOTER = 20  # duels that one voter has a say in: nobody's taste alone is to be learnt

_UNDECIDED, _HIDDEN = mark("undecided duels"), mark("taken from sight")
_CONTRADICTED = mark("contradicted by other votes")


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """What people preferred, and to what."""

    preferred: JudgedDescription
    rejected: JudgedDescription

    @property
    def ids(self) -> tuple[int, int]:
        return self.preferred.description.id, self.rejected.description.id

    @property
    def text(self) -> TrainingText:
        """The worse text as it was shown, on one line; the better one as it may train."""
        shown = " ".join(self.rejected.description.text.split())
        return TrainingText(self.preferred.text, "description", self.ids[0], shown, self.ids[1])


@dataclass(frozen=True, slots=True)
class FrozenPairs:
    """A frozen dataset of pairs, or one that was there already, and what came together for it.

    by_origin counts usable pairs by where they come from, left_out the others by the reason; not_counted
    says, in words, which votes do not count.
    """

    frozen: FreezeResult
    by_origin: dict[str, int]
    dropped: Counter[str]
    not_counted: tuple[LocalizedMessage, ...] = field(default=())


class PreferencePairs:
    """Finds pairs in what people voted, and freezes them."""

    def __init__(self, db: Database, admission: Admission, freezer: Freezer) -> None:
        self._db = db
        self._admission = admission
        self._freezer = freezer

    async def freeze(self) -> FrozenPairs:
        """Freeze all usable pairs as a dataset of kind preference.

        Raises UserError where they are too few.
        """
        admitted = await self._admission.now()
        left_out: Counter[str] = Counter()
        duels = await self._of_duels(admitted, left_out)
        verdicts = list(_of_verdicts(admitted))
        pairs, by_origin = _agreed({"duels": duels, "verdicts": verdicts}, left_out)
        by_prompt: dict[str, list[TrainingText]] = defaultdict(list)
        for pair in pairs:
            by_prompt[pair.preferred.prompt].append(pair.text)
        with Draft() as draft:
            for prompt, texts in sorted(by_prompt.items()):
                draft.add(prompt, texts)
            frozen = await self._freezer.freeze(draft, {"pairs": by_origin}, "preference")
            left_out += draft.dropped
        return FrozenPairs(frozen, by_origin, left_out, admitted.standing.not_counted)

    async def _of_duels(self, admitted: Admitted, left_out: Counter[str]) -> list[PreferencePair]:
        """One pair for each duel in which most counted voters agree, where its better text may train."""
        async with self._db.read() as tx:
            counts = await scores.duels(tx, admitted.standing.rule, most_of_voter=MAX_DUELS_PER_VOTER)
        decided = [each for each in counts if each.for_live != each.for_candidate]
        left_out[_UNDECIDED] += len(counts) - len(decided)
        shown = {side for each in decided for side in (each.live_id, each.candidate_id)}
        judged = {each.description.id: each for each in await self._admission.judge(sorted(shown))}
        pairs = []
        for each in decided:
            sides = (each.live_id, each.candidate_id)
            better, worse = map(judged.get, sides if each.for_live > each.for_candidate else sides[::-1])
            if better is None or worse is None:
                left_out[_HIDDEN] += 1
            elif better.rejection_reason:
                left_out[better.rejection_reason] += 1
            else:
                pairs.append(PreferencePair(better, worse))
        return pairs


def _of_verdicts(admitted: Admitted) -> Iterator[PreferencePair]:
    """The surest liked text of a hero beside the surest disliked one, the next beside the next; each once."""
    for prompt, liked in admitted.liked.items():
        yield from map(PreferencePair, liked, admitted.disliked.get(prompt, ()))


def _agreed(
    origins: dict[str, Iterable[PreferencePair]], left_out: Counter[str]
) -> tuple[list[PreferencePair], dict[str, int]]:
    """Every pair once, none that another turns round; and how many came from where first."""
    found: dict[tuple[int, int], tuple[str, PreferencePair]] = {}
    for origin, pairs in origins.items():
        for pair in pairs:
            found.setdefault(pair.ids, (origin, pair))
    kept = [each for ids, each in found.items() if ids[::-1] not in found]
    if len(kept) < len(found):
        left_out[_CONTRADICTED] += len(found) - len(kept)
    return [pair for _, pair in kept], dict(Counter(origin for origin, _ in kept))
