"""Export datasets to files, and import files as datasets."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.dataset.files.dataset_card import DatasetCard
from bot.dataset.files.formats import FileFormat, write_rows
from bot.dataset.files.hero_rows import read_hero_rows, training_texts
from bot.dataset.files.row import Row, sub_prompt_of
from bot.dataset.versions.contents import NO_DATASET
from bot.dataset.versions.draft import Draft
from bot.dataset.versions.freeze import Freezer
from bot.errors import UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import FIELD_NAMES, Hero
from bot.store import datasets
from bot.store.database import Database
from bot.store.datasets import Dataset, SourcedText

_PAGE_SIZE = 1000  # rows per query or transaction


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The dataset of a file. new is False if a dataset of exactly these texts existed already.

    dropped counts texts that were left out, by reason; notes are sentences about how the file was read.
    """

    dataset: Dataset
    new: bool
    dropped: Mapping[str, int]
    notes: tuple[str, ...]


class Transfer:
    """Export dataset versions in every format, and import files as new versions."""

    def __init__(self, db: Database, heroes: HeroesConfig, blocklist: Blocklist, freezer: Freezer) -> None:
        self._db = db
        self._prompts = heroes.prompts
        self._vocabulary = heroes.vocabulary
        self._blocklist = blocklist
        self._freezer = freezer

    async def export(
        self, version: int | None, path: Path, file_format: FileFormat, *, overwrite: bool = False
    ) -> tuple[Dataset, int]:
        """Write a version (None: the newest) to a file or folder. Return it and the number of texts written.

        Raises UserError if there is no such version, it is of another kind, or the file cannot be written.
        """
        dataset = await self.get_version(version)
        if dataset.kind == "preference":
            raise UserError(
                "Dataset v{version} holds pairs; files hold single texts. Export another version.",
                version=dataset.id,
            )
        if dataset.kind == "thumbs":
            raise UserError(
                "Dataset v{version} also holds texts that people voted down; files hold texts to learn from. "
                "Export another version.",
                version=dataset.id,
            )
        card = DatasetCard(
            title=f"Herosmith dataset v{dataset.id}", recipe=dataset.recipe, counts=dataset.counts
        )
        # the writers are blocking: they run in a thread, which fetches its pages through this loop
        rows = self._iter_rows(dataset.id, asyncio.get_running_loop())
        written = await asyncio.to_thread(write_rows, rows, path, file_format, overwrite=overwrite, card=card)
        return dataset, written

    async def get_version(self, version: int | None) -> Dataset:
        """Return a version (None: the newest). Raises UserError if there is none."""
        async with self._db.read() as tx:
            dataset = await (datasets.get_latest(tx) if version is None else datasets.get(tx, version))
        if dataset is None:
            if version is None:
                raise UserError(NO_DATASET)
            raise UserError(
                "There is no dataset v{version}. Make one with `{/build-dataset}`.", version=version
            )
        return dataset

    async def import_file(self, path: Path) -> ImportResult:
        """Import a file as a dataset of its own.

        A prompt becomes what /hero asks, and the marks that all texts share come off; beyond that texts stay
        as they are. Duplicates, empty and overlong texts are dropped. The file's own split is kept if it
        holds rows out. Raises UserError if the file cannot be read, a row of it cannot train, or it cannot be
        frozen; then nothing is stored.
        """
        file = path.name
        # read all rows before storing any: an error may come at the end of the file
        read = await asyncio.to_thread(read_hero_rows, path, self._vocabulary, self._blocklist)
        ids: list[int] = []
        for start in range(0, len(read.rows), _PAGE_SIZE):
            page = read.rows[start : start + _PAGE_SIZE]
            async with self._db.write() as tx:
                ids += await datasets.add_imported(tx, [_imported_values(row, file) for row in page])
        with Draft() as draft:
            for prompt, split, texts in training_texts(read.rows, ids, self._prompts):
                draft.add(prompt, texts, split=split)
            try:
                frozen = await self._freezer.freeze(draft, {"imported": file}, file=file)
            except UserError:
                await self._delete_imported(ids)
                raise
            if not frozen.new:
                await self._delete_imported(ids)
            return ImportResult(frozen.dataset, frozen.new, draft.dropped, read.notes)

    async def _delete_imported(self, ids: list[int]) -> None:
        """Delete imported rows that no dataset refers to."""
        async with self._db.write() as tx:
            await datasets.delete_imported(tx, ids)

    def _iter_rows(self, version: int, loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
        """Yield a version's rows, fetched page by page through the loop. To be called in another thread."""
        after = -1
        while page := asyncio.run_coroutine_threadsafe(self._get_page(version, after), loop).result():
            yield from (self._to_row(item) for item in page)
            after = page[-1].position

    async def _get_page(self, version: int, after: int) -> list[SourcedText]:
        async with self._db.read() as tx:
            return await datasets.list_page(tx, version, after=after, size=_PAGE_SIZE)

    def _to_row(self, found: SourcedText) -> Row:
        prompt = found.asked
        if prompt is None:  # examples do not store it: it follows from the template
            prompt = self._prompts.generation_prompt(Hero.from_strings(found.hero))
        return Row(
            hero=found.hero,
            prompt=prompt,
            sub_prompt=found.sub_prompt or sub_prompt_of(found.hero),
            response_txt=found.text,
            finish_reason=found.finish_reason,
            split=found.split,
            source=found.source,
        )


def _imported_values(row: Row, file: str) -> dict[str, str]:
    return {
        "file": file,
        **dict(zip(FIELD_NAMES, row.hero, strict=True)),
        "prompt": row.prompt,
        "sub_prompt": row.sub_prompt,
        "text": row.response_txt,
        "finish_reason": row.finish_reason,
    }
