"""The columns of a hero: one for each field of Hero, with its name."""

from typing import Any

from sqlalchemy import Column
from sqlalchemy.types import TypeEngine

from bot.heroes.hero import FIELD_NAMES, FIELDS, Hero
from bot.store.types import FreeText, Number

_TYPES: dict[Any, type[TypeEngine[Any]]] = {int: Number, str: FreeText}

EMPTY_HERO = Hero(*(field.type() for field in FIELDS))
"""The hero of a row that was redacted."""


def hero_columns(type_: type[TypeEngine[Any]] | None = None) -> list[Column[Any]]:
    """Return the columns for a table, all of the given type, or by default of each field's own."""
    return [Column(field.name, type_ or _TYPES[field.type], nullable=False) for field in FIELDS]


def pop_hero(values: dict[str, Any]) -> Hero:
    """Remove the hero's columns from a row's values, and return them as a hero."""
    return Hero(*map(values.pop, FIELD_NAMES))
