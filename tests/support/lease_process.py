"""A process that acts as long as it leads, for tests that kill and stop it.

    python -m tests.support.lease_process URL OWNER LASTS PROLONG LOOK

It prints "acts" or "waits" at every look, twenty times a second, until it is killed.
"""

import asyncio
import sys

from bot.leases import Leases, LeaseTiming
from bot.store.database import open_database


async def run(url: str, owner: str, *seconds: str) -> None:
    """Look again and again."""
    async with open_database(url) as db:
        leases = Leases(db, LeaseTiming(*map(float, seconds)), owner or None)
        for _ in range(20 * 600):  # ten minutes: a test that was killed leaves no process for ever
            sys.stdout.write("acts\n" if await leases.lead() else "waits\n")
            sys.stdout.flush()
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
