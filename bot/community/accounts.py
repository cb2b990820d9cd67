"""Pseudonyms of Discord users, and the age of their accounts."""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

MAX_ACCOUNT_DAYS = 366
_DISCORD_EPOCH_MS = 1_420_070_400_000  # the timestamps in Discord's ids count from here


class Pseudonyms:
    """Turns Discord user ids into HMACs under a secret of this installation.

    The secret is kept beside the database, never in it: a person still has one vote, but the database alone
    does not tell whose it is.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def of(self, user: int | str) -> str:
        """Return the pseudonym of a Discord user id or a simulated user's name: 64 hexadecimal digits."""
        return hmac.new(self._secret, str(user).encode(), hashlib.sha256).hexdigest()

    @property
    def fingerprint(self) -> str:
        """What tells two secrets apart, and tells nothing of either."""
        return self.of("fingerprint of this key")[:16]


def load_pseudonyms(path: Path) -> Pseudonyms:
    """Read the secret; create it at the first start, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(temporary, path)
        temporary.unlink()
    return Pseudonyms(path.read_bytes())


def account_days(user_id: int, at: float) -> int:
    """Return the age of a Discord account in days at a moment, at most 366; its id tells when it was made."""
    created = ((user_id >> 22) + _DISCORD_EPOCH_MS) / 1000
    return min(MAX_ACCOUNT_DAYS, max(0, int((at - created) / 86400)))
