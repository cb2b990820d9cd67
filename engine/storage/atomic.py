"""Plain files that are either the old or the new version, never half of one."""

import errno
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a file finds no room."""


def write_json(path: Path, value: Any) -> None:
    """Replace `path` atomically; after a crash it holds the old value or the new one."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as out:
        json.dump(value, out, ensure_ascii=False, indent=1)
    put(part, path)


def put(part: Path, path: Path) -> None:
    """Give a complete file its name; not even a power cut leaves half of it there."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(path)


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote.

    Raises OSError when it is not there and ValueError when it is not JSON.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def new_id(prefix: str) -> str:
    """Return an id whose alphabetical order is the order of making (to the millisecond)."""
    return f"{prefix}-{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"
