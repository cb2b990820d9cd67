"""The hero: what a description is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from string import Formatter
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Hero:
    """Age in years, gender and power, in lower case.

    The fields' names are also those of the placeholders in data/heroes.toml, of the database's columns and
    of the columns of dataset files.
    """

    age: int
    gender: str
    power: str

    def __str__(self) -> str:
        return f"{self.age}-year-old {self.gender}, {self.power}"

    @property
    def typed(self) -> str:
        """The hero as people type it."""
        return f"{self.age} {self.gender} {self.power}"

    @classmethod
    def from_strings(cls, values: Sequence[str]) -> Self:
        """Make a hero of its fields as strings, in their order. Raises ValueError if a number is none."""
        return cls(*(field.type(value) for field, value in zip(FIELDS, values, strict=True)))

    def as_dict(self) -> dict[str, Any]:
        """Return all fields by name. asdict() copies deeply, which takes longer."""
        return {name: getattr(self, name) for name in FIELD_NAMES}

    def identity(self) -> dict[str, Any]:
        """Return the fields that differ from their default, by name: what hashes of a hero are made of.

        A field that is added with a default thus leaves the hashes of earlier heroes as they are: the cached
        answers of builds are still found, and the shuffled grid keeps its order.
        """
        return {name: value for name, default in _DEFAULTS if (value := getattr(self, name)) != default}


FIELDS: tuple[Any, ...] = fields(Hero)  # Any: a Field's type is a string where annotations are postponed
FIELD_NAMES = tuple(field.name for field in FIELDS)
_DEFAULTS = tuple((field.name, field.default) for field in FIELDS)


def check_placeholders(template: str) -> str:
    """Return the template as it is: a validator. Raises ValueError if a placeholder is no field of a hero."""
    for _, word, form, conversion in Formatter().parse(template):
        if word is not None and word not in FIELD_NAMES:
            raise ValueError(f"{{{word}}} is no field of a hero: there are {', '.join(FIELD_NAMES)}")
        if form or conversion:
            raise ValueError(f"{template!r} has more than the word {word} in braces")
    return template
