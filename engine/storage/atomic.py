"""Atomic file writes: after a crash a file holds its old content or its new one, never a part."""

import errno
import json
import os
from pathlib import Path
from typing import Any

DISK_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The errnos of an OSError that says that the disk is full."""


def write_json(path: Path, value: Any) -> None:
    """Replace `path` atomically."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as out:
        json.dump(value, out, ensure_ascii=False, indent=1)
    publish(part, path)


def publish(part: Path, path: Path) -> None:
    """Rename a complete file to `path`, durably: even a power cut leaves no incomplete file there."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(path)


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote.

    Raises OSError if the file cannot be read and ValueError if it is not JSON.
    """
    return json.loads(path.read_text(encoding="utf-8"))
