"""The vote filter: what does not count, with honest crowds and with brigades."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.app import App
from bot.rating.vote_filter import VoteFilter, outliers
from bot.store import scores
from bot.store.counting_rule import CountingRule
from bot.store.scores import VoterAgreement, VoteTotals
from tests.support.electorate import NOW, ballots, cast, describe, honest, row, seeded_random
from tests.support.query_plans import QueryPlans

HONEST = [f"honest {number}" for number in range(30)]
BRIGADE = [f"brigader {number}" for number in range(10)]


async def find_outliers(app: App) -> frozenset[str]:
    async with app.db.read() as tx:
        return (await VoteFilter(account_days=7, daily=100).rule(tx)).without


async def vote_counts(app: App, rule: CountingRule) -> VoteTotals:
    async with app.db.read() as tx:
        return await scores.count_votes(tx, rule)


async def tally(app: App, rule: CountingRule) -> list[tuple[int, int]]:
    async with app.db.read() as tx:
        return [(votes.ups, votes.downs) for votes in await scores.list_description_votes(tx, rule)]


async def test_requesters_and_young_accounts_do_not_count_and_simulated_voters_do(app: App) -> None:
    (one,) = await describe(app, 1)
    await cast(
        app,
        [
            row(one, "requester", 1, by_requester=True, account_days=0),
            row(one, "young", 1, account_days=6),
            row(one, "old enough", 1, account_days=7),
            row(one, "simulated", -1, account_days=None, source="simulated"),
            row(one, "without an age", -1, account_days=None),
        ],
    )
    rule = CountingRule(account_days=7, daily=100)
    assert await tally(app, rule) == [(1, 2)]
    assert await vote_counts(app, rule) == VoteTotals(5, 1, by_requester=1, young=1, too_many=0, deviating=0)
    assert (await vote_counts(app, rule)).counted == 3


async def test_earliest_votes_of_a_day_count(app: App) -> None:
    ids = await describe(app, 5)
    times = (NOW + 3, NOW + 1, NOW + 2, NOW + 86_400, NOW + 86_401)
    await cast(app, [row(each, "eager", 1, at=at) for each, at in zip(ids, times, strict=True)])
    rule = CountingRule(account_days=7, daily=2)
    async with app.db.read() as tx:
        counted = {each.description_id for each in await scores.list_description_votes(tx, rule)}
    assert counted == set(ids[1:])
    assert (await vote_counts(app, rule)).too_many == 1


async def test_last_second_of_a_day_belongs_to_it(app: App) -> None:
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


async def test_the_votes_on_one_description_are_those_among_all(app: App) -> None:
    rng = seeded_random(2)
    ids = await describe(app, 40)
    votes = [
        row(
            each,
            voter,
            honest(0.6, rng),
            at=NOW + rng.randrange(40_000) * 4,  # two days, with votes of the same moment
            by_requester=rng.random() < 0.1,
            account_days=rng.choice((3, 7, None)),
        )
        for voter in HONEST
        for each in ids
        if rng.random() < 0.7
    ]
    await cast(app, votes)
    async with app.db.read() as tx:
        for rule in (CountingRule(7, 5), CountingRule(7, 100), CountingRule(0, 1, frozenset(HONEST[:5]))):
            counted = {
                each.description_id: (each.ups, each.downs)
                for each in await scores.list_description_votes(tx, rule)
            }
            each_alone = {each: await scores.get_description_votes(tx, rule, each) for each in ids}
            assert each_alone == {each: counted.get(each, (0, 0)) for each in ids}
            known = replace(rule, eager=await scores.list_eager(tx, rule))
            assert known.eager is not None
            assert bool(known.eager) == (rule.daily < 100)
            among_eager = await scores.list_description_votes(tx, known)
            assert {each.description_id: (each.ups, each.downs) for each in among_eager} == counted
            assert await scores.list_votes_of(tx, known, ids) == await scores.list_votes_of(tx, rule, ids)
            assert await scores.count_votes(tx, known) == await scores.count_votes(tx, rule)


@pytest.mark.sqlite("the plan is its own")
async def test_the_votes_on_one_description_are_counted_without_reading_all_votes(
    app: App, query_plans: QueryPlans
) -> None:
    """Every press of a thumb asks for them."""
    (one,) = await describe(app, 1)
    async with query_plans.recorded(app.db), app.db.read() as tx:
        await scores.get_description_votes(tx, CountingRule(7, 100), one)
        await scores.find_uncounted_reason(tx, CountingRule(7, 100), one, "somebody")
    assert query_plans.scans == []


async def test_removed_descriptions_have_no_votes(app: App) -> None:
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
async def test_brigade_of_ten_among_thirty_is_found(app: App, name: str) -> None:
    rng = seeded_random(7)
    ids = await describe(app, 300)
    quality = {each: rng.choice((0.15, 0.85)) for each in ids}
    crowd = ballots(ids, HONEST, lambda each: honest(quality[each], rng), turnout=0.3, rng=rng)
    brigade = ballots(ids, BRIGADE, lambda each: BRIGADES[name](quality[each], each), turnout=0.3, rng=rng)
    await cast(app, crowd + brigade)
    outlying = await find_outliers(app)
    assert outlying & set(HONEST) == set()
    assert len(outlying & set(BRIGADE)) >= 9, sorted(outlying)


async def test_honest_crowd_of_different_tastes_has_no_outliers(app: App) -> None:
    rng = seeded_random(11)
    ids = await describe(app, 200)
    quality = {each: rng.uniform(0.2, 0.8) for each in ids}
    votes = []
    for voter in HONEST:
        leniency = rng.gauss(0, 0.1)
        votes += ballots(
            ids,
            [voter],
            lambda each, leniency=leniency: honest(quality[each] + leniency, rng),  # type: ignore[misc]
            turnout=0.4,
            rng=rng,
        )
    await cast(app, votes)
    assert await find_outliers(app) == frozenset()


async def test_lone_contrarian_is_found_among_a_few(app: App) -> None:
    rng = seeded_random(3)
    ids = await describe(app, 40)
    quality = {each: rng.choice((0.1, 0.9)) for each in ids}
    few = ballots(ids, HONEST[:4], lambda each: honest(quality[each], rng), turnout=1, rng=rng)
    one = ballots(ids, ["contrarian"], lambda each: -1 if quality[each] > 0.5 else 1, turnout=1, rng=rng)
    await cast(app, few + one)
    assert await find_outliers(app) == {"contrarian"}
    rule = CountingRule(7, 100, frozenset({"contrarian"}))
    assert (await vote_counts(app, rule)).deviating == 40


def test_voters_with_few_votes_are_no_outliers() -> None:
    crowd = [VoterAgreement(f"honest {number}", 50, 5) for number in range(20)]
    assert outliers([*crowd, VoterAgreement("new", 9, 9)]) == frozenset()
    assert outliers([*crowd, VoterAgreement("known", 12, 12)]) == {"known"}
    assert outliers([]) == frozenset()


def test_no_outliers_by_chance_among_many_voters() -> None:
    rng = seeded_random(5)
    crowd = [
        VoterAgreement(str(number), 40, sum(rng.random() < 0.3 for _ in range(40))) for number in range(5000)
    ]
    assert outliers(crowd) == frozenset()
