"""Votes given while another program holds the database count once it is free, without a restart."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bot.app import App, Timing
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP, VoteCounts, Votes
from tests.support.locked_database import TIMING, during_lock

MESSAGE = 77
ANN, BEN, CLEO = 101, 102, 103

Give = Callable[[Votes], list[Coroutine[Any, Any, object]]]

CHANGES: dict[str, tuple[Give, VoteCounts]] = {
    "three people": (
        lambda votes: [
            votes.add_reaction(MESSAGE, ANN, UP),
            votes.add_reaction(MESSAGE, BEN, "👍🏾"),
            votes.add_reaction(MESSAGE, CLEO, DOWN),
        ],
        VoteCounts(ups=2, downs=1),
    ),
    "a change of mind": (
        lambda votes: [votes.add_reaction(MESSAGE, ANN, UP), votes.add_reaction(MESSAGE, ANN, DOWN)],
        VoteCounts(downs=1),
    ),
    "given and taken back": (
        lambda votes: [
            votes.add_reaction(MESSAGE, ANN, UP),
            votes.remove_reaction(MESSAGE, ANN, UP),
            votes.add_reaction(MESSAGE, BEN, UP),
        ],
        VoteCounts(ups=1),
    ),
    "a super reaction": (
        lambda votes: [votes.add_reaction(MESSAGE, ANN, UP, burst=True)],
        VoteCounts(ups=1),
    ),
    "cleared by a moderator": (
        lambda votes: [
            votes.add_reaction(MESSAGE, ANN, UP),
            votes.clear_reactions(MESSAGE),
            votes.add_reaction(MESSAGE, BEN, DOWN),
        ],
        VoteCounts(downs=1),
    ),
    "a button": (lambda votes: [votes.toggle(1, ANN, UP)], VoteCounts(ups=1)),
    "a vote before the message is deleted": (
        lambda votes: [votes.add_reaction(MESSAGE, ANN, UP), votes.mark_messages_deleted([MESSAGE + 1])],
        VoteCounts(ups=1),
    ),
}


@pytest.fixture
def timing() -> Timing:
    return TIMING


@pytest.mark.parametrize("kind", CHANGES)
async def test_votes_count_when_the_database_is_free(app: App, kind: str) -> None:
    description = await app.describer.describe(Hero(40, "woman", "healing"), requester=1)
    await app.describer.set_message(description, 5, MESSAGE)
    give, expected = CHANGES[kind]

    await during_lock(app.settings, *give(app.votes))

    assert (await app.votes.by_model())[description.model] == expected
