"""Freezing: written examples and well-rated descriptions become an immutable numbered dataset."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby

from bot.dataset.build import Accepted
from bot.dataset.plan import BuildSpec
from bot.errors import UserError
from bot.heroes_file import HeroesFile
from bot.rating.votes import Votes
from bot.store import datasets, descriptions
from bot.store.database import Database
from bot.store.datasets import Dataset, Item
from bot.store.descriptions import Description

FEWEST_TRAINING = 10  # what fine-tuning APIs ask for

_HELD_OUT = 0.1  # of the heroes


class Freezer:
    """Makes datasets; the same inputs give the same content hash, and so the same dataset."""

    def __init__(self, db: Database, votes: Votes, heroes: HeroesFile, *, min_voters: int) -> None:
        self._db = db
        self._votes = votes
        self._vocabulary = heroes.vocabulary
        self._prompts = heroes.prompts
        self._curation = heroes.curation
        self._min_voters = min_voters

    async def freeze(self, accepted: Sequence[Accepted], spec: BuildSpec) -> tuple[Dataset, bool]:
        """Freeze the accepted examples and the admitted descriptions.

        Returns the dataset and whether it is new: one of exactly these texts may exist already.
        Raises UserError where too few texts are left to train on.
        """
        rated = await self._admitted()
        items = split(
            self._items(accepted, rated), keep_training={self._prompts.tuning(d.hero) for d in rated}
        )
        training = sum(item.split == "train" for item in items)
        if training < FEWEST_TRAINING:
            raise UserError(
                f"Only {training} usable texts came together, and training needs {FEWEST_TRAINING}. "
                "Run /build-dataset again with a larger limit; what was written stays cached."
            )
        digest = content_hash(items)
        async with self._db.write() as tx:
            known = await datasets.with_hash(tx, digest)
            if known:
                return known, False
            counts = Counter[str](item.split for item in items) + Counter(item.source for item in items)
            fresh = await datasets.add(
                tx,
                items,
                kind="sft",
                content_hash=digest,
                recipe={**asdict(spec), "min_voters": self._min_voters},
                counts=dict(counts),
                at=time.time(),
            )
        return fresh, True

    async def _admitted(self) -> list[Description]:
        """Descriptions that the votes admit, of heroes in the vocabulary, fit to train."""
        tallies = await self._votes.tallies()
        ids = [found for found, tally in tallies.items() if tally.admits(self._min_voters)]
        async with self._db.read() as tx:
            found = await descriptions.get_many(tx, ids)
        return [each for each in found if self._usable(each)]

    def _usable(self, description: Description) -> bool:
        text = self._curation.trim(description.text)
        fault = self._curation.fault(description.hero, text)
        return fault is None and self._vocabulary.trains(description.hero)

    def _items(self, accepted: Sequence[Accepted], rated: Sequence[Description]) -> list[Item]:
        written = (
            Item("train", self._prompts.tuning(one.slot.hero), one.text, "example", one.example_id)
            for one in accepted
        )
        liked = (
            Item(
                "train",
                self._prompts.tuning(one.hero),
                self._curation.trim(one.text),
                "description",
                one.id,
            )
            for one in rated
        )
        return [*written, *liked]


def split(items: Iterable[Item], *, keep_training: set[str]) -> list[Item]:
    """Hold a tenth of the heroes out, all texts of a hero on one side, in an order that is always the same.

    Heroes with well-rated descriptions always train: people chose those texts for that.
    """
    by_hero = {
        prompt: list(group)
        for prompt, group in groupby(sorted(items, key=lambda i: (i.prompt, i.source, i.source_id)), _prompt)
    }
    free = sorted(by_hero.keys() - keep_training, key=lambda prompt: hashlib.sha256(prompt.encode()).digest())
    held_out = set(free[: max(1, round(len(by_hero) * _HELD_OUT))]) if len(by_hero) > 1 else set()
    return [
        Item("valid" if prompt in held_out else "train", item.prompt, item.text, item.source, item.source_id)
        for prompt, group in by_hero.items()
        for item in group
    ]


def content_hash(items: Sequence[Item]) -> str:
    """SHA-256 over splits, prompts and texts, whatever rows they came from."""
    lines = (json.dumps([item.split, item.prompt, item.text]) for item in items)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def to_jsonl(items: Iterable[Item]) -> str:
    """Chat training data, one conversation a line: the tuning prompt as the user, the text as the answer."""
    turns = (
        {
            "messages": [
                {"role": "user", "content": item.prompt},
                {"role": "assistant", "content": item.text},
            ]
        }
        for item in items
    )
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in turns)


def _prompt(item: Item) -> str:
    return item.prompt
