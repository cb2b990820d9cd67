"""The day's budget, kept by several processes that share a database."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from bot.app import App, Timing, open_app
from bot.chat import ChatRequest, Sampling
from bot.errors import OverBudget
from bot.llm.budget import Account, Budget
from bot.llm.client import ClientTiming
from bot.llm.prices import read_prices
from bot.settings import Settings
from bot.store import clock, jobs, reservations, spending
from bot.store.database import Database, open_database
from bot.store.job_schema import FinetuneSpec
from tests.support.eventually import eventually
from tests.support.scripted_server import Script

_BUILD = Account("build", 1)
_HERO = Account("hero")
_REQUEST = ChatRequest(
    ({"role": "user", "content": "40, woman, healing ->"},),
    Sampling(temperature=1, top_p=1, max_tokens=200),
)


@pytest.fixture
async def elsewhere(hosted: Settings) -> AsyncIterator[Database]:
    """Open the database as another host does."""
    async with open_database(hosted.database) as opened:
        yield opened


def budget_of(db: Database, settings: Settings, daily: float, lasts: float = 900.0) -> Budget:
    return Budget(db, read_prices(settings.prices_file, free=False), daily=daily, lasts=lasts)


async def test_calls_in_flight_elsewhere_count(hosted: Settings, elsewhere: Database) -> None:
    """A call of a thousand tokens costs a dollar."""
    async with open_database(hosted.database) as db:
        here, there = budget_of(db, hosted, 2.5), budget_of(elsewhere, hosted, 2.5)
        async with here.reserve(_BUILD, "dear", 1000, 0):
            with pytest.raises(OverBudget):
                async with there.reserve(_BUILD, "dear", 2000, 0):
                    pass
        async with there.reserve(_BUILD, "dear", 2000, 0):  # it ended, and was not booked
            pass


async def test_what_a_dead_process_had_reserved_ends(hosted: Settings, elsewhere: Database) -> None:
    there = budget_of(elsewhere, hosted, 2.5)
    async with elsewhere.write() as tx:
        await reservations.put(tx, "dead", 2.0, seconds=900)
    with pytest.raises(OverBudget):
        async with there.reserve(_BUILD, "dear", 1000, 0):
            pass
    async with elsewhere.write() as tx:
        await reservations.put(tx, "dead", 2.0, seconds=-1)
    async with there.reserve(_BUILD, "dear", 1000, 0):
        pass


async def test_a_call_that_waited_longer_than_its_reservation_lasts_is_checked_once_more(
    hosted: Settings, elsewhere: Database
) -> None:
    async with open_database(hosted.database) as db:
        here, there = budget_of(db, hosted, 2.5, lasts=0.2), budget_of(elsewhere, hosted, 2.5)
        async with here.reserve(_BUILD, "dear", 1000, 0):
            await here.confirm(_BUILD)
            await asyncio.sleep(0.3)  # as for a server that is asked again in an hour
            async with there.reserve(_BUILD, "dear", 2000, 0):
                with pytest.raises(OverBudget):
                    await here.confirm(_BUILD)
            await here.confirm(_BUILD)


async def test_a_call_whose_caller_is_cancelled_counts_until_it_has_ended(
    hosted: Settings, script: Script
) -> None:
    """A call costs at most 22 cents, in truth 9, and the day may cost 40."""
    settings = hosted.model_copy(update={"daily_budget": 0.4})
    script.may_answer.clear()
    async with open_app(settings) as here, open_app(settings) as there:
        await _cancelled_while_answered(here, script)
        with pytest.raises(OverBudget):
            await there.client.complete(_REQUEST, model="dear", account=_HERO)
        waiting = asyncio.create_task(here.client.complete(_REQUEST, model="dear", account=_HERO))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        assert len(script.asked) == 1

        script.may_answer.set()
        assert (await waiting).text
        assert len(script.asked) == 2
        assert await there.client.complete(_REQUEST, model="dear", account=_HERO)


async def test_a_call_that_is_given_up_at_the_end_is_booked_at_the_most_that_it_may_cost(
    hosted: Settings, script: Script
) -> None:
    settings = hosted.model_copy(update={"daily_budget": 0.35})
    script.may_answer.clear()
    async with open_app(settings, Timing(client=ClientTiming(close=0.2))) as app:
        await _cancelled_while_answered(app, script)
    async with open_database(settings.database) as db, db.read() as tx:
        spent = await spending.get_day_total(tx, spending.day_of(time.time()))
        assert spent == pytest.approx(sum(_REQUEST.token_estimate) / 1000)
        assert await reservations.sum_of_others(tx, "") == 0
    async with open_app(settings) as again:
        with pytest.raises(OverBudget):
            await again.client.complete(_REQUEST, model="dear", account=_HERO)
    assert len(script.asked) == 1


async def _cancelled_while_answered(app: App, script: Script) -> None:
    """Cancel a caller once the server has its call."""
    calling = asyncio.create_task(app.client.complete(_REQUEST, model="dear", account=_HERO))
    await eventually(lambda: script.answering == 1, what="the call is at the server")
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    assert calling.cancelled()


async def test_many_processes_together_never_send_more_than_the_day_may_cost(hosted: Settings) -> None:
    in_flight = most = 0

    async def spend(budget: Budget) -> None:
        nonlocal in_flight, most
        for _ in range(5):
            try:
                async with budget.reserve(_BUILD, "dear", 1000, 0):
                    in_flight += 1
                    most = max(most, in_flight)
                    await asyncio.sleep(0.01)
                    in_flight -= 1
            except OverBudget:
                await asyncio.sleep(0.01)

    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_database(hosted.database)) for _ in range(4)]
        budgets = [budget_of(db, hosted, 3.5) for db in opened]
        await asyncio.gather(*(spend(budget) for budget in budgets for _ in range(3)))
    assert 0 < most <= 3


async def test_of_two_trainings_that_start_at_the_same_time_one_counts_for_the_other(
    hosted: Settings, elsewhere: Database
) -> None:
    """Each costs two dollars, and the day may cost three."""
    async with open_database(hosted.database) as db:
        spec = FinetuneSpec(base="dear", tokens=2000)
        async with db.write() as tx:
            added = [await jobs.add(tx, spec=spec, requester_id=None, channel_id=None) for _ in range(2)]
            for each in added:
                await jobs.change(tx, each.id, state="running")

        async def start(budget: Budget, own: Database, job: jobs.Job) -> None:
            account = Account("tuning", job.id)
            await budget.check_training(account, "dear", 2000)
            async with own.write() as tx:
                await budget.check_training_within(tx, account, "dear", 2000)
                await jobs.change(tx, job.id, remote_asked_at=clock.now())

        outcomes = await asyncio.gather(
            *(
                start(budget_of(own, hosted, 3.0), own, job)
                for own, job in zip((db, elsewhere), added, strict=True)
            ),
            return_exceptions=True,
        )
    assert [type(each) for each in sorted(outcomes, key=str)].count(OverBudget) == 1
