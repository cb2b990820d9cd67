"""The ranking of /top."""

import asyncio
import time
from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from bot.app import App
from bot.errors import DatabaseBusy
from bot.rating.scores import PAGE, Scores, open_scores
from bot.rating.vote_filter import VoteFilter
from bot.refreshed import SHARE, Refreshed
from bot.store import ranking
from bot.store.counting_rule import CountingRule
from bot.store.database import Transaction
from bot.store.ranking import EVER, Contest, Span, VoterCount
from bot.store.schema import description, kept_choice, vote
from tests.support.electorate import NOW, cast, describe, row
from tests.support.eventually import eventually
from tests.support.query_plans import QueryPlans


async def test_best_come_first_by_their_bayesian_average(app: App) -> None:
    sure, lucky, bad = await describe(app, 3, guild_id=7)
    (elsewhere, unrated) = await describe(app, 2, guild_id=8)
    await cast(
        app,
        [
            *(row(sure, f"voter {number}", 1 if number else -1) for number in range(10)),
            row(lucky, "voter 1", 1),
            *(row(bad, f"voter {number}", -1) for number in range(4)),
            *(row(elsewhere, f"voter {number}", 1) for number in range(10)),
            row(bad, "requester", 1, by_requester=True),
        ],
    )

    of_server, of_all = (
        await app.scores.best(guild_id=7),
        await app.scores.best(powers=["flight"]),
    )

    assert [scored.description.id for scored in of_server] == [sure, lucky]  # most voters dislike the third
    assert [scored.description.id for scored in of_all] == [elsewhere, sure, lucky]
    assert unrated not in {scored.description.id for scored in of_all}
    assert [(scored.ups, scored.downs) for scored in of_server] == [(9, 1), (1, 0)]
    weight, mean = 25 / 4, 20 / 25  # of all votes that count
    assert of_server[0].score == (weight * mean + 9) / (weight + 10)
    assert of_server[0].score > of_server[1].score  # one lucky vote is not much


async def test_pages_are_contiguous(app: App) -> None:
    ids = await describe(app, PAGE + 3)
    await cast(app, [row(description_id, "voter", 1) for description_id in ids])
    pages = [await app.scores.best(powers=["flight"], page=page) for page in range(3)]
    assert [scored.description.id for page in pages for scored in page[:PAGE]] == ids[::-1]
    assert [len(page) > PAGE for page in pages] == [True, False, False]
    assert await app.scores.best(powers=["healing"]) == []


async def test_people_who_ask_at_once_wait_for_one_computation(app: App) -> None:
    class CountedFilter(VoteFilter):
        calls = 0

        async def rule(self, tx: Transaction) -> CountingRule:
            self.calls += 1
            return await super().rule(tx)

    vote_filter = CountedFilter(account_days=7, daily=100)
    ranking = Scores(app.db, vote_filter)
    await asyncio.gather(*(ranking.best() for _ in range(5)))
    assert vote_filter.calls == 1


async def test_whoever_is_in_a_hurry_waits_for_no_rule_and_winners_do(app: App) -> None:
    class SlowFilter(VoteFilter):
        known = asyncio.Event()

        async def rule(self, tx: Transaction) -> CountingRule:
            await self.known.wait()
            return replace(await super().rule(tx), without=frozenset({"outlier"}))

    liked, pushed = await describe(app, 2, guild_id=7)
    await cast(app, [row(liked, "voter", 1), *(row(pushed, each, 1) for each in ("outlier", "another"))])
    async with open_scores(app.db, SlowFilter(account_days=7, daily=1), patience=0.05) as ranking:
        first = await ranking.best(guild_id=7, hurried=True)
        assert [(each.description.id, each.ups) for each in first] == [(pushed, 2), (liked, 1)]
        winners = asyncio.create_task(ranking.best(guild_id=7))
        SlowFilter.known.set()
        assert [(each.description.id, each.ups) for each in await winners] == [(pushed, 1), (liked, 1)]
        later = await ranking.best(guild_id=7, hurried=True)
        assert [each.ups for each in later] == [1, 1]


