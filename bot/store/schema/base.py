"""What all tables have in common."""

from sqlalchemy import Column, Float, MetaData

metadata = MetaData()


def times(*names: str) -> list[Column[float]]:
    """Return columns for moments, in seconds since 1970 (UTC), NULL until they come."""
    return [Column(name, Float) for name in names]
