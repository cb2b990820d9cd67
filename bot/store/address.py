"""DATABASE_URL: parse it, and show it without its secrets."""

import re
from inspect import signature

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import StoreError
from bot.extras import missing_extras_text

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
"""How an address begins, by the database."""

_ALIASES = {"postgres": "postgresql"}  # as hosters write it
_NO_ADDRESS = (
    "The database cannot be used: DATABASE_URL is no address of a database. It is not shown, as it may hold "
    "a secret. Write it as postgresql+asyncpg://USER:PASSWORD@HOST:PORT/NAME, or leave it empty."
)


def parse_address(url: str) -> URL:
    """Return the parts of a database's address. Raises StoreError, which does not quote it."""
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: of a port that is no number
        raise StoreError(_NO_ADDRESS) from error


def require_driver(url: str) -> URL:
    """Return the parts of the address of a database of a kind that we use.

    Raises StoreError, which quotes no secret.
    """
    address = parse_address(url)
    backend = address.get_backend_name()
    driver = DRIVERS.get(_ALIASES.get(backend, backend))
    if driver is None:
        raise StoreError(
            f"The database {shown_address(url)} cannot be used: Herosmith stores in SQLite and PostgreSQL "
            "alone, whose addresses begin with sqlite+aiosqlite:/// and postgresql+asyncpg://."
        )
    if address.drivername != driver:
        raise StoreError(
            f"The database {shown_address(url)} cannot be used: its address begins with "
            f"{address.drivername}://. Write {driver}:// in its place."
        )
    if backend == "postgresql" and (missing := missing_extras_text("postgres")):
        raise StoreError(f"The database {shown_address(url)} cannot be used. {missing}")
    if backend == "postgresql" and (unknown := sorted(set(address.query) - _known_options())):
        raise StoreError(
            f"The database {shown_address(url)} cannot be used: nobody knows the option "
            f"{unknown[0]} behind the ? of its address. Take it out; in place of sslmode=require, write "
            "ssl=require."
        )
    return address


def _known_options() -> set[str]:
    """Return what may stand behind the question mark of a PostgreSQL address."""
    import asyncpg  # noqa: PLC0415 (not installed everywhere)

    return {*signature(asyncpg.connect).parameters, "prepared_statement_cache_size", "async_fallback"}


def shown_address(url: str) -> str:
    """Return the address for people: a file's path, or a server without password and query."""
    address = parse_address(url)
    if address.get_backend_name() == "sqlite" and address.database:
        return address.database
    text = address.set(query={}).render_as_string(hide_password=True)
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text)  # of a password with an @, parsing hides a part
