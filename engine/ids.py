"""Ids for files, jobs, events and completions."""

import secrets
import time


def new_id(prefix: str) -> str:
    """Return `prefix` and a unique suffix; ids sort alphabetically by creation time (to the millisecond)."""
    return f"{prefix}-{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"
