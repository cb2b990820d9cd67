"""DATABASE_URL: parse it, and show it without its secrets."""

import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.errors import StoreError

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


def shown_address(url: str) -> str:
    """Return the address for people: a file's path, or a server without password and query."""
    address = parse_address(url)
    if address.get_backend_name() == "sqlite" and address.database:
        return address.database
    text = address.set(query={}).render_as_string(hide_password=True)
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text)  # of a password with an @, parsing hides a part
