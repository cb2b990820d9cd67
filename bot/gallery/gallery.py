"""Which texts a gallery has: those that may be public, or all that one person asked for."""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import starmap

from bot.cards.excerpt import name_in
from bot.community.accounts import Pseudonyms
from bot.community.person_limit import PersonLimit
from bot.errors import TooMany
from bot.gallery.entry import GalleryEntry
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import Hero
from bot.i18n.message import Translator
from bot.rating.scores import Scores
from bot.store import descriptions, gallery, hero_lists, teams
from bot.store.database import Database
from bot.store.descriptions import Description

_BATCH = 500  # texts that are read at once
_MOST_EXPORTS, _WITHIN = 3, 600.0  # of one person in so many seconds
_NOBODY = ""  # the pseudonym of a reader who has voted in no duel

Progress = Callable[[int, int], None]


class Gallery:
    """Reads texts with their votes for a page that anyone may read, or for the person who asked for them."""

    def __init__(self, db: Database, scores: Scores, pseudonyms: Pseudonyms, heroes: HeroesConfig) -> None:
        self._db = db
        self._scores = scores
        self._pseudonyms = pseudonyms
        self._heroes = heroes
        self._exports = PersonLimit(_MOST_EXPORTS, _WITHIN)

    async def public(self, t: Translator, progress: Progress) -> list[GalleryEntry]:
        """Return the texts whose askers and whose servers agreed, without hidden ones, the newest first.

        progress: called with how many texts are read, and how many there are.
        """
        async with self._db.read() as tx:
            ids = await gallery.list_public_ids(tx)
        counted = (await self._scores.snapshot()).descriptions if ids else ()
        votes = {each.description_id: (each.ups, each.downs) for each in counted}
        return await self._read(ids, _NOBODY, t, progress, votes)

    async def still_public(self, entries: Sequence[GalleryEntry]) -> list[GalleryEntry]:
        """Return those that may still be public: drawing cards takes long, and people change their mind."""
        async with self._db.read() as tx:
            ids = set(await gallery.list_public_ids(tx))
        return [entry for entry in entries if entry.id in ids]

    async def own(self, user_id: int, t: Translator) -> list[GalleryEntry]:
        """Return all texts that a person asked for, without hidden ones, the newest first.

        Raise TooMany if the person has had them several times just now: reading and packing them takes long.
        """
        person = self._pseudonyms.of(user_id)
        if wait := self._exports.count(person):
            raise TooMany(
                "You have just had your heroes exported several times: ask again in {minutes} min.",
                minutes=math.ceil(wait / 60),
            )
        async with self._db.read() as tx:
            ids = await gallery.list_ids_of(tx, person)
        return await self._read(ids, person, t, lambda _done, _total: None)

    async def _read(
        self,
        ids: Sequence[int],
        reader: str,
        t: Translator,
        progress: Progress,
        votes: Mapping[int, tuple[int, int]] | None = None,
    ) -> list[GalleryEntry]:
        """Return entries in the order of the ids. votes: those of all, if they are known already."""
        entries: list[GalleryEntry] = []
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            async with self._db.read() as tx:
                found = {each.id: each for each in await descriptions.get_many(tx, list(batch))}
                members = await teams.list_heroes(tx, batch)
                blind = await hero_lists.list_blind(tx, reader)
            counted = votes if votes is not None else await self._scores.votes_on_each(batch)
            # one may have been hidden or deleted since its id was read
            visible = [found[each] for each in batch if found[each].removed_at is None]
            made = [
                (
                    each,
                    tuple(members.get(each.id, ())) or (each.hero,),
                    None if each.id in blind else _author(each, t),
                    counted.get(each.id, (0, 0)),
                    t,
                )
                for each in visible
            ]
            # names are searched for in each text, which takes a while
            entries += await asyncio.to_thread(list, starmap(self._entry, made))
            progress(start + len(batch), len(ids))
        return entries

    def _entry(
        self,
        description: Description,
        heroes: tuple[Hero, ...],
        author: str | None,
        votes: tuple[int, int],
        t: Translator,
    ) -> GalleryEntry:
        titles = tuple(self._heroes.vocabulary.title(hero, t).capitalize() for hero in heroes)
        name = name_in(description.text, self._heroes.curation) if len(heroes) == 1 else ""
        return GalleryEntry(
            description,
            heroes,
            name,
            titles,
            author or t("one of two models in a duel"),
            author is None,
            *votes,
        )


def _author(description: Description, t: Translator) -> str:
    if description.version:
        return t("model {number}", number=description.version)
    return t("base model")
