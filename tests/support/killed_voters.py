"""Voters in a separate process, which a test kills while they vote.

    python -m tests.support.killed_voters DATABASE_URL

votes without end, 100 people at once, and prints the user id of each vote as soon as it is stored.
"""

import asyncio
import os
import sys

from bot.community.accounts import Pseudonyms
from bot.rating.votes import UP, Votes
from bot.store.database import open_database

SECRET = b"the same in both processes"
PEOPLE = 100


async def _vote(url: str) -> None:
    async with open_database(url) as db:
        votes = Votes(db, Pseudonyms(SECRET))

        async def keep_voting(number: int) -> None:
            user_id = number << 22
            while True:
                await votes.add_reaction(77, user_id, UP)
                os.write(1, b"%d\n" % user_id)
                user_id += PEOPLE << 22

        await asyncio.gather(*(keep_voting(number) for number in range(PEOPLE)))


if __name__ == "__main__":
    asyncio.run(_vote(sys.argv[1]))
