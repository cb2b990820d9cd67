"""Pairs for preference tuning: a better and a worse text of one hero, from duels and opposite verdicts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bot.dataset.versions.admission import Admission, Admitted, Judged
from bot.dataset.versions.draft import Draft, Text
from bot.dataset.versions.freeze import Freezer, Frozen
from bot.i18n.message import LocalizedMessage, mark
from bot.store import scores
from bot.store.database import Database

MOST_OF_VOTER = 20  # duels that one voter has a say in: nobody's taste alone is to be learnt

_UNDECIDED, _HIDDEN = mark("undecided duels"), mark("taken from sight")
_CONTRADICTED = mark("contradicted by other votes")


@dataclass(frozen=True, slots=True)
class Pair:
    """What people preferred, and to what."""

    better: Judged
    worse: Judged

    @property
    def ids(self) -> tuple[int, int]:
        return self.better.description.id, self.worse.description.id

    @property
    def text(self) -> Text:
        """The worse text as it was shown, on one line; the better one as it may train."""
        shown = " ".join(self.worse.description.text.split())
        return Text(self.better.text, "description", self.ids[0], shown, self.ids[1])


@dataclass(frozen=True, slots=True)
class FrozenPairs:
    """A frozen dataset of pairs, or one that was there already, and what came together for it.

    by_origin counts usable pairs by where they come from, left_out the others by the reason; not_counted
    says, in words, which votes do not count.
    """

    frozen: Frozen
    by_origin: dict[str, int]
    left_out: Counter[str]
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
        by_prompt: dict[str, list[Text]] = defaultdict(list)
        for pair in pairs:
            by_prompt[pair.better.prompt].append(pair.text)
        with Draft() as draft:
            for prompt, texts in sorted(by_prompt.items()):
                draft.add(prompt, texts)
            frozen = await self._freezer.freeze(draft, {"pairs": by_origin}, "preference")
            left_out += draft.dropped
        return FrozenPairs(frozen, by_origin, left_out, admitted.standing.not_counted)

    async def _of_duels(self, admitted: Admitted, left_out: Counter[str]) -> list[Pair]:
        """One pair for each duel in which most counted voters agree, where its better text may train."""
        async with self._db.read() as tx:
            counts = await scores.list_duel_counts(tx, admitted.standing.rule, max_per_voter=MOST_OF_VOTER)
        decided = [each for each in counts if each.for_live != each.for_candidate]
        left_out[_UNDECIDED] += len(counts) - len(decided)
        shown = {side for each in decided for side in (each.live_id, each.candidate_id)}
        judged = {each.description.id: each for each in await self._admission.judged(sorted(shown))}
        pairs = []
        for each in decided:
            sides = (each.live_id, each.candidate_id)
            better, worse = map(judged.get, sides if each.for_live > each.for_candidate else sides[::-1])
            if better is None or worse is None:
                left_out[_HIDDEN] += 1
            elif better.fault:
                left_out[better.fault] += 1
            else:
                pairs.append(Pair(better, worse))
        return pairs


def _of_verdicts(admitted: Admitted) -> Iterator[Pair]:
    """The surest liked text of a hero beside the surest disliked one, the next beside the next; each once."""
    for prompt, liked in admitted.liked.items():
        yield from map(Pair, liked, admitted.disliked.get(prompt, ()))


def _agreed(origins: dict[str, Iterable[Pair]], left_out: Counter[str]) -> tuple[list[Pair], dict[str, int]]:
    """Every pair once, none that another turns round; and how many came from where first."""
    found: dict[tuple[int, int], tuple[str, Pair]] = {}
    for origin, pairs in origins.items():
        for pair in pairs:
            found.setdefault(pair.ids, (origin, pair))
    kept = [each for ids, each in found.items() if ids[::-1] not in found]
    if len(kept) < len(found):
        left_out[_CONTRADICTED] += len(found) - len(kept)
    return [pair for _, pair in kept], dict(Counter(origin for origin, _ in kept))
