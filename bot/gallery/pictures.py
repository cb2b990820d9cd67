"""Hero cards beside a gallery's page."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.community.hero_cards import HeroCards
from bot.gallery.entry import GalleryEntry
from bot.gallery.gallery import Progress
from bot.gallery.site import not_written
from bot.i18n.message import Translator


async def draw_pictures(
    folder: Path, entries: Sequence[GalleryEntry], cards: HeroCards, t: Translator, progress: Progress
) -> list[GalleryEntry]:
    """Draw the cards that an earlier gallery in the folder has not, and return the entries with their cards.

    They are without votes, which change. A team has none, nor a text whose author is not told yet.
    """
    pictured = []
    for number, entry in enumerate(entries, 1):
        pictured.append(await _pictured(folder, entry, cards, t))
        progress(number, len(entries))
    return pictured


async def _pictured(folder: Path, entry: GalleryEntry, cards: HeroCards, t: Translator) -> GalleryEntry:
    if entry.blind or entry.description.kind == "team":
        return entry
    name = f"cards/{entry.id}-{t.code}.png"
    path = folder / name
    if not path.exists():
        card = await cards.draw(entry.description, t=t)
        try:
            await asyncio.to_thread(_write, path, card.png)
        except OSError as error:
            raise not_written(folder, error) from error
    return replace(entry, picture=name)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all: one that is there is not drawn again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_bytes(content)
    unfinished.replace(path)
