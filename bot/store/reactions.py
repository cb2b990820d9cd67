"""Queries on reactions: the thumbs given to a description. Every change updates the votes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from sqlalchemy import bindparam, delete, func, select

from bot.store import votes
from bot.store.database import Transaction
from bot.store.schema import description, reaction
from bot.store.upsert import upsert

Source = Literal["reaction", "super", "button", "simulated"]
"""How a thumb was given: as a reaction, as a super reaction (which Discord keeps apart from the normal one of
the emoji), by a button, or by a simulated voter."""

MESSAGE_SOURCES: tuple[Source, ...] = ("reaction", "super")


class MessageRef(NamedTuple):
    """A description, identified by the message that shows it."""

    message_id: int


Subject = int | MessageRef
"""What is voted on: the id of a description, or the message that shows it."""


@dataclass(frozen=True, slots=True)
class Click:
    """A thumb, +1 or -1, given by a voter (a pseudonym), with the age of their Discord account then.

    The same thumb given again counts from the later moment.
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
    """A click on a button: it replaces the voter's other one; the same one again withdraws it."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Clicks that were withdrawn: those of one voter or all, of one emoji or all."""

    on: Subject
    sources: tuple[Source, ...]
    voter: str | None = None
    emoji: str | None = None


Thumb = tuple[str, Source]
"""An emoji and the source of the click."""


@dataclass(frozen=True, slots=True)
class MessageClicks:
    """All clicks under a message of the thumbs that were looked up."""

    on: Subject
    looked_at: frozenset[Thumb]
    clicks: tuple[Click, ...]


Change = Click | Withdrawal | MessageClicks


T = TypeVar("T")

_CHUNK = 500


async def apply(tx: Transaction, changes: Sequence[Change]) -> list[int | None]:
    """Apply changes in order, and update the votes accordingly.

    Return a result for each: of a click +1 or -1, or 0 if it withdrew itself; of MessageClicks, how many
    clicks changed. The result is None, and nothing is stored, if the description does not exist or is hidden;
    from a hidden description clicks can only be withdrawn.
    """
    subjects = await _subjects(tx, {change.on for change in changes})
    draft = _Draft(tx)
    done: list[int | None] = []
    for change in changes:
        subject = subjects.get(change.on)
        if subject is None or (subject.removed and not isinstance(change, Withdrawal)):
            done.append(None)
        else:
            done.append(await draft.apply(change, subject))
    await draft.write()
    return done


async def count_thumbs(tx: Transaction, description_id: int) -> dict[Thumb, int]:
    """Return how often each thumb was given under a description's message."""
    query = (
        select(reaction.c.emoji, reaction.c.source, func.count())
        .where(reaction.c.description_id == description_id, reaction.c.source.in_(MESSAGE_SOURCES))
        .group_by(reaction.c.emoji, reaction.c.source)
    )
    return {(emoji, source): count for emoji, source, count in await tx.execute(query)}


class _Subject(NamedTuple):
    """The columns of a description that decide about votes on it."""

    id: int
    requester: str
    settled: bool
    removed: bool


async def _subjects(tx: Transaction, wanted: set[Subject]) -> dict[Subject, _Subject]:
    """Return the descriptions that exist."""
    found: dict[Subject, _Subject] = {}
    removed = description.c.removed_at.is_not(None).label("removed")
    columns = (description.c.id, description.c.requester, description.c.settled, removed)
    for chunk in _chunks([subject.message_id for subject in wanted if isinstance(subject, MessageRef)]):
        shown = description.c.message_id
        for message_id, *rest in await tx.execute(select(shown, *columns).where(shown.in_(chunk))):
            found[MessageRef(message_id)] = _Subject(*rest)
    for chunk in _chunks([subject for subject in wanted if isinstance(subject, int)]):
        for row in await tx.execute(select(*columns).where(description.c.id.in_(chunk))):
            found[row.id] = _Subject(*row)
    return found


class _Key(NamedTuple):
    """The primary key of a click."""

    description_id: int
    voter: str
    emoji: str
    source: Source

    @property
    def pair(self) -> tuple[int, str]:
        """The description and voter, who has one vote."""
        return self.description_id, self.voter


class _Draft:
    """The changes to write: by key the click to store, or None to delete it."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._clicks: dict[_Key, Click | None] = {}
        self._last: dict[tuple[int, str], votes.Vote | None] = {}  # None: derive it from the stored reactions

    async def apply(self, change: Change, subject: _Subject) -> int:
        if isinstance(change, Press):
            return await self._press(change, subject)
        if isinstance(change, Click):
            return self._add(change, subject)
        if isinstance(change, MessageClicks):
            return await self._find(change, subject)
        await self._withdraw(change, subject)
        return 0

    def _add(self, click: Click, subject: _Subject) -> int:
        """Add a click: as its voter's latest, it is their vote."""
        voter, value, source = click.voter, click.value, click.source
        self._clicks[_Key(subject.id, voter, click.emoji, source)] = click
        own = voter == subject.requester
        last = votes.Vote(subject.id, voter, value, own, source, click.account_days, click.at)
        self._last[subject.id, voter] = last
        return value

    async def _press(self, press: Press, subject: _Subject) -> int:
        pressed = await self._existing(subject.id, (press.source,), voter=press.voter)
        self._drop(pressed)
        again = _Key(subject.id, press.voter, press.emoji, press.source) in pressed
        return 0 if again else self._add(press, subject)

    async def _find(self, found: MessageClicks, subject: _Subject) -> int:
        """Replace the clicks. Which of a voter's two is the latest is not known, so the vote is derived."""
        if subject.settled:  # a person had their vote deleted meanwhile
            return 0
        existing: set[_Key] = set()
        for emoji, source in found.looked_at:
            existing |= await self._existing(subject.id, (source,), emoji=emoji)
        current = {_Key(subject.id, click.voter, click.emoji, click.source): click for click in found.clicks}
        self._drop(existing - current.keys())
        for key in current.keys() - existing:
            self._clicks[key], self._last[key.pair] = current[key], None
        return len(existing ^ current.keys())

    async def _withdraw(self, change: Withdrawal, subject: _Subject) -> None:
        if change.voter is None or change.emoji is None:
            keys = await self._existing(subject.id, change.sources, voter=change.voter, emoji=change.emoji)
            self._drop(keys)
        else:
            self._drop(_Key(subject.id, change.voter, change.emoji, source) for source in change.sources)

    def _drop(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            self._clicks[key] = self._last[key.pair] = None

    async def _existing(
        self,
        description_id: int,
        sources: tuple[Source, ...],
        *,
        voter: str | None = None,
        emoji: str | None = None,
    ) -> set[_Key]:
        """Return the keys of clicks that exist once the draft is written."""
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
        deleted = [
            dict(zip(_KEY_PARAMETERS, key, strict=True))
            for key, click in self._clicks.items()
            if click is None
        ]
        if deleted:
            await self._tx.execute(_DELETE, deleted)
        stored = [
            (*key, click.value, click.account_days, click.at) for key, click in self._clicks.items() if click
        ]
        await upsert(self._tx, reaction, stored)
        await votes.cast(self._tx, [last for last in self._last.values() if last])
        await votes.derive_from_reactions(
            self._tx, [pair for pair, last in self._last.items() if last is None]
        )


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


_KEY = tuple(reaction.c[name] for name in _Key._fields)
_KEY_PARAMETERS = [f"its_{name}" for name in _Key._fields]
_DELETE = delete(reaction).where(
    *(column == bindparam(its) for column, its in zip(_KEY, _KEY_PARAMETERS, strict=True))
)
