"""Queries on what members allow others to see of them."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, select

from bot.store.database import Transaction
from bot.store.schema import member_setting
from bot.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class MemberSetting:
    """What a person (a pseudonym) allows; nothing by default.

    shows_heroes: the heroes that they asked for, in their list. in_gallery: these heroes, in the gallery.
    user_id: their Discord id, if they may be named among those who vote most.
    """

    person: str
    shows_heroes: bool = False
    in_gallery: bool = False
    user_id: int | None = None
    at: float = 0.0

    @property
    def allows_nothing(self) -> bool:
        return not self.shows_heroes and not self.in_gallery and self.user_id is None


async def get(tx: Transaction, person: str) -> MemberSetting:
    query = select(member_setting).where(member_setting.c.person == person)
    row = (await tx.execute(query)).one_or_none()
    return MemberSetting(**row._mapping) if row else MemberSetting(person)


async def change(tx: Transaction, person: str, *, at: float, **values: Any) -> MemberSetting:
    """Change what a person allows. No row is kept of one who allows nothing."""
    changed = replace(await get(tx, person), at=at, **values)
    if changed.allows_nothing:
        await tx.execute(delete(member_setting).where(member_setting.c.person == person))
    else:
        row = (changed.person, changed.shows_heroes, changed.in_gallery, changed.user_id, at)
        await upsert(tx, member_setting, [row])
    return changed
