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
_PORTS = 65536
_WRONG_PORT = (
    "each port in its address has to be a number from 1 to 65535, and of several hosts each needs one"
)
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
        _check_options(url, address)
    return address


def _check_options(url: str, address: URL) -> None:
    """Raise StoreError if the ports or options of a PostgreSQL address cannot be used."""
    shown = shown_address(url)
    if unknown := sorted(set(address.query) - _OPTIONS):
        if _has_secret_behind(url, address):
            raise StoreError(_NO_ADDRESS)
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
    if not all(0 < port < _PORTS for port in _ports(address, shown)):
        raise StoreError(f"The database {shown} cannot be used: {_WRONG_PORT}.")


def _ports(address: URL, shown: str) -> list[int]:
    """Return the ports that the driver would ask, those behind the question mark, too. Raise StoreError."""
    try:
        _, options = address.get_dialect()().create_connect_args(address)
    except (ArgumentError, ValueError) as error:  # hosts and ports that do not fit; no number
        raise StoreError(f"The database {shown} cannot be used: {_WRONG_PORT}.") from error
    ports = options.get("port", address.port)  # SQLAlchemy leaves 0 out
    return [ports] if isinstance(ports, int) else [each for each in ports or () if each is not None]


def _has_secret_behind(url: str, address: URL) -> bool:
    """Return whether a part of the password stands behind the question mark: it has an @ and a ? in it."""
    is_sound = bool(address.query) and set(address.query) <= _OPTIONS
    return "@" in url.partition("?")[2] and not is_sound


def shown_address(url: str) -> str:
    """Return the address for people: a file's path, or a server without password and query."""
    address = parse_address(url)
    if address.get_backend_name() == "sqlite" and address.database:
        return address.database
    if _has_secret_behind(url, address):
        return re.sub(r"://.*", "://***", url)
    text = address.set(query={}).render_as_string(hide_password=True)
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text)  # of a password with an @, parsing hides a part
