"""The ranking of /top."""

import asyncio

from bot.app import App
from bot.rating.scores import PAGE, Scores
from bot.rating.vote_filter import VoteFilter
from bot.store.counting_rule import CountingRule
from bot.store.database import Transaction
from tests.support.electorate import cast, describe, row


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


async def test_removed_descriptions_are_not_ranked(app: App) -> None:
    (one,) = await describe(app, 1)
    await cast(app, [row(one, "voter", 1)])
    async with app.db.write() as tx:
        await tx.exec_driver_sql("UPDATE description SET removed_at = 1")
    assert await app.scores.best(powers=["flight"]) == []
