"""What takes and their provenance look up is found by an index, however many descriptions there are."""

import pytest

from bot.app import App
from bot.store import datasets, descriptions, duels, picks
from tests.support.query_plans import QueryPlans


@pytest.mark.sqlite("the plan is its own")
async def test_takes_are_looked_up_without_reading_all_descriptions(
    app: App, query_plans: QueryPlans
) -> None:
    async with query_plans.recorded(app.db), app.db.read() as tx:
        await descriptions.list_shown_takes(tx, 1, 25)
        await picks.get(tx, 1, "somebody")
        await duels.get_by_message(tx, 1)
        await duels.get_by_description(tx, 1)
        await datasets.list_trained_texts(tx, 1, guild_id=1, channel_id=1, most_liked=10, most_others=10)
    assert len(query_plans.plans) == 6
    assert query_plans.scans == []
    assert "description_of_parent" in str(query_plans.plans[0].steps)
    assert "duel_of_candidate_description" in str(query_plans.plans[3].steps)
