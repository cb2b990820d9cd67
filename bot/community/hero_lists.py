"""Lists of heroes: what a person asked for, what they show to others, and what they keep."""

import hashlib
import time
from dataclasses import dataclass
from typing import Literal

from bot.community.accounts import Pseudonyms
from bot.errors import NotAllowed, UserError
from bot.store import bookmarks, descriptions, hero_lists, member_settings
from bot.store.database import Database, Transaction
from bot.store.hero_lists import HeroList, ListedHero, ListFilter

PAGE = 5  # heroes

ListKind = Literal["mine", "of", "kept"]


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Which list somebody wants to see: their own, what they keep, or that of a member in a server.

    power_key stands for a power of the list, as power_key() makes it; model: 0 is the base model.
    """

    kind: ListKind
    reader_id: int
    member_id: int
    guild_id: int | None
    power_key: str | None = None
    model: int | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list. gone: how many favourites are hidden or deleted, and so not listed."""

    heroes: list[ListedHero]
    page: int
    has_more: bool
    power: str | None
    gone: int


class HeroLists:
    """Reads lists of heroes, and keeps favourites."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms) -> None:
        self._db = db
        self._pseudonyms = pseudonyms

    async def page(self, wanted: ListRequest, page: int) -> ListPage:
        """Return a page (from 0) of a list; the last one, if the list has become shorter.

        Raise NotAllowed if the member does not show theirs, or it is asked for outside of servers.
        """
        async with self._db.read() as tx:
            listed = await self._list(tx, wanted)
            power = await _power_of(tx, listed, wanted.power_key)
            by = ListFilter(power, wanted.model)
            found = await hero_lists.list_page(tx, listed, by, offset=page * PAGE, limit=PAGE + 1)
            if page and not found:
                page = await _last_page(tx, listed, by, beyond=page)
                found = await hero_lists.list_page(tx, listed, by, offset=page * PAGE, limit=PAGE + 1)
            gone = await hero_lists.count_gone(tx, listed.owner) if wanted.kind == "kept" else 0
        return ListPage(found[:PAGE], page, len(found) > PAGE, power, gone)

    async def powers(self, wanted: ListRequest) -> list[str]:
        """Return the powers in a list, the most frequent first; none if the reader may not see it."""
        async with self._db.read() as tx:
            try:
                listed = await self._list(tx, wanted)
            except NotAllowed:
                return []
            return await hero_lists.list_powers(tx, listed)

    async def toggle(self, description_id: int, user_id: int) -> bool:
        """Keep a description as a favourite, or stop keeping it. Return whether it is kept now.

        Raise UserError if it is gone or hidden, or a text of a duel in which the person has still to vote.
        """
        person = self._pseudonyms.of(user_id)
        async with self._db.write() as tx:
            if await bookmarks.remove(tx, person, description_id):
                return False
            found = await descriptions.get(tx, description_id)
            if found is None or not found.text:
                raise UserError("This description is gone.")
            if found.removed_at is not None:
                raise UserError("This text is hidden already.")
            if await hero_lists.is_blind(tx, description_id, person):
                raise UserError("Vote first: then you can keep a text of this duel.")
            await bookmarks.add(tx, person, description_id, at=time.time())
            return True

    async def _list(self, tx: Transaction, wanted: ListRequest) -> HeroList:
        owner, reader = self._pseudonyms.of(wanted.member_id), self._pseudonyms.of(wanted.reader_id)
        if wanted.kind != "of":
            return HeroList(reader, reader, kept=wanted.kind == "kept")
        if wanted.guild_id is None:
            raise NotAllowed("This command works only in a server.")
        if not (await member_settings.get(tx, owner)).shows_heroes:
            if owner == reader:
                raise NotAllowed(
                    "You show your heroes to nobody. `{/heroes settings}` lets others see them; you alone "
                    "see `{/heroes mine}`."
                )
            raise NotAllowed("This member does not show their heroes.")
        return HeroList(owner, reader, guild_id=wanted.guild_id)


def power_key(power: str) -> str:
    """Return what stands for a power in a button, whose state has room for few characters."""
    return "p" + hashlib.sha256(power.encode()).hexdigest()[:10]


async def _last_page(tx: Transaction, listed: HeroList, by: ListFilter, *, beyond: int) -> int:
    """Return the last page of a list that has none at `beyond`, by few queries however far that is."""
    last = 0
    while beyond - last > 1:
        middle = (last + beyond) // 2
        if await hero_lists.list_page(tx, listed, by, offset=middle * PAGE, limit=1):
            last = middle
        else:
            beyond = middle
    return last


async def _power_of(tx: Transaction, listed: HeroList, key: str | None) -> str | None:
    """Return the power of a list for which a key stands; "" if it has none of it (any more)."""
    if key is None:
        return None
    return next((each for each in await hero_lists.list_powers(tx, listed) if power_key(each) == key), "")
