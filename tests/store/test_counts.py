"""Heroes are counted from indexes alone: their texts are a hundred times as large."""

import pytest

from bot.app import App
from bot.store import descriptions, people
from tests.support.query_plans import QueryPlans


@pytest.mark.sqlite("the plan is its own")
async def test_heroes_are_counted_without_reading_their_rows(app: App, query_plans: QueryPlans) -> None:
    async with query_plans.recorded(app.db), app.db.read() as tx:
        await people.list_heaviest(tx, 1.0, 25)
        await descriptions.count_since(tx, 1.0)
        await descriptions.count_by_power(tx)
    of_texts = [step for plan in query_plans.plans for step in plan.steps if " description " in step]
    assert len(of_texts) == 4
    assert all("USING COVERING INDEX" in step for step in of_texts), of_texts
    assert "description_of_power" in of_texts[-1]
    assert all("description_of_time (created_at>" in step for step in of_texts[:-1]), of_texts


@pytest.mark.sqlite("the plan is its own")
async def test_neighbours_of_pseudonyms_are_found_by_indexes(app: App, query_plans: QueryPlans) -> None:
    async with query_plans.recorded(app.db), app.db.read() as tx:
        await people.list_neighbours(tx, ["a" * 64, "b" * 64])
    assert {"description", "blocked_person"}.isdisjoint(table for table, _ in query_plans.scans)
