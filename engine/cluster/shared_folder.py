"""Whether a node sees the folder of the head: the head leaves a mark there, and each replica looks for it."""

import asyncio
import secrets
import time
from pathlib import Path

from engine.storage import atomic

_FILE = "cluster.json"
_SECONDS = 5.0  # that a network file system may take to show a new file to others


def leave_mark(data: Path) -> str:
    """Write a new mark into the folder, and return it. Raises OSError."""
    mark = secrets.token_hex(16)
    atomic.write_json(data / _FILE, {"mark": mark})
    return mark


async def obstacle(data: Path, mark: str, *, seconds: float = _SECONDS) -> str:
    """Return why this node cannot use the folder, as a sentence; empty if it can."""
    deadline = time.monotonic() + seconds
    while (found := _mark(data)) != mark:
        if time.monotonic() > deadline:
            seen = "it is another folder" if found else "it is not there"
            return (
                f"The node does not see the head's folder {data} ({seen}): mount the same storage under this"
                " path on every node."
            )
        await asyncio.sleep(0.2)
    return ""


def _mark(data: Path) -> str:
    try:
        return str(atomic.read_json(data / _FILE)["mark"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
