"""Queries on reactions: what was clicked on a description, as it was clicked. The votes follow at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from sqlalchemy import bindparam, delete, func, select

from bot.store import votes
from bot.store.database import Transaction
from bot.store.schema import description, reaction
from bot.store.upsert import put

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


T = TypeVar("T")

_CHUNK = 500


async def change(tx: Transaction, changes: Sequence[Change]) -> list[int | None]:
    """Carry out changes in their order, and keep the votes true to what is left.

    Returns for each what came of it: of a click +1 or -1, or 0 where it took itself back; of what was found
    under a message, how many clicks that changed. None where there is no such description in sight, and
    nothing is kept: what is out of sight loses votes and wins none.
    """
    subjects = await _subjects(tx, {each.on for each in changes})
    draft = _Draft(tx)
    done: list[int | None] = []
    for each in changes:
        found = subjects.get(each.on)
        if found is None or (found.removed and not isinstance(each, Withdrawal)):
            done.append(None)
        else:
            done.append(await draft.carry_out(each, found))
    await draft.write()
    return done


async def counts(tx: Transaction, description_id: int) -> dict[Thumb, int]:
    """How often each thumb was left under a description's message."""
    query = (
        select(reaction.c.emoji, reaction.c.source, func.count())
        .where(reaction.c.description_id == description_id, reaction.c.source.in_(UNDER_THE_MESSAGE))
        .group_by(reaction.c.emoji, reaction.c.source)
    )
    return {(emoji, source): count for emoji, source, count in await tx.execute(query)}


class _Subject(NamedTuple):
    """A description that is voted on, whose vote is its requester's own, and whether it is out of sight."""

    id: int
    requester: str
    settled: bool
    removed: bool


async def _subjects(tx: Transaction, wanted: set[Subject]) -> dict[Subject, _Subject]:
    """The descriptions that are meant, as far as there are such."""
    found: dict[Subject, _Subject] = {}
    removed = description.c.removed_at.is_not(None).label("removed")
    columns = (description.c.id, description.c.requester, description.c.settled, removed)
    for some in _chunks([each.message_id for each in wanted if isinstance(each, Shown)]):
        shown = description.c.message_id
        for message_id, *rest in await tx.execute(select(shown, *columns).where(shown.in_(some))):
            found[Shown(message_id)] = _Subject(*rest)
    for some in _chunks([each for each in wanted if isinstance(each, int)]):
        for row in await tx.execute(select(*columns).where(description.c.id.in_(some))):
            found[row.id] = _Subject(*row)
    return found


class _Key(NamedTuple):
    """What tells one click from another."""

    description_id: int
    voter: str
    emoji: str
    source: Source

    @property
    def pair(self) -> tuple[int, str]:
        """What has one vote."""
        return self.description_id, self.voter


class _Draft:
    """What changes come to: by key the click that is left, or None where it has to go."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._clicks: dict[_Key, Click | None] = {}
        self._last: dict[tuple[int, str], votes.Vote | None] = {}  # None: to be derived from what is there

    async def carry_out(self, change: Change, subject: _Subject) -> int:
        if isinstance(change, Press):
            return await self._press(change, subject)
        if isinstance(change, Click):
            return self._leave(change, subject)
        if isinstance(change, Found):
            return await self._find(change, subject)
        await self._withdraw(change, subject)
        return 0

    def _leave(self, click: Click, subject: _Subject) -> int:
        """The latest thumb of its voter: it is their vote, whatever else they left."""
        voter, value, source = click.voter, click.value, click.source
        self._clicks[_Key(subject.id, voter, click.emoji, source)] = click
        own = voter == subject.requester
        last = votes.Vote(subject.id, voter, value, own, source, click.account_days, click.at)
        self._last[subject.id, voter] = last
        return value

    async def _press(self, press: Press, subject: _Subject) -> int:
        pressed = await self._standing(subject.id, (press.source,), voter=press.voter)
        self._drop(pressed)
        again = _Key(subject.id, press.voter, press.emoji, press.source) in pressed
        return 0 if again else self._leave(press, subject)

    async def _find(self, found: Found, subject: _Subject) -> int:
        """Nobody saw these clicks: when they came, and so which of two was the latest, is not known."""
        if subject.settled:  # somebody had their vote deleted meanwhile
            return 0
        standing: set[_Key] = set()
        for emoji, source in found.looked_at:
            standing |= await self._standing(subject.id, (source,), emoji=emoji)
        there = {_Key(subject.id, each.voter, each.emoji, each.source): each for each in found.clicks}
        self._drop(standing - there.keys())
        for key in there.keys() - standing:
            self._clicks[key], self._last[key.pair] = there[key], None
        return len(standing ^ there.keys())

    async def _withdraw(self, gone: Withdrawal, subject: _Subject) -> None:
        if gone.voter is None or gone.emoji is None:
            keys = await self._standing(subject.id, gone.sources, voter=gone.voter, emoji=gone.emoji)
            self._drop(keys)
        else:
            self._drop(_Key(subject.id, gone.voter, gone.emoji, source) for source in gone.sources)

    def _drop(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            self._clicks[key] = self._last[key.pair] = None

    async def _standing(
        self,
        description_id: int,
        sources: tuple[Source, ...],
        *,
        voter: str | None = None,
        emoji: str | None = None,
    ) -> set[_Key]:
        """The clicks that are there, before or by what is drafted."""
        query = select(*_KEY).where(
            reaction.c.description_id == description_id, reaction.c.source.in_(sources)
        )
        if voter is not None:
            query = query.where(reaction.c.voter == voter)
        if emoji is not None:
            query = query.where(reaction.c.emoji == emoji)
        stored = {_Key(*row) for row in await self._tx.execute(query)}
        drafted = {
            key: click
            for key, click in self._clicks.items()
            if key.description_id == description_id
            and key.source in sources
            and voter in (None, key.voter)
            and emoji in (None, key.emoji)
        }
        return {key for key in stored | drafted.keys() if drafted.get(key, key) is not None}

    async def write(self) -> None:
        gone = [dict(zip(_ITS_KEY, key, strict=True)) for key, click in self._clicks.items() if click is None]
        if gone:
            await self._tx.execute(_GONE, gone)
        left = [
            (*key, click.value, click.account_days, click.at) for key, click in self._clicks.items() if click
        ]
        await put(self._tx, reaction, left)
        await votes.cast(self._tx, [last for last in self._last.values() if last])
        await votes.derive(self._tx, [pair for pair, last in self._last.items() if last is None])


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[at : at + _CHUNK] for at in range(0, len(items), _CHUNK))


_KEY = tuple(reaction.c[name] for name in _Key._fields)
_ITS_KEY = [f"its_{name}" for name in _Key._fields]
_GONE = delete(reaction).where(
    *(column == bindparam(its) for column, its in zip(_KEY, _ITS_KEY, strict=True))
)
