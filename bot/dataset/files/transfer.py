"""Transfer: datasets leave the database for files, and files become datasets."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bot.dataset.files.dataset_card import Card
from bot.dataset.files.formats import Format, read, write
from bot.dataset.files.row import Row, sub_prompt_of
from bot.dataset.versions.draft import Draft, Text
from bot.dataset.versions.freeze import Freezer, Frozen
from bot.errors import UserError
from bot.heroes.hero import FIELD_NAMES, Hero
from bot.heroes.prompts import Prompts
from bot.store import datasets
from bot.store.database import Database
from bot.store.datasets import Dataset, SourcedText

_PAGE = 1000  # rows read or written at once


class Transfer:
    """Exports versions in every format, and imports files as versions of their own."""

    def __init__(self, db: Database, prompts: Prompts, freezer: Freezer) -> None:
        self._db = db
        self._prompts = prompts
        self._freezer = freezer

    async def export(
        self, version: int | None, path: Path, form: Format, *, overwrite: bool = False
    ) -> tuple[Dataset, int]:
        """Write a version (None: the newest) to a file or folder.

        Returns it, and how many texts were written.

        Raises UserError where there is none, it holds pairs, or the file cannot be written.
        """
        found = await self.version(version)
        if found.kind == "preference":
            raise UserError(
                "Dataset v{version} holds pairs; files hold single texts. Export another version.",
                version=found.id,
            )
        card = Card(title=f"Herosmith dataset v{found.id}", recipe=found.recipe, counts=found.counts)
        rows = self._rows(found.id, asyncio.get_running_loop())
        # the writers are plain functions: they work in a thread, which fetches its pages from here
        written = await asyncio.to_thread(write, rows, path, form, overwrite=overwrite, card=card)
        return found, written

    async def version(self, version: int | None) -> Dataset:
        """A version, or the newest. Raises UserError where there is none."""
        async with self._db.read() as tx:
            found = await (datasets.get_latest(tx) if version is None else datasets.get(tx, version))
        if found is None:
            if version is None:
                raise UserError("There is no dataset yet. Make one with /build-dataset.")
            raise UserError("There is no dataset v{version}. Make one with /build-dataset.", version=version)
        return found

    async def import_file(self, path: Path) -> tuple[Frozen, Draft]:
        """Import a file as a dataset of its own.

        Texts are taken as they are: only what repeats or is empty is dropped.

        Returns the dataset and the draft, whose counts say what was dropped. Raises UserError where the file
        cannot be read: then nothing is taken in.
        """
        file = path.name
        taken: list[int] = []
        prompts: dict[str, list[Text]] = {}
        rows = await asyncio.to_thread(
            lambda: list(read(path))
        )  # all of the file is sound before any of it counts
        remaining = iter(rows)
        while page := list(islice(remaining, _PAGE)):
            async with self._db.write() as tx:
                ids = await datasets.add_imported(tx, [_stored(row, file) for row in page])
            taken += ids
            for row, row_id in zip(page, ids, strict=True):
                prompt = row.tuning_prompt
                prompts.setdefault(prompt, []).append(Text(row.response_txt, "import", row_id))
        with Draft() as draft:
            for prompt, texts in sorted(prompts.items()):
                draft.add(prompt, texts)
            try:
                frozen = await self._freezer.freeze(draft, {"imported": file})
            except UserError:
                await self._forget(taken)
                raise
            if not frozen.new:
                await self._forget(taken)
            return frozen, draft

    async def _forget(self, ids: list[int]) -> None:
        """Let go of rows that no dataset refers to."""
        async with self._db.write() as tx:
            await datasets.delete_imported(tx, ids)

    def _rows(self, version: int, loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
        """A version's rows, page by page; for a thread beside the loop."""
        after = -1
        while page := asyncio.run_coroutine_threadsafe(self._page(version, after), loop).result():
            yield from (self._row(each) for each in page)
            after = page[-1].position

    async def _page(self, version: int, after: int) -> list[SourcedText]:
        async with self._db.read() as tx:
            return await datasets.list_page(tx, version, after=after, size=_PAGE)

    def _row(self, found: SourcedText) -> Row:
        asked = found.asked
        if asked is None:  # not kept with each example: the file's template has it
            asked = self._prompts.generation_prompt(Hero.from_strings(found.hero))
        return Row(
            hero=found.hero,
            prompt=asked,
            sub_prompt=found.sub_prompt or sub_prompt_of(found.hero),
            response_txt=found.text,
            finish_reason=found.finish_reason,
            split=found.split,
            source=found.source,
        )


def _stored(row: Row, file: str) -> dict[str, str]:
    return {
        "file": file,
        **dict(zip(FIELD_NAMES, row.hero, strict=True)),
        "prompt": row.prompt,
        "sub_prompt": row.sub_prompt,
        "text": row.response_txt,
        "finish_reason": row.finish_reason,
    }
