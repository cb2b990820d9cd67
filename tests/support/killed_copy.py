"""Copies a database, and kills this process just before the commit that follows a step of the copy.

`python -m tests.support.killed_copy FROM TO DOING TABLE`: the first page of that table, as Watch tells it.
"""

import asyncio
import os
import signal
import sys

from sqlalchemy import Connection, Engine, event

from bot.store.copying.copy import copy_database
from bot.store.copying.end import read_end


def main(source: str, target: str, *step: str) -> None:
    """Copy, until the process is killed."""
    reached = False

    def watch(doing: str, table: str, _done: int, _total: int) -> None:
        nonlocal reached
        reached = reached or (doing, table) == step

    @event.listens_for(Engine, "commit")
    def _kill(_connection: Connection) -> None:
        if reached:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(copy_database(read_end(source), read_end(target), set(), watch))


if __name__ == "__main__":
    main(*sys.argv[1:])
