"""Queries on reactions: what was clicked on a description, as it was clicked. The votes follow at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import bindparam, delete, select

from bot.store import votes
from bot.store.database import Transaction
from bot.store.schema import description, reaction

Source = Literal["reaction", "super", "button", "simulated"]
"""Where a thumb was left: under the message, as a super reaction there (Discord keeps the two of one emoji
apart), by a button, or by no person at all."""

UNDER_THE_MESSAGE: tuple[Source, ...] = ("reaction", "super")

T = TypeVar("T")

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Shown:
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


Change = Click | Withdrawal


class Key(NamedTuple):
    """What tells one click from another."""

    description_id: int
    voter: str
    emoji: str
    source: Source


async def change(tx: Transaction, changes: Sequence[Change]) -> list[int | None]:
    """Carry out clicks and withdrawals in their order, and derive the votes they change.

    Returns for each what it left there: +1 or -1, 0 for nothing, None where there is no such description.
    """
    ids = await _descriptions(tx, {each.on for each in changes})
    draft = _Draft(tx)
    left: list[int | None] = []
    for each in changes:
        found = ids.get(each.on)
        left.append(None if found is None else await draft.carry_out(each, found))
    await _write(tx, draft.clicks)
    await votes.derive(tx, {(key.description_id, key.voter) for key in draft.clicks})
    return left


class _Draft:
    """What the changes come to: by key the click that is left, or None where it has to go."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.clicks: dict[Key, Click | None] = {}

    async def carry_out(self, change: Change, description_id: int) -> int:
        if isinstance(change, Withdrawal):
            for key in await self._withdrawn(change, description_id):
                self.clicks[key] = None
            return 0
        key = Key(description_id, change.voter, change.emoji, change.source)
        if isinstance(change, Press):
            pressed = await self._standing(description_id, (change.source,), voter=change.voter)
            self.clicks |= dict.fromkeys(pressed)
            if key in pressed:
                return 0
        self.clicks[key] = change
        return change.value

    async def _withdrawn(self, gone: Withdrawal, description_id: int) -> Iterable[Key]:
        if gone.voter is None or gone.emoji is None:
            return await self._standing(description_id, gone.sources, voter=gone.voter, emoji=gone.emoji)
        return [Key(description_id, gone.voter, gone.emoji, source) for source in gone.sources]

    async def _standing(
        self,
        description_id: int,
        sources: tuple[Source, ...],
        *,
        voter: str | None = None,
        emoji: str | None = None,
    ) -> set[Key]:
        """The clicks that are there, before or by what is drafted."""
        query = select(*_KEY).where(
            reaction.c.description_id == description_id, reaction.c.source.in_(sources)
        )
        if voter is not None:
            query = query.where(reaction.c.voter == voter)
        if emoji is not None:
            query = query.where(reaction.c.emoji == emoji)
        stored = {Key(*row) for row in await self._tx.execute(query)}
        drafted = {
            key: click
            for key, click in self.clicks.items()
            if key.description_id == description_id
            and key.source in sources
            and voter in (None, key.voter)
            and emoji in (None, key.emoji)
        }
        return {key for key in stored | drafted.keys() if drafted.get(key, key) is not None}


async def _descriptions(tx: Transaction, subjects: set[Subject]) -> dict[Subject, int]:
    """The ids of the descriptions that are meant, as far as there are such."""
    found: dict[Subject, int] = {}
    messages = [each.message_id for each in subjects if isinstance(each, Shown)]
    for some in _chunks(messages):
        query = select(description.c.message_id, description.c.id).where(description.c.message_id.in_(some))
        found |= {Shown(message): its_id for message, its_id in await tx.execute(query)}
    for some in _chunks([each for each in subjects if isinstance(each, int)]):
        known = await tx.execute(select(description.c.id).where(description.c.id.in_(some)))
        found |= {its_id: its_id for its_id in known.scalars()}
    return found


async def _write(tx: Transaction, clicks: dict[Key, Click | None]) -> None:
    if clicks:
        await tx.execute(
            _GONE, [{f"its_{name}": part for name, part in key._asdict().items()} for key in clicks]
        )
    rows: list[dict[str, Any]] = [
        {**key._asdict(), "value": click.value, "account_days": click.account_days, "at": click.at}
        for key, click in clicks.items()
        if click
    ]
    if rows:
        await tx.execute(reaction.insert(), rows)


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK))


_KEY = tuple(reaction.c[name] for name in Key._fields)
_GONE = delete(reaction).where(*(column == bindparam(f"its_{column.name}") for column in _KEY))
