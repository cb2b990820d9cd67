"""Select the answer of each slot that may train, if any."""

import re
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from bot.dataset.build.plan import Planner, Slot
from bot.dataset.versions.draft import TrainingText
from bot.dataset.versions.near_duplicates import NEAR_DUPLICATE
from bot.heroes.curation import ANOTHER_GENDER, TOO_LONG, TOO_SHORT, Curation, sentences
from bot.heroes.hero import Hero
from bot.heroes.prompts import Prompts
from bot.i18n.message import mark
from bot.store import examples
from bot.store.database import Database
from bot.store.examples import StoredAnswer
from bot.store.job_schema import BuildSpec

FLAGGED = mark("flagged by moderation")
POOR_SENTENCE = mark("a poor sentence before the plot")

_CHUNK_SIZE = 200  # slots per query
_QUOTE_WORDS = 6  # so many words in a row that stand in the prompt make a quotation


@dataclass(frozen=True, slots=True)
class Accepted:
    """A text that may train, and the example it comes from."""

    slot: Slot
    text: str
    example_id: int
    is_moderated: bool  # by the provider, or reviewed by a person


@dataclass(frozen=True, slots=True)
class Selection:
    """The accepted text of a slot, or why each answer so far was rejected."""

    slot: Slot
    accepted: Accepted | None
    rejections: tuple[str, ...]
    finish_reasons: tuple[str, ...]

    @property
    def tried(self) -> int:
        """How many attempts have an answer."""
        return len(self.finish_reasons)


class ExampleSelector:
    """Select among cached answers. The same answers and reviews always give the same selection."""

    def __init__(self, db: Database, planner: Planner, prompts: Prompts, curation: Curation) -> None:
        self._db = db
        self._planner = planner
        self._prompts = prompts
        self._curation = curation

    @property
    def max_attempts(self) -> int:
        """How many times a slot is asked for before it is given up."""
        return self._curation.attempts

    async def walk(
        self, spec: BuildSpec, slots: Iterable[Slot], excluded_ids: Collection[int] = ()
    ) -> AsyncIterator[Selection]:
        """Yield the selections of slots lazily, in the order of the slots.

        excluded_ids: examples that were dropped as duplicates.
        """
        for chunk in _chunks(slots):
            for selection in await self._select(spec, chunk, excluded_ids):
                yield selection

    async def examples_by_hero(
        self, spec: BuildSpec, excluded_ids: Collection[int] = ()
    ) -> AsyncIterator[tuple[Hero, TrainingText | None]]:
        """Yield the accepted example of every slot, those of one hero side by side; None if it has none.

        excluded_ids: examples that were dropped as duplicates.
        """
        async for selection in self.walk(spec, self._planner.slots_by_hero(spec), excluded_ids):
            accepted = selection.accepted
            text = TrainingText(accepted.text, "example", accepted.example_id) if accepted else None
            yield selection.slot.hero, text

    async def _select(
        self, spec: BuildSpec, slots: list[Slot], excluded_ids: Collection[int]
    ) -> list[Selection]:
        accepted: dict[int, Accepted] = {}  # by index of the slot
        rejections: list[list[str]] = [[] for _ in slots]
        finish_reasons: list[list[str]] = [[] for _ in slots]
        for attempt in range(self.max_attempts):
            open_ = [
                at for at in range(len(slots)) if at not in accepted and len(finish_reasons[at]) == attempt
            ]
            keys = {at: self._planner.question(spec, slots[at], attempt)[0].key for at in open_}
            if not keys:
                break
            async with self._db.read() as tx:
                cached = await examples.get_answers(tx, list(keys.values()))
            for at, key in keys.items():
                if key not in cached:
                    continue
                example = cached[key]
                finish_reasons[at].append(example.finish_reason)
                text, reason = self.judge(slots[at], example, excluded_ids)
                if reason is None:
                    accepted[at] = Accepted(slots[at], text, example.id, _is_moderated(example))
                else:
                    rejections[at].append(reason)
        return [
            Selection(slot, accepted.get(at), tuple(rejections[at]), tuple(finish_reasons[at]))
            for at, slot in enumerate(slots)
        ]

    def judge(
        self, slot: Slot, example: StoredAnswer, excluded_ids: Collection[int] = ()
    ) -> tuple[str, str | None]:
        """Return the text of an answer and its rejection reason, None if it may train.

        A person's verdict overrides every rule.
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
                curation_reason = self._curation.rejection_reason(slot.hero, text)
        rules = (
            (example.id in excluded_ids, NEAR_DUPLICATE),
            (bool(example.flagged), FLAGGED),
            (example.finish_reason == "content_filter", mark("filtered by the provider")),
            (curation_reason == TOO_SHORT and example.finish_reason == "length", mark("unfinished")),
            (self.quotes_the_prompt(slot, text), mark("quotes the prompt")),
        )
        fault = curation_reason or self._fault_beside_plot(slot.hero, example.answer, text)
        return text, next((reason for applies, reason in rules if applies), fault)

    def _fault_beside_plot(self, hero: Hero, answer: str, text: str) -> str | None:
        """Return a fault of the sentence that a small model wrote before a plot, None if there is none.

        answer: the whole text; text: what is left of it after trimming.

        Only the hero has a pronoun in a plot and in what stands before it, so any other is the sentence's; and
        if the sentence is so long that the plot lost its ending, the text tells no story.
        """
        plot = self._prompts.profile.told_plot(hero, answer)
        if plot is None:
            return None
        if not text.endswith(plot):
            return TOO_LONG
        if self._prompts.profile.own_sentence.is_poor(sentences(text.removesuffix(plot))[-1]):
            return POOR_SENTENCE
        names_another = self._curation.names_another_gender(hero.gender, text)
        return ANOTHER_GENDER if names_another and self._curation.applies(ANOTHER_GENDER) else None

    def quotes_the_prompt(self, slot: Slot, text: str) -> bool:
        """Return whether the text and the prompt share six words in a row.

        The words of the power are left out: a text must name it.
        """
        prompt = self._prompts.generation_prompt(slot.hero).lower()
        prompt_ngrams = (_ngrams(part) for part in prompt.split(self._prompts.spoken_power(slot.hero)))
        return not set().union(*prompt_ngrams).isdisjoint(_ngrams(text.lower()))


def _is_moderated(example: StoredAnswer) -> bool:
    return example.flagged is not None or example.verdict in ("keep", "edit")


def _ngrams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return {tuple(words[at : at + _QUOTE_WORDS]) for at in range(len(words) - _QUOTE_WORDS + 1)}


def _chunks(slots: Iterable[Slot]) -> Iterator[list[Slot]]:
    remaining = iter(slots)
    while chunk := list(islice(remaining, _CHUNK_SIZE)):
        yield chunk
