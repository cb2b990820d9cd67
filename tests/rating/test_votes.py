"""Votes follow from the reactions, in any order of clicks and in any batch of writes."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from bot.app import App
from bot.community.accounts import MAX_ACCOUNT_DAYS, account_days, load_pseudonyms
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP, Votes
from bot.settings import Settings
from bot.store import descriptions
from bot.store.reactions import Click, MessageClicks, apply
from bot.store.schema import reaction, vote

MESSAGE, REQUESTER, ANN, BOB = 77, 1 << 22, 2 << 22, 3 << 22


@pytest.fixture
async def shown(app: App) -> int:
    """Return the id of a description that REQUESTER asked for, shown as MESSAGE."""
    described = await app.describer.describe(Hero(40, "woman", "healing"), requester=REQUESTER)
    async with app.db.write() as tx:
        await descriptions.set_message(tx, described.id, 7, MESSAGE)
    return described.id


async def values(app: App) -> list[int]:
    async with app.db.read() as tx:
        return sorted((await tx.execute(select(vote.c.value))).scalars())


Step = Callable[[Votes], Awaitable[object]]

STEPS: dict[str, tuple[Step, list[int]]] = {
    "a super thumb is a thumb": (lambda votes: votes.add_reaction(MESSAGE, ANN, UP, burst=True), [1]),
    "a plain one beside it is the same vote": (lambda votes: votes.add_reaction(MESSAGE, ANN, UP), [1]),
    "withdrawing one leaves the other": (
        lambda votes: votes.remove_reaction(MESSAGE, ANN, UP, burst=True),
        [1],
    ),
    "the latest thumb wins": (lambda votes: votes.add_reaction(MESSAGE, ANN, "👎🏿"), [-1]),
    "withdrawing it restores the other": (lambda votes: votes.remove_reaction(MESSAGE, ANN, "👎🏿"), [1]),
    "withdrawing a thumb that was never left changes nothing": (
        lambda votes: votes.remove_reaction(MESSAGE, ANN, DOWN),
        [1],
    ),
    "another person's thumb is another vote": (lambda votes: votes.add_reaction(MESSAGE, BOB, DOWN), [-1, 1]),
    "clearing an emoji deletes it for everyone": (lambda votes: votes.clear_reactions(MESSAGE, UP), [-1]),
    "clearing all emojis deletes all": (lambda votes: votes.clear_reactions(MESSAGE), []),
}


async def test_votes_follow_the_reactions_step_by_step(app: App, shown: int) -> None:
    assert shown
    for name, (step, expected) in STEPS.items():
        await step(app.votes)
        assert await values(app) == expected, name


async def test_votes_follow_the_reactions_in_one_batch(app: App, shown: int) -> None:
    """Changes of one batch are applied in their order."""
    assert shown
    await asyncio.gather(
        *(step(app.votes) for step, _ in STEPS.values()), app.votes.add_reaction(MESSAGE, BOB, UP)
    )
    assert await values(app) == [1]


async def test_second_press_of_a_button_takes_the_vote_back(app: App, shown: int) -> None:
    assert await app.votes.toggle(shown, ANN, UP)
    assert await app.votes.toggle(shown, ANN, DOWN)
    assert await values(app) == [-1]
    assert not await app.votes.toggle(shown, ANN, DOWN)
    assert await values(app) == []  # the press of the other button was replaced, not hidden


async def test_concurrent_presses_are_applied_in_order(app: App, shown: int) -> None:
    voted = await asyncio.gather(*(app.votes.toggle(shown, ANN, UP) for _ in range(3)))
    assert voted == [True, False, True]
    assert await values(app) == [1]


async def test_clearing_reactions_leaves_buttons_and_simulated_voters(app: App, shown: int) -> None:
    await app.votes.toggle(shown, ANN, UP)
    await app.votes.simulate(shown, "a simulated voter", DOWN)
    await app.votes.clear_reactions(MESSAGE)
    assert await values(app) == [-1, 1]


async def test_button_of_an_unknown_description_is_refused(app: App) -> None:
    with pytest.raises(UserError, match="gone"):
        await app.votes.toggle(12345, ANN, UP)


async def test_both_thumbs_found_by_a_backfill_are_no_vote(app: App, shown: int) -> None:
    """It is unknown which of the two came last."""
    both = [Click(shown, "v", thumb, value, "reaction", 5.0) for thumb, value in ((UP, 1), (DOWN, -1))]
    found = MessageClicks(shown, frozenset({(UP, "reaction"), (DOWN, "reaction")}), tuple(both))
    async with app.db.write() as tx:
        assert await apply(tx, [found, found]) == [2, 0]
    assert await values(app) == []
    async with app.db.write() as tx:
        await apply(tx, [Click(shown, "v", DOWN, -1, "reaction", at=6.0)])
    assert await values(app) == [-1]


async def test_backfill_replaces_the_stored_reactions(app: App, shown: int) -> None:
    """A missing reaction is withdrawn; buttons and other emojis are left alone."""
    clicks = [
        Click(shown, "missing", UP, 1, "reaction", 1.0),
        Click(shown, "stays", UP, 1, "reaction", 1.0),
        Click(shown, "super", UP, 1, "super", 1.0),
        Click(shown, "button", UP, 1, "button", 1.0),
        Click(shown, "other", "👍🏿", 1, "reaction", 1.0),
    ]
    async with app.db.write() as tx:
        await apply(tx, clicks)
        current = [Click(shown, voter, UP, 1, "reaction", 5.0, 3) for voter in ("stays", "new")]
        assert await apply(tx, [MessageClicks(shown, frozenset({(UP, "reaction")}), tuple(current))]) == [2]
        stored = (await tx.execute(select(vote.c.voter, vote.c.at, vote.c.account_days))).all()
    assert sorted(stored) == [
        ("button", 1.0, None),
        ("new", 5.0, 3),
        ("other", 1.0, None),
        ("stays", 1.0, None),
        ("super", 1.0, None),
    ]


async def test_requesters_own_vote_is_stored_and_marked(app: App, shown: int) -> None:
    assert shown
    await app.votes.add_reaction(MESSAGE, REQUESTER, UP)
    await app.votes.add_reaction(MESSAGE, BOB, DOWN)
    async with app.db.read() as tx:
        stored = (await tx.execute(select(vote.c.value, vote.c.by_requester, vote.c.source))).all()
    assert sorted(stored) == [(-1, False, "reaction"), (1, True, "reaction")]
    (counted,) = (await app.votes.by_model()).values()
    assert (counted.ups, counted.downs) == (0, 1)


async def test_no_discord_id_is_stored(app: App, shown: int, settings: Settings) -> None:
    assert shown
    await app.votes.add_reaction(MESSAGE, ANN, UP)
    async with app.db.read() as tx:
        stored = [*(await tx.execute(select(reaction))).one(), *(await tx.execute(select(vote))).one()]
    assert str(ANN) not in map(str, stored)
    assert stored.count(load_pseudonyms(settings.data_dir / "voters.key").of(ANN)) == 2


async def test_reactions_to_other_messages_are_ignored(app: App, shown: int) -> None:
    assert shown
    await app.votes.add_reaction(MESSAGE + 1, ANN, UP)
    assert await values(app) == []


async def test_vote_outlives_its_message(app: App, shown: int) -> None:
    assert shown
    await app.votes.add_reaction(MESSAGE, ANN, UP)
    await app.votes.mark_messages_deleted({MESSAGE, MESSAGE + 1})
    await app.votes.remove_reaction(MESSAGE, ANN, UP)
    assert await values(app) == [1]
    assert await app.vote_backfill.recent_messages() == []


def test_account_days_are_read_from_the_id() -> None:
    example = 175928847299117063  # of Discord's reference: created 2016-04-30 11:18:25 UTC
    created = 1462015105.796
    assert account_days(example, created) == 0
    assert account_days(example, created + 86400 * 2.5) == 2
    assert account_days(example, created + 86400 * 5000) == MAX_ACCOUNT_DAYS
