"""Hero: what a description is asked for, how it is typed, and the words it may be made of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hero:
    """Age in years, gender and power (lower case): what a description is asked for."""

    age: int
    gender: str
    power: str

    def __str__(self) -> str:
        return f"{self.age}-year-old {self.gender}, {self.power}"

    @property
    def typed(self) -> str:
        """The hero as people type it."""
        return f"{self.age} {self.gender} {self.power}"