async def test_winners_go_by_no_rule_of_days_ago(app: App) -> None:
    """Nobody may have asked for a ranking since then: the votes of later outliers count for no winner."""

    class LearningFilter(VoteFilter):
        without = frozenset[str]()

        async def rule(self, tx: Transaction) -> CountingRule:
            return replace(await super().rule(tx), without=self.without)

    (liked,) = await describe(app, 1, guild_id=7)
    await cast(app, [row(liked, each, 1) for each in ("outlier", "another")])
    vote_filter = LearningFilter(account_days=7, daily=100)
    async with open_scores(app.db, vote_filter, lifetime=0.0) as ranking:
        started = time.monotonic()
        assert [each.ups for each in await ranking.best(guild_id=7)] == [2]
        await asyncio.sleep(SHARE * (time.monotonic() - started))  # what takes long is kept longer
        vote_filter.without = frozenset({"outlier"})
        assert [each.ups for each in await ranking.best(guild_id=7)] == [1]
        assert [each.votes for each in await ranking.voters(7, EVER)] == [1]


async def test_removed_descriptions_are_not_ranked(app: App) -> None:
    (one,) = await describe(app, 1)
    await cast(app, [row(one, "voter", 1)])
    async with app.db.write() as tx:
        await tx.exec_driver_sql("UPDATE description SET removed_at = 1")
    assert await app.scores.best(powers=["flight"]) == []


async def test_only_what_was_made_in_a_span_takes_part(app: App) -> None:
    before, first, last, after = await describe(app, 4, guild_id=7)
    ids = before, first, last, after
    for each, made in zip(ids, (9.9, 10.0, 19.9, 20.0), strict=True):
        async with app.db.write() as tx:
            await tx.execute(update(description).where(description.c.id == each).values(created_at=made))
    await cast(app, [row(each, "voter", 1) for each in ids])
    best = await app.scores.best(guild_id=7, span=Span(10, 20))
    assert [scored.description.id for scored in best] == [last, first]
    assert await app.scores.voters(7, Span(10, 20)) == [VoterCount(None, 2)]
    assert len(await app.scores.best(guild_id=7, span=Span(10))) == 3


async def test_votes_beyond_the_daily_maximum_do_not_rank(app: App) -> None:
    ids = await describe(app, 102, guild_id=7)
    await cast(app, [row(each, "eager", 1, at=NOW + each) for each in ids])
    pages = [await app.scores.best(guild_id=7, page=page) for page in range(21)]
    ranked = {scored.description.id for page in pages for scored in page}
    assert set(ids) - ranked == set(ids[100:])


async def test_a_large_contest_ranks_its_choice_by_the_votes_of_the_moment(app: App) -> None:
    ids = await describe(app, 501, guild_id=7)
    await cast(app, [row(each, "voter", 1) for each in ids[:4]])
    assert [scored.description.id for scored in await app.scores.best(guild_id=7)] == ids[3::-1]
    await cast(app, [row(ids[1], "another", 1), row(ids[2], "another", -1)])
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == ids[3]).values(removed_at=1.0))
    assert [scored.description.id for scored in await app.scores.best(guild_id=7)] == [ids[1], ids[0]]


async def test_pages_of_a_large_contest_keep_their_texts_and_show_the_votes_of_the_moment(app: App) -> None:
    ids = await describe(app, 501, guild_id=7)
    await cast(app, [row(each, "voter", 1) for each in ids[:12]])
    await app.scores.best(guild_id=7, hurried=True)  # makes the choice
    await cast(app, [row(ids[6], "another", 1), row(ids[3], "another", 1), row(ids[8], "another", -1)])
    async with app.db.write() as tx:
        await tx.execute(update(description).where(description.c.id == ids[11]).values(removed_at=1.0))
    pages = [await app.scores.best(guild_id=7, page=page, hurried=True) for page in range(3)]
    shown = [[each.description.id for each in page[:PAGE]] for page in pages]
    # in the order of the choice, the newest first, and within a page by the votes of now
    assert shown == [[ids[each] for each in page] for page in ((6, 10, 9, 7, 8), (3, 5, 4, 2, 1), (0,))]
    assert [len(page) > PAGE for page in pages] == [True, True, False]
    assert pages[0][0].ups == 2


async def test_a_text_that_lost_its_votes_ends_no_large_contest(app: App) -> None:
    ids = await describe(app, 501, guild_id=7)
    await cast(app, [row(each, "voter", 1) for each in ids[:12]])
    await app.scores.best(guild_id=7, hurried=True)  # makes the choice
    async with app.db.write() as tx:
        await tx.execute(delete(vote).where(vote.c.description_id == ids[11]))
    found = await app.scores.best(guild_id=7, hurried=True)
    assert [each.description.id for each in found] == ids[10:4:-1]  # and another page follows


