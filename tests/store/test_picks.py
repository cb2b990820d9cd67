"""What takes and their provenance look up is found by an index, however many descriptions there are."""

from typing import Any

import pytest
from sqlalchemy import Engine, event

from bot.app import App
from bot.store import datasets, descriptions, duels, picks


async def test_takes_are_looked_up_without_reading_all_descriptions(app: App) -> None:
    statements: list[tuple[str, Any]] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(*call: Any) -> None:
        statements.append(call[2:4])

    async with app.db.read() as tx:
        if tx.dialect.name != "sqlite":
            pytest.skip("the plan is SQLite's")
        try:
            await descriptions.list_shown_takes(tx, 1, 25)
            await picks.get(tx, 1, "somebody")
            await duels.get_by_message(tx, 1)
            await duels.get_by_description(tx, 1)
            await datasets.list_trained_texts(
                tx, 1, guild_id=1, channel_id=1, most_liked=10, most_others=10
            )
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        plans = [
            [row.detail for row in await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            for statement, parameters in statements
            if statement.startswith(("SELECT", "WITH"))
        ]
    assert len(plans) == 6
    assert [step for plan in plans for step in plan if step.startswith("SCAN")] == []
    assert "description_of_parent" in str(plans[0])
    assert "duel_of_candidate_description" in str(plans[3])
