"""Where cards are posted, and whose hero is the latest: found without reading whole tables."""

import pytest

from bot.app import App
from bot.errors import TooMany
from bot.heroes.hero import Hero
from bot.store import card_posts, descriptions
from tests.conftest import HOME
from tests.support.query_plans import QueryPlans


@pytest.mark.sqlite("the plan is its own")
async def test_lookups_use_their_indexes(app: App, query_plans: QueryPlans) -> None:
    async with query_plans.recorded(app.db), app.db.read() as tx:
        await card_posts.list_of(tx, 1)
        await descriptions.get_latest(tx, "somebody", guild_id=HOME, channel_id=None)
        await descriptions.get_latest(tx, "somebody", guild_id=None, channel_id=7)
    posts, *latest = query_plans.plans
    assert query_plans.scans == []
    assert query_plans.sorts == [posts.sql]  # of one description
    assert "card_post_of_description" in posts.steps[0]
    assert all("(requester=?" in plan.steps[0] for plan in latest)


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