async def test_a_page_goes_on_behind_many_texts_that_lost_their_votes(app: App) -> None:
    ids = await describe(app, 501, guild_id=7)
    await cast(app, [row(each, "voter", 1) for each in ids[:120]])
    await app.scores.best(guild_id=7, hurried=True)  # makes the choice
    async with app.db.write() as tx:
        await tx.execute(delete(vote).where(vote.c.description_id.in_(ids[10:120])))
    first, second = [await app.scores.best(guild_id=7, page=page, hurried=True) for page in (0, 1)]
    assert [each.description.id for each in first + second] == ids[9:3:-1] + ids[4::-1]


@pytest.mark.sqlite("the plan is its own")
async def test_a_page_reads_no_table_from_end_to_end(app: App, query_plans: QueryPlans) -> None:
    rule = CountingRule(7, 100, frozenset({"outlier"}), eager=frozenset({"eager"}))
    week = Span(1, 2)
    contests = [
        *(Contest(7, None, span) for span in (EVER, Span(1), week)),
        *(Contest(None, frozenset({"flight"}), span) for span in (Span(1), week)),
    ]
    async with query_plans.recorded(app.db), app.db.read() as tx:
        await ranking.list_rankable(tx, [1, 2], 2)
        for contest in contests:
            await ranking.list_few_ids(tx, contest, 10)
            await ranking.list_newest_ids(tx, contest, 10)
            for each in (rule, CountingRule(7, 100)):
                await ranking.list_best(tx, each, contest, prior=(2, 0.5), ids=[1, 2], offset=0, limit=6)
            if contest.guild_id is not None:
                await ranking.list_voters(tx, rule, contest)
    assert query_plans.scans == []


async def test_results_are_renewed_in_the_background() -> None:
    computed: list[int] = []

    async def compute() -> int:
        computed.append(len(computed))
        if len(computed) == 2:
            raise DatabaseBusy("once")
        return computed[-1]

    results = Refreshed[int](lifetime=0, most=1)
    assert await asyncio.gather(*(results.get("key", compute) for _ in range(3))) == [0, 0, 0]

    async def computations(after: int) -> bool:
        assert await results.get("key", compute) == after  # at once; it pauses between computations
        return len(computed) > after + 1

    await eventually(lambda: computations(0), what="it is computed anew, in vain")
    await eventually(lambda: results.get("key", compute), what="the newest result is given")
    await results.aclose()


async def test_a_large_contest_is_ranked_at_once_after_a_start_by_the_last_choice(app: App) -> None:
    """Whoever is in a hurry sees the last choice, and winners are chosen anew."""

    class SlowFilter(VoteFilter):
        known = asyncio.Event()

        async def rule(self, tx: Transaction) -> CountingRule:
            await self.known.wait()
            return await super().rule(tx)

    ids = await describe(app, 501, guild_id=7)
    await cast(app, [row(each, "voter", 1) for each in ids])
    async with open_scores(app.db, VoteFilter(account_days=7, daily=1000)) as before:
        assert len(await before.best(guild_id=7)) == PAGE + 1  # the choice is kept: the newest 500
    await cast(app, [row(ids[0], f"voter {number}", 1) for number in range(5)])
    async with app.db.write() as tx:
        await tx.execute(update(kept_choice).values(at=1.0))
    async with open_scores(app.db, SlowFilter(account_days=7, daily=1000), patience=0.01) as after_start:
        hurried = await after_start.best(guild_id=7, hurried=True)
        assert [each.description.id for each in hurried[:2]] == [ids[500], ids[499]]
        winners = asyncio.create_task(after_start.best(guild_id=7))
        SlowFilter.known.set()
        assert (await winners)[0].description.id == ids[0]
        assert (await after_start.best(guild_id=7, hurried=True))[0].description.id == ids[0]


async def test_the_newest_stand_in_for_the_best_that_were_never_chosen(app: App) -> None:
    class SlowFilter(VoteFilter):
        async def rule(self, tx: Transaction) -> CountingRule:
            await asyncio.Event().wait()
            return await super().rule(tx)

    ids = await describe(app, 502, guild_id=7)
    await cast(app, [row(each, "voter", 1) for each in (ids[0], ids[1], ids[300])])
    async with open_scores(app.db, SlowFilter(account_days=7, daily=1000), patience=0.01) as after_start:
        found = [each.description.id for each in await after_start.best(guild_id=7, hurried=True)]
        assert found == [ids[300]]
