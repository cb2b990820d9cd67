"""Votes are what the reactions say, whatever is clicked and taken back, in whatever batch it is written."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from bot.app import App
from bot.community.accounts import MOST_ACCOUNT_DAYS, account_days
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP, Votes
from bot.store import descriptions
from bot.store.reactions import Click, Found, change
from bot.store.schema import reaction, vote

MESSAGE, ASKER, ANN, BOB = 77, 1 << 22, 2 << 22, 3 << 22


@pytest.fixture
async def shown(app: App) -> int:
    """The id of a description that ASKER asked for, shown as MESSAGE."""
    described = await app.describer.describe(Hero(40, "woman", "healing"), requester=ASKER)
    async with app.db.write() as tx:
        await descriptions.shown_as(tx, described.id, 7, MESSAGE)
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
    "what was never clicked is withdrawn in vain": (
        lambda votes: votes.remove_reaction(MESSAGE, ANN, DOWN),
        [1],
    ),
    "somebody else's is another": (lambda votes: votes.add_reaction(MESSAGE, BOB, DOWN), [-1, 1]),
    "a cleared emoji goes for everyone": (lambda votes: votes.clear_reactions(MESSAGE, UP), [-1]),
    "all that is cleared goes": (lambda votes: votes.clear_reactions(MESSAGE), []),
}


async def test_votes_follow_the_reactions_step_by_step(app: App, shown: int) -> None:
    assert shown
    for name, (step, left) in STEPS.items():
        await step(app.votes)
        assert await values(app) == left, name


async def test_votes_follow_the_reactions_in_one_batch(app: App, shown: int) -> None:
    """Whatever is written together is done in the order in which it was asked for."""
    assert shown
    await asyncio.gather(
        *(step(app.votes) for step, _ in STEPS.values()), app.votes.add_reaction(MESSAGE, BOB, UP)
    )
    assert await values(app) == [1]


async def test_a_button_pressed_again_takes_its_vote_back(app: App, shown: int) -> None:
    assert await app.votes.toggle(shown, ANN, UP)
    assert await app.votes.toggle(shown, ANN, DOWN)
    assert await values(app) == [-1]
    assert not await app.votes.toggle(shown, ANN, DOWN)
    assert await values(app) == []  # the other button's press was replaced, not covered


async def test_presses_of_one_moment_count_in_their_order(app: App, shown: int) -> None:
    stays = await asyncio.gather(*(app.votes.toggle(shown, ANN, UP) for _ in range(3)))
    assert stays == [True, False, True]
    assert await values(app) == [1]


async def test_clearing_reactions_leaves_buttons_and_simulated_voters_alone(app: App, shown: int) -> None:
    await app.votes.toggle(shown, ANN, UP)
    await app.votes.simulate(shown, "a simulated voter", DOWN)
    await app.votes.clear_reactions(MESSAGE)
    assert await values(app) == [-1, 1]


async def test_a_button_of_no_description_is_told_in_words(app: App) -> None:
    with pytest.raises(UserError, match="gone"):
        await app.votes.toggle(12345, ANN, UP)


async def test_both_thumbs_found_at_once_are_no_vote(app: App, shown: int) -> None:
    """After an outage nobody knows which of the two came last."""
    both = [Click(shown, "v", thumb, value, "reaction", 5.0) for thumb, value in ((UP, 1), (DOWN, -1))]
    found = Found(shown, frozenset({(UP, "reaction"), (DOWN, "reaction")}), tuple(both))
    async with app.db.write() as tx:
        assert await change(tx, [found, found]) == [2, 0]
    assert await values(app) == []
    async with app.db.write() as tx:
        await change(tx, [Click(shown, "v", DOWN, -1, "reaction", at=6.0)])
    assert await values(app) == [-1]


async def test_what_is_found_takes_the_place_of_what_was_kept(app: App, shown: int) -> None:
    """A vote that vanished meanwhile is withdrawn; buttons and other emojis are not looked up there."""
    clicks = [
        Click(shown, "gone", UP, 1, "reaction", 1.0),
        Click(shown, "stays", UP, 1, "reaction", 1.0),
        Click(shown, "super", UP, 1, "super", 1.0),
        Click(shown, "button", UP, 1, "button", 1.0),
        Click(shown, "other", "👍🏿", 1, "reaction", 1.0),
    ]
    async with app.db.write() as tx:
        await change(tx, clicks)
        there = [Click(shown, voter, UP, 1, "reaction", 5.0, 3) for voter in ("stays", "new")]
        assert await change(tx, [Found(shown, frozenset({(UP, "reaction")}), tuple(there))]) == [2]
        kept = (await tx.execute(select(vote.c.voter, vote.c.at, vote.c.account_days))).all()
    assert sorted(kept) == [
        ("button", 1.0, None),
        ("new", 5.0, 3),
        ("other", 1.0, None),
        ("stays", 1.0, None),
        ("super", 1.0, None),
    ]


async def test_the_requesters_own_vote_is_kept_and_marked(app: App, shown: int) -> None:
    assert shown
    await app.votes.add_reaction(MESSAGE, ASKER, UP)
    await app.votes.add_reaction(MESSAGE, BOB, DOWN)
    async with app.db.read() as tx:
        kept = (await tx.execute(select(vote.c.value, vote.c.by_requester, vote.c.source))).all()
    assert sorted(kept) == [(-1, False, "reaction"), (1, True, "reaction")]
    (counted,) = (await app.votes.by_model()).values()
    assert (counted.ups, counted.downs) == (0, 1)


async def test_no_discord_id_is_kept(app: App, shown: int) -> None:
    assert shown
    await app.votes.add_reaction(MESSAGE, ANN, UP)
    async with app.db.read() as tx:
        kept = [*(await tx.execute(select(reaction))).one(), *(await tx.execute(select(vote))).one()]
    assert str(ANN) not in map(str, kept)
    assert kept.count(app.describer._voters.of(ANN)) == 2


async def test_clicks_on_other_messages_are_nothing(app: App, shown: int) -> None:
    assert shown
    await app.votes.add_reaction(MESSAGE + 1, ANN, UP)
    assert await values(app) == []


async def test_a_vote_outlives_its_message(app: App, shown: int) -> None:
    assert shown
    await app.votes.add_reaction(MESSAGE, ANN, UP)
    await app.votes.mark_messages_deleted({MESSAGE, MESSAGE + 1})
    await app.votes.remove_reaction(MESSAGE, ANN, UP)
    assert await values(app) == [1]
    assert await app.vote_backfill.recent_messages() == []


def test_an_accounts_age_stands_in_its_id() -> None:
    discords_own_example = 175928847299117063  # made 2016-04-30 11:18:25 UTC, says Discord's reference
    made = 1462015105.796
    assert account_days(discords_own_example, made) == 0
    assert account_days(discords_own_example, made + 86400 * 2.5) == 2
    assert account_days(discords_own_example, made + 86400 * 5000) == MOST_ACCOUNT_DAYS
