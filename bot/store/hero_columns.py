"""A hero as columns of a table: one for each field of Hero, of the same name."""

from typing import Any

from sqlalchemy import Column, Integer, Text
from sqlalchemy.types import TypeEngine

from bot.heroes.hero import FIELD_NAMES, FIELDS, Hero

_TYPES: dict[Any, type[TypeEngine[Any]]] = {int: Integer, str: Text}

EMPTY_HERO = Hero(*(field.type() for field in FIELDS))
"""What takes a hero's place in a row that was emptied."""


def hero_columns(type_: type[TypeEngine[Any]] | None = None) -> list[Column[Any]]:
    """Return new columns for a table, all of one type if it is given."""
    return [Column(field.name, type_ or _TYPES[field.type], nullable=False) for field in FIELDS]


def pop_hero(values: dict[str, Any]) -> Hero:
    """Take the hero's columns out of a row's values by name, and return the hero."""
    return Hero(*map(values.pop, FIELD_NAMES))
