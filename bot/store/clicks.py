"""Clicks: what changes the reactions to a description, as Discord tells it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Source = Literal["reaction", "super", "button", "simulated"]
"""Where a thumb was left: under the message, as a super reaction there (Discord keeps the two of one emoji
apart), by a button, or by no person at all."""

UNDER_THE_MESSAGE: tuple[Source, ...] = ("reaction", "super")


class Shown(NamedTuple):
    """A description, known by the message that shows it."""

    message_id: int


Subject = int | Shown
"""What is voted on: a description's id, or the message that shows it."""


@dataclass(frozen=True, slots=True)
class Click:
    """A thumb that a voter (an HMAC) left: +1 or -1, with the age of their Discord account then.

    The same thumb clicked again counts from the later moment.
    """

    on: Subject
    voter: str
    emoji: str
    value: int
    source: Source
    at: float
    account_days: int | None = None


@dataclass(frozen=True, slots=True)
class Press(Click):
    """A click on a button: it takes the place of the voter's other one; the same once more takes it back."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Clicks that are gone: of one voter or of everybody, of one emoji or of all."""

    on: Subject
    sources: tuple[Source, ...]
    voter: str | None = None
    emoji: str | None = None


Thumb = tuple[str, Source]
"""An emoji, and in which way it was left under a message."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked up under a message: all the clicks that are there, of the thumbs looked at."""

    on: Subject
    looked_at: frozenset[Thumb]
    clicks: tuple[Click, ...]


Change = Click | Withdrawal | Found
