"""Export datasets to files, and import files as datasets."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bot.dataset.files.dataset_card import DatasetCard
from bot.dataset.files.formats import FileFormat, read_rows, write_rows
from bot.dataset.files.row import Row, sub_prompt_of
from bot.dataset.versions.draft import Draft, TrainingText
from bot.dataset.versions.freeze import Freezer, FreezeResult
from bot.errors import UserError
from bot.heroes.hero import FIELD_NAMES, Hero
from bot.heroes.prompts import Prompts
from bot.store import datasets
from bot.store.database import Database
from bot.store.datasets import Dataset, SourcedText

_PAGE_SIZE = 1000  # rows per query or transaction


class Transfer:
    """Export dataset versions in every format, and import files as new versions."""

    def __init__(self, db: Database, prompts: Prompts, freezer: Freezer) -> None:
        self._db = db
        self._prompts = prompts
        self._freezer = freezer

    async def export(
        self, version: int | None, path: Path, file_format: FileFormat, *, overwrite: bool = False
    ) -> tuple[Dataset, int]:
        """Write a version (None: the newest) to a file or folder. Return it and the number of texts written.

        Raises UserError if there is no such version, it holds pairs, or the file cannot be written.
        """
        dataset = await self.get_version(version)
        if dataset.kind == "preference":
            raise UserError(
                "Dataset v{version} holds pairs; files hold single texts. Export another version.",
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
                raise UserError("There is no dataset yet. Make one with /build-dataset.")
            raise UserError("There is no dataset v{version}. Make one with /build-dataset.", version=version)
        return dataset

    async def import_file(self, path: Path) -> tuple[FreezeResult, Draft]:
        """Import a file as a dataset of its own. Return it with its draft, which counts what was dropped.

        Texts stay as they are; only duplicates, empty and overlong texts are dropped. Raises UserError if the
        file cannot be read or frozen; then nothing is stored.
        """
        file = path.name
        imported: list[int] = []
        prompts: dict[str, list[TrainingText]] = {}
        # read all rows before storing any: an error may come at the end of the file
        rows = await asyncio.to_thread(lambda: list(read_rows(path)))
        remaining = iter(rows)
        while page := list(islice(remaining, _PAGE_SIZE)):
            async with self._db.write() as tx:
                ids = await datasets.add_imported(tx, [_imported_values(row, file) for row in page])
            imported += ids
            for row, row_id in zip(page, ids, strict=True):
                prompt = row.tuning_prompt
                prompts.setdefault(prompt, []).append(TrainingText(row.response_txt, "import", row_id))
        with Draft() as draft:
            for prompt, texts in sorted(prompts.items()):
                draft.add(prompt, texts)
            try:
                frozen = await self._freezer.freeze(draft, {"imported": file})
            except UserError:
                await self._delete_imported(imported)
                raise
            if not frozen.new:
                await self._delete_imported(imported)
            return frozen, draft

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
