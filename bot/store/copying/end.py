"""Where a copy comes from, or goes to: a database's address, or the path of an SQLite file."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from bot.errors import StoreError
from bot.store.address import DRIVERS, require_driver, shown_address
from bot.store.snapshot import sqlite_path


@dataclass(frozen=True, slots=True)
class End:
    """One end of a copy. shown: its address without secrets. path: an SQLite file's, else None."""

    url: str
    shown: str
    backend: str
    path: Path | None

    @property
    def place(self) -> str:
        """Return the address by which an unfinished copy knows its source again, without secrets."""
        return str(self.path.resolve()) if self.path else self.shown


def read_end(text: str) -> End:
    """Return the end that a person typed. Raises StoreError, which quotes no secret."""
    url = text if "://" in text else _address_of(text)
    address = require_driver(url)
    path = sqlite_path(url)
    if address.get_backend_name() == "sqlite" and path is None:
        raise StoreError("A database in memory cannot be copied: name a file, or a server's database.")
    return End(url, shown_address(url), address.get_backend_name(), path)


def _address_of(path: str) -> str:
    """Return the address of an SQLite file. Raise StoreError if this is perhaps an address, with a secret."""
    if "@" in path and not Path(path).exists():
        raise StoreError(
            "One of the two is neither an address nor a path. It is not shown, as it may hold a secret. "
            "Write an address as postgresql+asyncpg://USER:PASSWORD@HOST:PORT/NAME."
        )
    return URL.create(DRIVERS["sqlite"], database=path).render_as_string(hide_password=False)
