"""Copies a database, and kills this process just before its N-th commit: python -m ... FROM TO N."""

import asyncio
import os
import signal
import sys
from itertools import count

from sqlalchemy import Connection, Engine, event

from bot.store.copying.copy import copy_database
from bot.store.copying.end import read_end


def _watch(_doing: str, _table: str, _done: int, _total: int) -> None:
    pass


def main(source: str, target: str, last: int) -> None:
    """Copy, until the process is killed."""
    commits = count(1)

    @event.listens_for(Engine, "commit")
    def _kill(_connection: Connection) -> None:
        if next(commits) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(copy_database(read_end(source), read_end(target), set(), _watch))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
