"""Which messages show cards, who may have another one, and whose hero a card is asked for."""

import asyncio
import re
import time
from weakref import WeakValueDictionary

from bot.community.accounts import Pseudonyms
from bot.community.hero_cards import check_visible
from bot.community.person_limit import PersonLimit
from bot.errors import TooMany, UserError
from bot.store import card_posts, descriptions
from bot.store.card_posts import CardPost
from bot.store.database import Database
from bot.store.descriptions import Description

_LATELY = 3600.0  # seconds for which a card that was posted is pointed to: the votes on it hardly change
_MOST, _WITHIN = 5, 60.0  # cards of one person in so many seconds
_MESSAGE = re.compile(r"(?:^|/)([0-9]{1,19})/?$")
_LARGEST = 2**63 - 1  # of the ids that are stored


class CardPosts:
    """Knows the messages with cards, so that they go when their text is hidden, and come once."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms) -> None:
        self._db = db
        self._pseudonyms = pseudonyms
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._limit = PersonLimit(_MOST, _WITHIN)

    def lock(self, description_id: int) -> asyncio.Lock:
        """Return the lock under which a description's card is looked for and posted: two clicks make one."""
        lock = self._locks.get(description_id)
        if lock is None:
            lock = self._locks[description_id] = asyncio.Lock()
        return lock

    def count(self, user_id: int) -> None:
        """Count one card for a person. Raise TooMany if they have had too many just now."""
        if wait := self._limit.count(self._pseudonyms.of(user_id)):
            raise TooMany(
                "You have just asked for several cards: ask again in {seconds} s.",
                seconds=max(1, round(wait)),
            )

    async def get(self, description_id: int) -> Description:
        """Return a description whose card may be shown. Raise UserError if it is gone, deleted or hidden."""
        async with self._db.read() as tx:
            found = await descriptions.get(tx, description_id)
        if found is None:
            raise UserError("This description is gone. Ask for a new one with `/hero`.")
        check_visible(found)
        return found

    async def latest(self, user_id: int, guild_id: int | None, channel_id: int | None) -> Description:
        """Return a person's newest hero of a server, or of their direct messages. Raise UserError if none."""
        async with self._db.read() as tx:
            found = await descriptions.get_latest(
                tx, self._pseudonyms.of(user_id), guild_id=guild_id, channel_id=channel_id
            )
        if found is None:
            raise UserError("You have no hero here yet. Ask for one with `/hero`, then for its card.")
        return found

    async def find(self, typed: str) -> Description:
        """Return the description of a message, by its link or number. Raise UserError if it shows none."""
        number = _MESSAGE.search(typed.strip().strip("<>"))
        async with self._db.read() as tx:
            found = None
            if number and int(number[1]) <= _LARGEST:
                found = await descriptions.get_by_message(tx, int(number[1]))
        if found is None:
            raise UserError(
                "I find no hero there. Give me the link of a hero's message (from its menu: Copy Message "
                "Link), or leave it out to see your latest hero."
            )
        check_visible(found)
        return found

    def is_of(self, description: Description, user_id: int) -> bool:
        """Return whether a person asked for a description."""
        return description.requester == self._pseudonyms.of(user_id)

    async def lately(self, description_id: int, channel_id: int | None) -> CardPost | None:
        """Return the message in a channel that shows a description's card since less than an hour."""
        since = time.time() - _LATELY
        posts = await self.list_of(description_id)
        return next((post for post in posts if post.channel_id == channel_id and post.at > since), None)

    async def list_of(self, description_id: int) -> list[CardPost]:
        async with self._db.read() as tx:
            return await card_posts.list_of(tx, description_id)

    async def add(self, description_id: int, channel_id: int, message_id: int) -> None:
        """Note a message with a card. Raise UserError if its text was deleted or hidden meanwhile."""
        async with self._db.write() as tx:
            found = await descriptions.get(tx, description_id)
            if found is None or not found.requester:
                raise UserError("The person who asked for it had it deleted.")
            await card_posts.put(tx, CardPost(message_id, description_id, channel_id, time.time()))
        check_visible(found)

    async def remove(self, message_id: int) -> None:
        """Forget a message that is deleted."""
        async with self._db.write() as tx:
            await card_posts.remove(tx, [message_id])
