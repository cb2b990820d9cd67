"""Voters: who voted, without saying who it is."""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

MAX_ACCOUNT_DAYS = 366
_DISCORDS_FIRST_MS = 1_420_070_400_000  # what the moments in Discord's ids are counted from


class Pseudonyms:
    """Turns Discord user ids into HMACs under a secret of this installation.

    The secret lies beside the database, never in it: votes stay one per person, and mean nothing to
    whoever has the database alone.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, user: int | str) -> str:
        """The voter of a Discord user id, or of a simulated user's name; 64 hexadecimal digits."""
        return hmac.new(self._secret, str(user).encode(), hashlib.sha256).hexdigest()


def load_pseudonyms(path: Path) -> Pseudonyms:
    """Read the secret, made at the first start and readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(fresh, path)
        fresh.unlink()
    return Pseudonyms(path.read_bytes())


def account_days(user_id: int, at: float) -> int:
    """How many days old a Discord account is at a moment, at most a year: its id says when it was made."""
    made = ((user_id >> 22) + _DISCORDS_FIRST_MS) / 1000
    return min(MAX_ACCOUNT_DAYS, max(0, int((at - made) / 86400)))
