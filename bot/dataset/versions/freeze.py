"""Freezing: written examples and well-rated descriptions become an immutable numbered dataset."""

import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from bot.dataset.build.example_selector import ExampleSelector
from bot.dataset.build.plan import Planner
from bot.dataset.versions.admission import Admission, Admitted, Judged
from bot.dataset.versions.draft import Draft, Text
from bot.dataset.versions.near_duplicates import similar_to_any
from bot.errors import UserError
from bot.heroes.config import HeroesConfig
from bot.i18n.message import mark
from bot.store import datasets, descriptions
from bot.store.database import Database
from bot.store.datasets import Changes, Dataset, DatasetKind
from bot.store.job_schema import BuildSpec

FEWEST_TRAINING = 10  # what fine-tuning APIs ask for
VOTED_DOWN = mark("like what was voted down")

_TOO_FEW: dict[DatasetKind, str] = {
    "sft": mark(
        "Only {training} usable texts came together, and training needs {fewest}. "
        "Run /build-dataset again with a larger limit; what was written stays cached."
    ),
    "preference": mark(
        "Only {training} usable pairs came together beside the {valid} held out, and training needs "
        "{fewest}. They come from duels, and from heroes with a liked text and another one voted down."
    ),
}


@dataclass(frozen=True, slots=True)
class Frozen:
    """A dataset, and whether it is new: one of exactly these texts may exist already.

    changes says what is other than in the version that was the newest until then; None where it is that
    version itself, or the first.
    """

    dataset: Dataset
    new: bool
    changes: Changes | None = None


class Freezer:
    """Makes datasets; the same inputs give the same content hash, and so the same dataset."""

    def __init__(
        self,
        db: Database,
        admission: Admission,
        heroes: HeroesConfig,
        planner: Planner,
        chooser: ExampleSelector,
    ) -> None:
        self._db = db
        self.admission = admission
        self._prompts = heroes.prompts
        self._curation = heroes.curation
        self._planner = planner
        self._chooser = chooser

    async def fill(
        self, draft: Draft, spec: BuildSpec, admitted: Admitted, without: Collection[int] = ()
    ) -> None:
        """Put the accepted examples of a build into a draft, and the descriptions that the votes admit.

        Nobody votes on examples; one that says nearly what a voted-down description of its hero says is left
        out with it.
        """
        rated = dict(admitted.liked)
        prompt, texts = "", list[Text]()

        def close() -> None:
            disliked = similar_to_any([each.text for each in admitted.disliked.get(prompt, ())])
            good = [text for text in texts if not disliked(text.text)]
            draft.count_dropped(VOTED_DOWN, len(texts) - len(good))
            liked = [_text(each) for each in rated.pop(prompt, ())]
            if liked or good:
                draft.add(prompt, [*liked, *good], keep_training=bool(liked))

        async for choice in self._chooser.walk(spec, self._planner.by_hero(spec), without):
            asked = self._prompts.tuning_prompt(choice.slot.hero)
            if asked != prompt:
                close()
                prompt, texts = asked, []
            if choice.accepted:
                texts.append(Text(choice.accepted.text, "example", choice.accepted.example_id))
        close()
        for prompt, others in sorted(rated.items()):  # heroes that the grid lacks
            draft.add(prompt, [_text(each) for each in others], keep_training=True)

    async def freeze(self, draft: Draft, spec: dict[str, Any], kind: DatasetKind = "sft") -> Frozen:
        """Freeze a draft. Raises UserError where too few texts are left, or all are of one hero."""
        counts = draft.counts
        training, valid = counts.get("train", 0), counts.get("valid", 0)
        if training < FEWEST_TRAINING:
            raise UserError(_TOO_FEW[kind], training=training, valid=valid, fewest=FEWEST_TRAINING)
        if draft.never_hold_out:
            raise UserError(
                "All texts are answers to one prompt, {only_prompt!r}: a model would learn nothing "
                "of what it is asked. Add texts of other heroes.",
                only_prompt=draft.never_hold_out,
            )
        recipe = {
            **spec,
            "votes": asdict(self.admission.thresholds),
            "prompts": self._prompts.version,
            "curation": self._curation.curation.model_dump(),
        }
        async with self._db.write() as tx:
            before = await datasets.get_latest(tx, kind)
            known = await datasets.get_by_hash(tx, draft.content_hash)
            found = known or await datasets.add(
                tx,
                draft.items(),
                kind=kind,
                content_hash=draft.content_hash,
                recipe=recipe,
                counts=counts,
                at=time.time(),
            )
            # texts may have been deleted or hidden while the draft was being written
            await datasets.redact(tx, descriptions.removed_ids(), found.id)
        if before is None or before.id == found.id:
            return Frozen(found, new=known is None)
        async with self._db.read() as tx:
            changes = await datasets.get_changes(tx, found.id, since=before.id)
        return Frozen(found, new=known is None, changes=changes)


def _text(judged: Judged) -> Text:
    return Text(judged.text, "description", judged.description.id)
