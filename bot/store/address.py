"""DATABASE_URL: parse it, and show it without its secrets."""

import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import StoreError
from bot.extras import missing_extras_text

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
"""How an address begins, by the database."""

_ALIASES = {"postgres": "postgresql"}  # as hosters write it
_STATEMENTS = "prepared_statement_cache_size"
# What may stand behind the question mark of a PostgreSQL address. The driver has more options, which take no
# text, or with which transactions end in ways that nothing here expects.
_OPTIONS = {
    *("host", "port", "database", "user", "password", "passfile", "service", "servicefile"),
    *("ssl", "target_session_attrs", "krbsrvname", "gsslib", _STATEMENTS),
}
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
    if backend == "postgresql":
        _check_options(address, shown_address(url))
    return address


def _check_options(address: URL, shown: str) -> None:
    """Raise StoreError if what stands behind the question mark of a PostgreSQL address cannot be used."""
    if unknown := sorted(set(address.query) - _OPTIONS):
        raise StoreError(
            f"The database {shown} cannot be used: Herosmith does not take the option {unknown[0]} behind "
            "the ? of its address. Take it out; in place of sslmode=require, write ssl=require."
        )
    for name, value in address.query.items():
        if name not in ("host", "port") and not isinstance(value, str):  # of several hosts, one is used
            raise StoreError(
                f"The database {shown} cannot be used: the option {name} stands more than once behind the ? "
                "of its address. Keep one."
            )
    if not str(address.query.get(_STATEMENTS, "0")).isdecimal():
        raise StoreError(
            f"The database {shown} cannot be used: the option {_STATEMENTS} behind the ? of its address is "
            "no number. Correct it, or take it out."
        )


def shown_address(url: str) -> str:
    """Return the address for people: a file's path, or a server without password and query."""
    address = parse_address(url)
    if address.get_backend_name() == "sqlite" and address.database:
        return address.database
    text = address.set(query={}).render_as_string(hide_password=True)
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text)  # of a password with an @, parsing hides a part
