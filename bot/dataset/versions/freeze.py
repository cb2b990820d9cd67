"""Freeze examples and well-rated descriptions as an immutable, numbered dataset."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from bot.dataset.versions.admission import Admission, AdmissionResult, JudgedDescription
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.near_duplicates import similar_to_any
from bot.errors import UserError
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import Hero
from bot.i18n.message import mark
from bot.store import datasets, descriptions
from bot.store.database import Database
from bot.store.datasets import Dataset, DatasetKind, Split
from bot.store.job_schema import Changes

MIN_TRAINING_TEXTS = 10  # the minimum of fine-tuning APIs
SIMILAR_TO_VOTED_DOWN = mark("too much like a text that people voted down")
_NEVER_TRAINS = mark("kept aside to test the model, because people liked another text of the same hero")

_TOO_FEW_IN_FILE = mark(
    "Usable texts in {file}: {usable}{left_out}. That leaves {training} to learn from and {valid} kept "
    "aside to test the model; a training needs {fewest} to learn from. Add texts to the file and try "
    "again."
)
_TOO_FEW: dict[DatasetKind, str] = {
    "sft": mark(
        "Too few usable texts: {training} to learn from, and a training needs {fewest}. Run "
        "`{/build-dataset}` again with a larger limit; what was written is kept."
    ),
    "preference": mark(
        "Too few usable pairs: {training} to learn from, beside {valid} kept aside to test the model, and"
        " a training needs {fewest}. Pairs come from duels, and from heroes with one text that people "
        "liked and one that they voted down: let people vote more, then try again."
    ),
    "thumbs": mark(
        "Too few texts that people liked or voted down: {training} to learn from, beside {valid} kept aside "
        "to test the model, and a training needs {fewest}. Let people vote more, then try again."
    ),
}


@dataclass(frozen=True, slots=True)
class FreezeResult:
    """The frozen dataset. new is False if a dataset of exactly these texts existed already.

    changes lists the differences from the version that was the newest before; None if this is that version,
    or the first.
    """

    dataset: Dataset
    new: bool
    changes: Changes | None = None


class HeroTexts(NamedTuple):
    """Texts of one hero of the first dataset, and their split, which never changes."""

    split: Split
    texts: list[TrainingText]


class Freezer:
    """Make datasets. The same inputs give the same content hash, and so the same dataset."""

    def __init__(
        self,
        db: Database,
        admission: Admission,
        heroes: HeroesConfig,
    ) -> None:
        self._db = db
        self.admission = admission
        self._prompts = heroes.prompts
        self._curation = heroes.curation

    async def fill(
        self,
        draft: Draft,
        examples_by_hero: AsyncIterator[tuple[Hero, TrainingText | None]],
        admitted: AdmissionResult,
        first: Mapping[str, HeroTexts] = MappingProxyType({}),
        ranked: Mapping[str, Sequence[TrainingText]] = MappingProxyType({}),
        scenes: Mapping[str, Sequence[TrainingText]] = MappingProxyType({}),
    ) -> None:
        """Add the accepted examples of a build, the admitted descriptions and the first dataset to a draft.

        Nobody votes on examples, on the first dataset and on ranked texts. A text of theirs that nearly
        repeats a voted-down description of its hero is dropped. All texts of a hero are on one side.

        examples_by_hero: a build's texts, those of one hero side by side; None for a slot that has none.
        first: the texts of the first dataset, by tuning prompt. ranked: what the ranker chose, by the tuning
        prompt of a hero that has other texts. They come last, so that they take no other text's place.
        scenes: admitted scenes, by the tuning prompt of their hero.
        """
        remaining_liked, remaining_first = dict(admitted.liked), dict(first)
        remaining_scenes = dict(scenes)

        def add_hero(prompt: str, examples: list[TrainingText]) -> None:
            is_disliked = similar_to_any([judged.text for judged in admitted.disliked.get(prompt, ())])
            split, texts = remaining_first.pop(prompt, (None, []))
            liked = [_training_text(judged) for judged in remaining_liked.pop(prompt, ())]
            liked += remaining_scenes.pop(prompt, ())
            if split == "valid" and liked:  # what people liked trains, what measures models never does
                draft.count_dropped(_NEVER_TRAINS, len(texts))
                split, texts = None, []
            judged = [*texts, *examples, *ranked.get(prompt, ())]
            kept = [text for text in judged if not is_disliked(text.text)]
            draft.count_dropped(SIMILAR_TO_VOTED_DOWN, len(judged) - len(kept))
            if liked or kept:
                draft.add(prompt, [*liked, *kept], never_hold_out=bool(liked), split=split)

        prompt, examples = "", list[TrainingText]()
        async for hero, example in examples_by_hero:
            hero_prompt = self._prompts.tuning_prompt(hero)
            if hero_prompt != prompt:
                add_hero(prompt, examples)
                prompt, examples = hero_prompt, []
            if example:
                examples.append(example)
        add_hero(prompt, examples)
        for prompt in sorted(
            {*remaining_liked, *remaining_first, *remaining_scenes}
        ):  # heroes outside the grid
            add_hero(prompt, [])

    async def freeze(
        self, draft: Draft, origin: dict[str, Any], kind: DatasetKind = "sft", *, file: str | None = None
    ) -> FreezeResult:
        """Freeze a draft.

        origin: where the texts came from, for the recipe. file: the name of the file, if all are from one.
        Raises UserError if there are too few texts, or all are of one hero. A file that holds out so many
        that too few are left to train on is frozen as it says: to train on it is then refused.
        """
        check_trainable(draft, kind, file=file, counting_held_out=file is not None and draft.keeps_split)
        recipe = {
            **origin,
            "votes": asdict(self.admission.thresholds),
            "prompts": self._prompts.version,
            "curation": self._curation.curation.model_dump(),
        }
        async with self._db.write() as tx:
            previous = await datasets.get_latest(tx, kind)
            existing = await datasets.get_by_hash(tx, draft.content_hash)
            dataset = existing or await datasets.add(
                tx,
                draft.items(),
                kind=kind,
                content_hash=draft.content_hash,
                recipe=recipe,
                counts=draft.counts,
                at=time.time(),
            )
            # texts may have been deleted or hidden while the draft was filled
            await datasets.redact(tx, descriptions.removed_ids(), dataset.id)
        if previous is None or previous.id == dataset.id:
            return FreezeResult(dataset, new=existing is None)
        async with self._db.read() as tx:
            changes = await datasets.get_changes(tx, dataset.id, since=previous.id)
        return FreezeResult(dataset, new=existing is None, changes=changes)


def check_trainable(
    draft: Draft,
    kind: DatasetKind = "sft",
    *,
    file: str | None = None,
    counting_held_out: bool = False,
) -> None:
    """Raise UserError if there are too few texts to train on, or all are of one hero.

    file: the name of the file that the texts came from, if it is no build. counting_held_out: let held-out
    texts count as well.
    """
    counts = draft.counts
    training, valid = counts.get("train", 0), counts.get("valid", 0)
    if training + valid * counting_held_out < MIN_TRAINING_TEXTS:
        left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(draft.dropped.items()))
        raise UserError(
            _TOO_FEW_IN_FILE if file else _TOO_FEW[kind],
            file=file,
            usable=training + valid,
            left_out=f" ({left_out})" if left_out else "",
            training=training,
            valid=valid,
            fewest=MIN_TRAINING_TEXTS,
        )
    if draft.only_prompt:
        raise UserError(
            "All texts answer one prompt, {only_prompt!r}, so a model could not learn to tell prompts "
            "apart. Add texts of other heroes.",
            only_prompt=draft.only_prompt,
        )


def _training_text(judged: JudgedDescription) -> TrainingText:
    return TrainingText(judged.text, "description", judged.description.id)
