"""Freezing: written examples and well-rated descriptions become an immutable numbered dataset."""

import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bot.dataset.choose import Chooser
from bot.dataset.draft import Draft, Text
from bot.dataset.plan import BuildSpec, Planner
from bot.errors import UserError
from bot.heroes_file import HeroesFile
from bot.rating.votes import Votes
from bot.store import datasets, descriptions
from bot.store.database import Database
from bot.store.datasets import Dataset
from bot.store.descriptions import Description

FEWEST_TRAINING = 10  # what fine-tuning APIs ask for


@dataclass(frozen=True, slots=True)
class Frozen:
    """A dataset, and whether it is new: one of exactly these texts may exist already."""

    dataset: Dataset
    new: bool


class Freezer:
    """Makes datasets; the same inputs give the same content hash, and so the same dataset."""

    def __init__(
        self,
        db: Database,
        votes: Votes,
        heroes: HeroesFile,
        planner: Planner,
        chooser: Chooser,
        *,
        min_voters: int,
    ) -> None:
        self._db = db
        self._votes = votes
        self._vocabulary = heroes.vocabulary
        self._prompts = heroes.prompts
        self._curation = heroes.curation
        self._planner = planner
        self._chooser = chooser
        self._min_voters = min_voters

    async def fill(self, draft: Draft, spec: BuildSpec, without: Collection[int] = ()) -> None:
        """Put the accepted examples of a build into a draft, and the descriptions that the votes admit."""
        rated = await self._admitted()
        prompt, texts = "", list[Text]()

        def close() -> None:
            liked = rated.pop(prompt, [])
            if liked or texts:
                draft.add(prompt, [*liked, *texts], keep_training=bool(liked))

        async for choice in self._chooser.walk(spec, self._planner.by_hero(spec), without):
            asked = self._prompts.tuning(choice.slot.hero)
            if asked != prompt:
                close()
                prompt, texts = asked, []
            if choice.accepted:
                texts.append(Text(choice.accepted.text, "example", choice.accepted.example_id))
        close()
        for prompt, liked in sorted(rated.items()):  # heroes that the grid lacks
            draft.add(prompt, liked, keep_training=True)

    async def freeze(self, draft: Draft, spec: dict[str, Any]) -> Frozen:
        """Freeze a draft. Raises UserError where too few texts are left, or all are of one hero."""
        counts = draft.counts
        training = counts.get("train", 0)
        if training < FEWEST_TRAINING:
            raise UserError(
                f"Only {training} usable texts came together, and training needs {FEWEST_TRAINING}. "
                "Run /build-dataset again with a larger limit; what was written stays cached."
            )
        if draft.only_prompt:
            raise UserError(
                f"All texts are answers to one prompt, {draft.only_prompt!r}: a model would learn nothing of "
                "what it is asked. Add texts of other heroes."
            )
        recipe = {
            **spec,
            "min_voters": self._min_voters,
            "prompts": self._prompts.version,
            "curation": self._curation.curation.model_dump(),
        }
        async with self._db.write() as tx:
            known = await datasets.with_hash(tx, draft.content_hash)
            if known:
                return Frozen(known, new=False)
            fresh = await datasets.add(
                tx,
                draft.items(),
                kind="sft",
                content_hash=draft.content_hash,
                recipe=recipe,
                counts=counts,
                at=time.time(),
            )
        return Frozen(fresh, new=True)

    async def _admitted(self) -> dict[str, list[Text]]:
        """Descriptions that the votes admit, of heroes in the vocabulary, fit to train; by tuning prompt."""
        tallies = await self._votes.tallies()
        ids = [found for found, tally in tallies.items() if tally.admits(self._min_voters)]
        async with self._db.read() as tx:
            found = await descriptions.get_many(tx, ids)
        admitted: dict[str, list[Text]] = defaultdict(list)
        for each in found:
            if self._usable(each):
                text = Text(self._curation.trim(each.text), "description", each.id)
                admitted[self._prompts.tuning(each.hero)].append(text)
        return dict(admitted)

    def _usable(self, description: Description) -> bool:
        text = self._curation.trim(description.text)
        fault = self._curation.fault(description.hero, text)
        return fault is None and self._vocabulary.trains(description.hero)
