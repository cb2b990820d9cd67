"""Choosing: which of the answers written for a slot may train, if any."""

import re
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from bot.dataset.build.plan import Planner, Slot
from bot.dataset.versions.near_duplicates import NEAR_DUPLICATE
from bot.heroes.curation import TOO_SHORT, Curation
from bot.heroes.prompts import Prompts
from bot.i18n.message import mark
from bot.store import examples
from bot.store.database import Database
from bot.store.examples import StoredAnswer
from bot.store.job_schema import BuildSpec

FLAGGED = mark("flagged by moderation")

_CHUNK = 200  # slots looked up at once
_LONGEST_QUOTE = 6  # words of the prompt that a text may hold in one row


@dataclass(frozen=True, slots=True)
class Accepted:
    """A text that may train, and the example it was made from."""

    slot: Slot
    text: str
    example_id: int
    moderated: bool  # whether the provider was asked about it, or a person has looked at it


@dataclass(frozen=True, slots=True)
class Selection:
    """What there is for a slot: the accepted text, or the faults of all that was written so far."""

    slot: Slot
    accepted: Accepted | None
    rejections: tuple[str, ...]
    finish_reasons: tuple[str, ...]

    @property
    def tried(self) -> int:
        """How many attempts have been answered."""
        return len(self.finish_reasons)


class ExampleSelector:
    """Looks at what is cached. It writes nothing: the same answers and reviews give the same choices."""

    def __init__(self, db: Database, planner: Planner, prompts: Prompts, curation: Curation) -> None:
        self._db = db
        self._planner = planner
        self._prompts = prompts
        self._curation = curation

    @property
    def attempts(self) -> int:
        """How often a slot is asked for before it is given up."""
        return self._curation.attempts

    async def walk(
        self, spec: BuildSpec, slots: Iterable[Slot], without: Collection[int] = ()
    ) -> AsyncIterator[Selection]:
        """The choices of slots in their order, lazily.

        `without` are ids of examples that say the same as others.
        """
        for chunk in _chunks(slots):
            for choice in await self._choose(spec, chunk, without):
                yield choice

    async def _choose(self, spec: BuildSpec, slots: list[Slot], without: Collection[int]) -> list[Selection]:
        chosen: dict[int, Accepted] = {}
        faults: list[list[str]] = [[] for _ in slots]
        reasons: list[list[str]] = [[] for _ in slots]
        for attempt in range(self.attempts):
            open_ = [at for at in range(len(slots)) if at not in chosen and len(reasons[at]) == attempt]
            keys = {at: self._planner.question(spec, slots[at], attempt)[0].key for at in open_}
            if not keys:
                break
            async with self._db.read() as tx:
                cached = await examples.get_answers(tx, list(keys.values()))
            for at, key in keys.items():
                if key not in cached:
                    continue
                reasons[at].append(cached[key].finish_reason)
                text, fault = self.judge(slots[at], cached[key], without)
                if fault is None:
                    chosen[at] = Accepted(slots[at], text, cached[key].id, _looked_at(cached[key]))
                else:
                    faults[at].append(fault)
        return [
            Selection(slot, chosen.get(at), tuple(faults[at]), tuple(reasons[at]))
            for at, slot in enumerate(slots)
        ]

    def judge(
        self, slot: Slot, example: StoredAnswer, without: Collection[int] = ()
    ) -> tuple[str, str | None]:
        """The text that an answer gives, and why it may not train; None where it may.

        A person's word counts first.
        """
        text = self._curation.trim(example.answer)
        match example.verdict:
            case "edit":
                return example.edited or "", None
            case "keep":
                return text, None
            case "reject":
                return text, mark("rejected in review")
            case None:
                fault = self._curation.rejection_reason(slot.hero, text)
        faults = (
            (example.id in without, NEAR_DUPLICATE),
            (bool(example.flagged), FLAGGED),
            (example.finish_reason == "content_filter", mark("filtered by the provider")),
            (fault == TOO_SHORT and example.finish_reason == "length", mark("unfinished")),
            (self.quotes_the_prompt(slot, text), mark("quotes the prompt")),
        )
        return text, next((reason for found, reason in faults if found), fault)

    def quotes_the_prompt(self, slot: Slot, text: str) -> bool:
        """Whether six words in a row are the prompt's.

        The power's own words are not counted: a text must name it.
        """
        prompt = self._prompts.generation_prompt(slot.hero).lower()
        asked = (_runs(part) for part in prompt.split(slot.hero.power))
        return not set().union(*asked).isdisjoint(_runs(text.lower()))


def _looked_at(example: StoredAnswer) -> bool:
    return example.flagged is not None or example.verdict in ("keep", "edit")


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return {tuple(words[at : at + _LONGEST_QUOTE]) for at in range(len(words) - _LONGEST_QUOTE + 1)}


def _chunks(slots: Iterable[Slot]) -> Iterator[list[Slot]]:
    remaining = iter(slots)
    while chunk := list(islice(remaining, _CHUNK)):
        yield chunk
