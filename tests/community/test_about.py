"""What /about shows."""

import asyncio

import pytest

from bot.app import App
from bot.store import statistics
from bot.store.database import Transaction


async def test_people_who_ask_at_once_have_the_totals_counted_once(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of millions of votes take seconds, and connections that others need."""
    counts = 0
    count = statistics.get_totals

    async def counted(tx: Transaction) -> statistics.Totals:
        nonlocal counts
        counts += 1
        await asyncio.sleep(0.1)
        return await count(tx)

    monkeypatch.setattr(statistics, "get_totals", counted)
    asked = await asyncio.gather(*(app.about.now() for _ in range(5)))
    assert counts == 1
    assert {each.totals.votes for each in asked} == {0}
