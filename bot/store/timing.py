"""How long the store waits, in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DatabaseTiming:
    """How long to wait for another program that holds the database, or a server that is gone, in seconds."""

    busy_timeout: float = 15.0  # one attempt
    connect_timeout: float = 10.0  # PostgreSQL: until the server has let us in
    retry_pause: float = 1.0  # between attempts of what must not be lost; others get their turn meanwhile
    patience: float = 300.0  # for a single write that must not be lost
    stalled_after: float = 10.0  # PostgreSQL: a writer that does nothing loses its transaction, and its lock
