"""People whom operators do not let ask, whose day they begin anew, and who ask most: all by pseudonym."""

import re
import time
from collections.abc import Collection
from dataclasses import dataclass

from bot.community.accounts import Pseudonyms
from bot.errors import UserError
from bot.store import people
from bot.store.database import Database, Transaction

_DAY = 86_400  # seconds
_MOST_LISTED = 25
_LENGTHS = (8, 12, 16, 64)  # digits of a pseudonym that are tried as its short form
_SHORT = re.compile(r"[0-9a-f]{4,64}")
_USER_ID = re.compile(r"[0-9]{17,20}")


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is blocked, and whose heroes are counted since when: by pseudonym, in seconds since 1970."""

    blocked: frozenset[str]
    resets: dict[str, float]


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A person as operators see them.

    short: the beginning of the pseudonym that nobody else's has; heroes: how many they asked for, in the time
    that was asked about; blocked_at: since when they are blocked, None if they are not.
    """

    person: str
    short: str
    heroes: int
    blocked_at: float | None


class People:
    """Blocks people, resets what they have used up, and lists the heaviest users.

    What other processes wrote (a block by the terminal) is seen after `refresh` seconds at the latest.
    """

    def __init__(self, db: Database, pseudonyms: Pseudonyms, *, refresh: float) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._refresh = refresh
        self._standing: Standing | None = None
        self._read_at = 0.0  # monotonic
        self._changes = 0

    def of_user(self, user_id: int) -> str:
        """Return the pseudonym of a Discord user."""
        return self._pseudonyms.of(user_id)

    async def standing(self) -> Standing:
        """Return who is blocked and whose quota was reset in the last day."""
        now, changes = time.monotonic(), self._changes
        if self._standing is not None and now - self._read_at < self._refresh:
            return self._standing
        async with self._db.read() as tx:
            blocked = frozenset(await people.list_blocked(tx))
            read = Standing(blocked, await people.list_resets(tx, time.time() - _DAY))
        if changes == self._changes:  # otherwise it may have been read before a change
            self._standing, self._read_at = read, now
        return read

    def _forget(self) -> None:
        """Let the next request read what was written."""
        self._standing = None
        self._changes += 1

    async def block(self, person: str, actor_id: int | None = None) -> bool:
        """Let a person ask for nothing from now on. Return False if they are blocked already."""
        async with self._db.write() as tx:
            changed = await people.block(tx, person, actor_id=actor_id, at=time.time())
        self._forget()
        return changed

    async def unblock(self, person: str) -> bool:
        """Let a blocked person ask again. Return False if they are not blocked."""
        async with self._db.write() as tx:
            changed = await people.unblock(tx, person)
        self._forget()
        return changed

    async def reset_quota(self, person: str, actor_id: int | None = None) -> None:
        """Count a person's heroes of the day from zero again."""
        async with self._db.write() as tx:
            await people.reset_quota(tx, person, actor_id=actor_id, at=time.time())
        self._forget()

    async def heaviest(self, days: int) -> list[ListedPerson]:
        """Return who asked for most heroes in the last days, the heaviest first."""
        async with self._db.read() as tx:
            blocked = await people.list_blocked(tx)
            found = await people.list_heaviest(tx, time.time() - days * _DAY, _MOST_LISTED)
            shorts = await _shorts(tx, [each.person for each in found])
        return [
            ListedPerson(each.person, shorts[each.person], each.heroes, blocked.get(each.person))
            for each in found
        ]

    async def blocked(self) -> list[ListedPerson]:
        """Return the people who were blocked last, the newest first, with their heroes of the last day."""
        async with self._db.read() as tx:
            found = list((await people.list_blocked(tx)).items())[:_MOST_LISTED]
            shorts = await _shorts(tx, [person for person, _ in found])
            since = time.time() - _DAY
            return [
                ListedPerson(person, shorts[person], await people.count_since(tx, person, since), at)
                for person, at in found
            ]

    async def find(self, typed: str) -> str:
        """Return the pseudonym that is meant by its beginning, or by a Discord user id.

        Raises UserError if it is nobody's, or that of several people.
        """
        typed = typed.strip().strip("`").lower()
        if _USER_ID.fullmatch(typed):
            return self.of_user(int(typed))
        found = set[str]()
        if _SHORT.fullmatch(typed):
            async with self._db.read() as tx:
                found = await people.first_and_last(tx, typed)
        if not found:
            raise UserError(
                "Nobody has that name here. `{/people heaviest}` lists people with their short names.",
            )
        if len(found) > 1:
            raise UserError("Several people are meant by that: type more of the name.")
        return found.pop()

    async def short(self, person: str) -> str:
        """Return the beginning of a pseudonym that nobody else's has."""
        async with self._db.read() as tx:
            return (await _shorts(tx, [person]))[person]


async def _shorts(tx: Transaction, persons: Collection[str]) -> dict[str, str]:
    """Return of each pseudonym the beginning that nobody else's has: its neighbours' are the likest."""
    if not persons:
        return {}
    neighbours = await people.list_neighbours(tx, persons)
    return {person: _short(person, neighbours[person]) for person in persons}


def _short(person: str, others: Collection[str]) -> str:
    shorts = (person[:length] for length in _LENGTHS)
    return next(short for short in shorts if not any(other.startswith(short) for other in others))
