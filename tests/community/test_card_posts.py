"""Where cards are posted, and whose hero is the latest: found without reading whole tables."""

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.app import App
from bot.errors import TooMany
from bot.heroes.hero import Hero
from bot.store import card_posts, descriptions
from tests.conftest import HOME


async def test_lookups_use_their_indexes(app: App) -> None:
    statements: list[tuple[str, Any]] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(*call: Any) -> None:
        statements.append(call[2:4])

    async with app.db.read() as tx:
        if tx.dialect.name != "sqlite":
            pytest.skip("the plan is SQLite's")
        try:
            await card_posts.list_of(tx, 1)
            await descriptions.get_latest(tx, "somebody", guild_id=HOME, channel_id=None)
            await descriptions.get_latest(tx, "somebody", guild_id=None, channel_id=7)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        plans = [
            [row.detail for row in await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in statements
            if statement.startswith("SELECT")
        ]
    assert [step for plan in plans for step in plan if step.startswith("SCAN")] == []
    assert "card_post_of_description" in plans[0][0]
    assert all("(requester=?" in plan[0] for plan in plans[1:])
    assert not any("TEMP B-TREE" in step for plan in plans[1:] for step in plan), plans[1:]


async def test_the_latest_is_of_this_server_and_five_cards_a_minute_are_enough(app: App) -> None:
    here = await app.describer.describe(Hero(40, "woman", "healing"), requester=7, guild_id=HOME)
    there = await app.describer.describe(Hero(30, "man", "flight"), requester=7, guild_id=None)
    await app.describer.set_message(here, 1, 10)
    await app.describer.set_message(there, 2, 20)
    assert (await app.card_posts.latest(7, HOME, 1)).id == here.id
    assert (await app.card_posts.latest(7, None, 2)).id == there.id
    for _ in range(5):
        app.card_posts.count(7)
    app.card_posts.count(8)
    with pytest.raises(TooMany, match="ask again in"):
        app.card_posts.count(7)
