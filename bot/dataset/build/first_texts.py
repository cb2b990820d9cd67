"""The texts of the first dataset that a build takes in."""

import asyncio
from collections import Counter
from collections.abc import Mapping

from bot.dataset.files.row import sub_prompt_of
from bot.dataset.versions.draft import TrainingText
from bot.dataset.versions.freeze import HeroTexts
from bot.heroes.first_dataset import FirstDataset, FirstText, Origin
from bot.heroes.hero import FIELD_NAMES
from bot.heroes.prompts import Prompts
from bot.store import datasets
from bot.store.database import Database
from bot.store.job_schema import BuildSpec


class FirstTexts:
    """Chooses the texts of the first dataset for a build, and keeps a row of each."""

    def __init__(self, db: Database, dataset: FirstDataset, prompts: Prompts) -> None:
        self._db = db
        self._dataset = dataset
        self._prompts = prompts

    @property
    def file(self) -> str:
        """The file's name, for people."""
        return self._dataset.file

    async def stay(self) -> bool:
        """Return whether the newest build took in texts that were written by hand: then the next one does."""
        async with self._db.read() as tx:
            newest = await datasets.get_latest_build(tx)
        return newest is not None and newest.counts.get("hand-written", 0) > 0

    async def count(self, spec: BuildSpec) -> dict[str, int]:
        """Return how many texts a build takes in, by origin. Raises UserError if the file has mistakes."""
        return dict(Counter(text.origin for text in await self._choose(spec)))

    async def held_out_prompts(self) -> frozenset[str]:
        """Return the tuning prompts of heroes that never train. Raises UserError if the file has mistakes."""
        texts = await asyncio.to_thread(self._dataset.read)
        return frozenset(self._prompts.tuning_prompt(text.hero) for text in texts if text.held_out)

    async def take(self, spec: BuildSpec) -> dict[str, HeroTexts]:
        """Keep the texts of a build as rows, each once for all builds, and return them by tuning prompt.

        Raises UserError if the file has mistakes; then nothing is kept.
        """
        texts = await self._choose(spec)
        if not texts:
            return {}
        async with self._db.write() as tx:
            ids = await datasets.add_missing_imported(tx, [self._row(text) for text in texts])
        heroes: dict[str, HeroTexts] = {}
        for text, row_id in zip(texts, ids, strict=True):
            prompt = self._prompts.tuning_prompt(text.hero)
            hero = heroes.setdefault(prompt, HeroTexts("train", []))
            hero.texts.append(TrainingText(text.text, text.origin, row_id))
            if text.held_out:
                heroes[prompt] = hero._replace(split="valid")
        return heroes

    async def _choose(self, spec: BuildSpec) -> list[FirstText]:
        """Return the texts of a build. A model writes the bot's own anew: those of people stay beside it."""
        if spec.source != "shipped" and not spec.hand_written:
            return []
        chosen: Mapping[Origin, bool | None] = {
            "herosmith-build": spec.source == "shipped",
            "hand-written": spec.hand_written,
        }
        return [text for text in await asyncio.to_thread(self._dataset.read) if chosen[text.origin]]

    def _row(self, text: FirstText) -> dict[str, str]:
        fields = tuple(map(str, text.hero.as_dict().values()))
        asked = self._prompts.generation_prompt(text.hero) if text.origin == "herosmith-build" else ""
        return {
            "file": self.file,
            **dict(zip(FIELD_NAMES, fields, strict=True)),
            "prompt": asked,
            "sub_prompt": sub_prompt_of(fields),
            "text": text.text,
            "finish_reason": "",
        }
