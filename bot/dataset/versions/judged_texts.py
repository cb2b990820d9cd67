"""Judged texts: what people liked and what they voted down, each by itself, for a training by lone thumbs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from bot.dataset.versions.admission import Admission, AdmissionResult, JudgedDescription
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.freeze import Freezer, FreezeResult
from bot.errors import UserError
from bot.i18n.message import LocalizedMessage
from bot.store.datasets import Dataset, Item


@dataclass(frozen=True, slots=True)
class ThumbCounts:
    """How many texts people liked, and how many they voted down."""

    liked: int
    voted_down: int

    @classmethod
    def of(cls, items: Iterable[Item]) -> Self:
        """Count texts."""
        labels = [item.is_wanted for item in items]
        return cls(labels.count(True), labels.count(False))

    @classmethod
    def from_dataset(cls, dataset: Dataset) -> Self:
        """Return the counts that a dataset of judged texts was frozen with."""
        counts = dataset.recipe.get("thumbs", {})
        return cls(counts.get("liked", 0), counts.get("voted_down", 0))

    @property
    def recipe(self) -> dict[str, Any]:
        """What a dataset notes of them."""
        return {"thumbs": {"liked": self.liked, "voted_down": self.voted_down}}


@dataclass(frozen=True, slots=True)
class FrozenThumbs:
    """The outcome of freezing judged texts.

    counts: how many are in the dataset. dropped counts texts that are not, by reason. not_counted tells in
    words which votes do not count.
    """

    frozen: FreezeResult
    counts: ThumbCounts
    dropped: dict[str, int]
    not_counted: tuple[LocalizedMessage, ...] = ()


class JudgedTexts:
    """Freeze the descriptions that votes admit or vote down."""

    def __init__(self, admission: Admission, freezer: Freezer) -> None:
        self._admission = admission
        self._freezer = freezer

    async def freeze(self) -> FrozenThumbs:
        """Freeze them as a dataset of kind thumbs. Raises UserError if one kind is missing or all are few."""
        admitted = await self._admission.admit()
        if not admitted.liked_count:
            raise UserError(
                "No text is liked well enough yet, and a training by thumbs needs liked texts as well as "
                "others that were voted down: let people vote more, then try again."
            )
        if not admitted.disliked_count:
            raise UserError(
                "No text is voted down yet, and a training by thumbs needs such texts as well as liked ones. "
                "Liked texts alone enter the next dataset that `{/build-dataset}` makes."
            )
        with Draft() as draft:
            trains = _certain_to_train(admitted)
            for prompt in sorted({*admitted.liked, *admitted.disliked}):
                liked = [_liked(judged) for judged in admitted.liked.get(prompt, ())]
                disliked = [_disliked(judged) for judged in admitted.disliked.get(prompt, ())]
                draft.add(prompt, [*liked, *disliked], never_hold_out=prompt in trains)
            counts = ThumbCounts.of(draft.items())
            frozen = await self._freezer.freeze(draft, counts.recipe, "thumbs")
            dropped = admitted.unfit + draft.dropped
        return FrozenThumbs(frozen, counts, dict(dropped), admitted.votes.not_counted)


def _certain_to_train(admitted: AdmissionResult) -> set[str]:
    """Return the prompt of a liked text and that of a disliked one: no training goes without either."""
    return {min(admitted.liked), min(admitted.disliked)}


def _liked(judged: JudgedDescription) -> TrainingText:
    return TrainingText(judged.text, "description", judged.description.id)


def _disliked(judged: JudgedDescription) -> TrainingText:
    """Return the text as it was shown, on one line."""
    shown = " ".join(judged.description.text.split())
    return TrainingText("", "description", judged.description.id, shown, judged.description.id)
