"""Clicks: what changes the reactions to a description, as Discord tells it."""

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Found:
    """All who have an emoji under a message, looked up at a moment: their accounts' ages by voter."""

    on: Subject
    source: Source
    emoji: str
    value: int
    voters: Mapping[str, int]
    at: float


Change = Click | Withdrawal | Found
