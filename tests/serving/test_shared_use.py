"""What people have asked for is kept for its day alone."""

import time
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import App
from bot.errors import DatabaseBusy
from bot.serving.shared_use import SharedUse
from bot.settings import RequestLimits
from bot.store import daily_use
from bot.store.schema import daily_use as table


async def test_earlier_days_are_forgotten_although_the_database_was_busy_at_first(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = time.time() // 86_400 * 86_400
    async with app.db.write() as tx:
        await tx.execute(table.insert().values(person="ana", since=today - 86_400, heroes=3))
    shared = SharedUse(app.db)

    async def be_busy(*_: Any) -> None:
        raise DatabaseBusy("")

    with monkeypatch.context() as patched:
        patched.setattr(daily_use, "forget_before", be_busy)
        with pytest.raises(DatabaseBusy):
            await shared.count("olga", today, RequestLimits(), 1)
    await shared.count("olga", today, RequestLimits(), 1)
    async with app.db.read() as tx:
        assert list((await tx.execute(select(table.c.person))).scalars()) == ["olga"]
