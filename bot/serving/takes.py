"""Other takes: the same hero written anew, beside the text before."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.errors import UserError
from bot.heroes.config import HeroesConfig
from bot.heroes.takes import Take, take_of
from bot.store import descriptions
from bot.store.database import Database
from bot.store.descriptions import Description

SAME_OPENING = "opening"  # the manner of a take that begins as the text before, beside the tones

_BATCH = 100  # takes that are read at once


@dataclass(frozen=True, slots=True)
class ShownTake:
    """A take and what it is another take of, as both are now."""

    take: Description
    parent: Description


class Takes:
    """Says what another take of a description may be, and which texts belong together."""

    def __init__(self, db: Database, heroes: HeroesConfig) -> None:
        self._db = db
        self._curation = heroes.curation
        self.manners = (SAME_OPENING, *heroes.prompts.profile.tones)

    async def parent(self, description_id: int) -> Description:
        """Return the description that is to be written anew. Raises UserError if that cannot be."""
        async with self._db.read() as tx:
            found = await descriptions.get(tx, description_id)
        if found is None or not found.text:
            raise UserError(
                "This text is gone, so there is no other take of it. Ask for a hero with `/hero`."
            )
        if found.removed_at is not None:
            raise UserError("This text is hidden, so there is no other take of it now.")
        if not found.of_one_hero:
            raise UserError("Only a text about a single hero can be written anew.")
        return found

    def plan(self, parent: Description, manner: str) -> Take:
        """Return how the take is to be written. Raises UserError if there is no such manner any more."""
        if manner not in self.manners:
            raise UserError("This tone is gone. Press Another take once more to see which there are.")
        tone = None if manner == SAME_OPENING else manner
        return take_of(parent.id, parent.hero, parent.text, self._curation, tone)

    async def shown(self, take: Description) -> ShownTake | None:
        """Return a take beside its parent; None if the description is no take."""
        if take.kind != "take" or take.parent_id is None:
            return None
        async with self._db.read() as tx:
            parent = await descriptions.get(tx, take.parent_id)
        return ShownTake(take, parent) if parent else None

    async def of_parent(self, parent_id: int) -> AsyncIterator[Description]:
        """Yield the takes of a description that are shown, and quote it in their messages, newest first."""
        before: int | None = None
        while True:
            async with self._db.read() as tx:
                found = await descriptions.list_shown_takes(tx, parent_id, _BATCH, before=before)
            for take in found:
                yield take
            if len(found) < _BATCH:
                return
            before = found[-1].id
