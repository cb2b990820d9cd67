"""What members allow others to see of them; nothing by default."""

import time
from typing import Literal, get_args

from bot.community.accounts import Pseudonyms
from bot.store import member_settings
from bot.store.database import Database
from bot.store.member_settings import MemberSetting

Permission = Literal["list", "gallery", "name"]
"""Others may see: the heroes that they asked for in a server, these in the gallery, who votes most."""

PERMISSIONS: tuple[Permission, ...] = get_args(Permission)


class MemberSettings:
    """Reads and changes what a member allows."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms) -> None:
        self._db = db
        self._pseudonyms = pseudonyms

    async def allowed(self, user_id: int) -> frozenset[Permission]:
        """Return what a member allows."""
        async with self._db.read() as tx:
            return _permissions(await member_settings.get(tx, self._pseudonyms.of(user_id)))

    async def change(self, user_id: int, permission: Permission, *, allowed: bool) -> frozenset[Permission]:
        """Allow something, or allow it no more. Their Discord id is stored only while they may be named."""
        values: dict[Permission, dict[str, object]] = {
            "list": {"shows_heroes": allowed},
            "gallery": {"in_gallery": allowed},
            "name": {"user_id": user_id if allowed else None},
        }
        async with self._db.write() as tx:
            person = self._pseudonyms.of(user_id)
            return _permissions(
                await member_settings.change(tx, person, at=time.time(), **values[permission])
            )


def _permissions(setting: MemberSetting) -> frozenset[Permission]:
    given: dict[Permission, bool] = {
        "list": setting.shows_heroes,
        "gallery": setting.in_gallery,
        "name": setting.user_id is not None,
    }
    return frozenset(each for each, allowed in given.items() if allowed)
