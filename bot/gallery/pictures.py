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

_DIGITS = 12  # of the digest in a file's name


async def draw_pictures(
    folder: Path, entries: Sequence[GalleryEntry], cards: HeroCards, t: Translator, progress: Progress
) -> list[GalleryEntry]:
    """Draw the cards that an earlier gallery in the folder has not, and return the entries with their cards.

    They are without votes, which change. A text whose author is not told yet has none. A file is named by
    what stands on its card as well: a folder may hold the gallery of another installation, or of before a
    restore, whose ids are those of other texts.
    """
    pictured = []
    for number, entry in enumerate(entries, 1):
        pictured.append(await _pictured(folder, entry, cards, t))
        progress(number, len(entries))
    return pictured


async def _pictured(folder: Path, entry: GalleryEntry, cards: HeroCards, t: Translator) -> GalleryEntry:
    if entry.blind:
        return entry
    team = entry.heroes if entry.description.kind == "team" else ()
    content = await asyncio.to_thread(cards.content, entry.description, team, t)
    name = f"cards/{entry.id}-{t.code}-{content.digest[:_DIGITS]}.png"
    path = folder / name
    if not path.exists():
        card = await cards.draw(entry.description, team=team, t=t)
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
