"""The guard: what does not count, against honest crowds and against brigades."""

from collections.abc import Callable

import pytest

from bot.app import App
from bot.rating.vote_filter import VoteFilter, outliers
from bot.store import scores
from bot.store.scores import CountingRule, VoteCounts, VoterAgreement
from tests.support.electorate import NOW, ballots, cast, chance_of, describe, honest, row

HONEST = [f"honest {number}" for number in range(30)]
BRIGADE = [f"brigader {number}" for number in range(10)]


async def found(app: App) -> frozenset[str]:
    async with app.db.read() as tx:
        return (await VoteFilter(account_days=7, daily=100).rule(tx)).without


async def kept(app: App, rule: CountingRule) -> VoteCounts:
    async with app.db.read() as tx:
        return await scores.count_votes(tx, rule)


async def tally(app: App, rule: CountingRule) -> list[tuple[int, int]]:
    async with app.db.read() as tx:
        return [(each.ups, each.downs) for each in await scores.list_description_votes(tx, rule)]


async def test_whoever_asked_and_young_accounts_do_not_count_simulated_ones_do(app: App) -> None:
    (one,) = await describe(app, 1)
    await cast(
        app,
        [
            row(one, "asker", 1, by_requester=True, account_days=0),
            row(one, "young", 1, account_days=6),
            row(one, "old enough", 1, account_days=7),
            row(one, "simulated", -1, account_days=None, source="simulated"),
            row(one, "of before", -1, account_days=None),
        ],
    )
    rule = CountingRule(account_days=7, daily=100)
    assert await tally(app, rule) == [(1, 2)]
    assert await kept(app, rule) == VoteCounts(5, 1, by_requester=1, young=1, too_many=0, deviating=0)
    assert (await kept(app, rule)).counted == 3


async def test_the_earliest_votes_of_a_day_count(app: App) -> None:
    ids = await describe(app, 5)
    times = (NOW + 3, NOW + 1, NOW + 2, NOW + 86_400, NOW + 86_401)
    await cast(app, [row(each, "eager", 1, at=at) for each, at in zip(ids, times, strict=True)])
    rule = CountingRule(account_days=7, daily=2)
    async with app.db.read() as tx:
        counted = {each.description_id for each in await scores.list_description_votes(tx, rule)}
    assert counted == set(ids[1:])
    assert (await kept(app, rule)).too_many == 1


async def test_a_days_last_second_is_of_that_day(app: App) -> None:
    midnight = (NOW // 86_400 + 1) * 86_400
    ids = await describe(app, 3)
    times = (midnight - 0.6, midnight - 0.3, midnight)
    await cast(app, [row(each, "late", 1, at=at) for each, at in zip(ids, times, strict=True)])
    async with app.db.read() as tx:
        counted = [
            each.description_id
            for each in await scores.list_description_votes(tx, CountingRule(account_days=7, daily=1))
        ]
    assert counted == [ids[0], ids[2]]


async def test_what_was_removed_has_no_tally(app: App) -> None:
    (one,) = await describe(app, 1)
    await cast(app, [row(one, "somebody", 1)])
    async with app.db.write() as tx:
        await tx.exec_driver_sql("UPDATE description SET removed_at = 1")
    assert await tally(app, CountingRule(7, 100)) == []


BRIGADES: dict[str, Callable[[float, int], int]] = {
    "votes everything down": lambda _quality, _number: -1,
    "votes everything up": lambda _quality, _number: 1,
    "votes against what is good": lambda quality, _number: -1 if quality > 0.5 else 1,
    "pushes one half and buries the other": lambda _quality, number: 1 if number % 2 else -1,
}


@pytest.mark.parametrize("name", BRIGADES)
async def test_a_brigade_of_ten_among_thirty_is_found(app: App, name: str) -> None:
    chance = chance_of(7)
    ids = await describe(app, 300)
    quality = {each: chance.choice((0.15, 0.85)) for each in ids}
    crowd = ballots(ids, HONEST, lambda each: honest(quality[each], chance), turnout=0.3, chance=chance)
    brigade = ballots(
        ids, BRIGADE, lambda each: BRIGADES[name](quality[each], each), turnout=0.3, chance=chance
    )
    await cast(app, crowd + brigade)
    out = await found(app)
    assert out & set(HONEST) == set()
    assert len(out & set(BRIGADE)) >= 9, sorted(out)


async def test_an_honest_crowd_of_different_tastes_is_left_alone(app: App) -> None:
    chance = chance_of(11)
    ids = await describe(app, 200)
    quality = {each: chance.uniform(0.2, 0.8) for each in ids}
    votes = []
    for voter in HONEST:
        mild = chance.gauss(0, 0.1)
        votes += ballots(
            ids,
            [voter],
            lambda each, mild=mild: honest(quality[each] + mild, chance),  # type: ignore[misc]
            turnout=0.4,
            chance=chance,
        )
    await cast(app, votes)
    assert await found(app) == frozenset()


async def test_a_lone_contrarian_is_found_among_a_few(app: App) -> None:
    chance = chance_of(3)
    ids = await describe(app, 40)
    quality = {each: chance.choice((0.1, 0.9)) for each in ids}
    few = ballots(ids, HONEST[:4], lambda each: honest(quality[each], chance), turnout=1, chance=chance)
    one = ballots(
        ids, ["contrarian"], lambda each: -1 if quality[each] > 0.5 else 1, turnout=1, chance=chance
    )
    await cast(app, few + one)
    assert await found(app) == {"contrarian"}
    rule = CountingRule(7, 100, frozenset({"contrarian"}))
    assert (await kept(app, rule)).deviating == 40


def test_few_votes_prove_nothing() -> None:
    crowd = [VoterAgreement(f"honest {number}", 50, 5) for number in range(20)]
    assert outliers([*crowd, VoterAgreement("new", 9, 9)]) == frozenset()
    assert outliers([*crowd, VoterAgreement("known", 12, 12)]) == {"known"}
    assert outliers([]) == frozenset()


def test_among_many_none_stands_out_by_chance() -> None:
    chance = chance_of(5)
    crowd = [
        VoterAgreement(str(number), 40, sum(chance.random() < 0.3 for _ in range(40)))
        for number in range(5000)
    ]
    assert outliers(crowd) == frozenset()
