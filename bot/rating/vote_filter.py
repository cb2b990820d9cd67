"""The guard: which votes count, and whose do not because they go against everybody else's."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from bot.i18n.message import LocalizedMessage, mark
from bot.store import scores
from bot.store.database import Transaction
from bot.store.scores import Kept, Rule, VoterAgreement

MIN_VOTES = 10  # votes of a voter before anything is said of them
MARGIN = 0.05  # taste differs: a rate so much above the usual one is nothing yet
FALSE_DISCOVERY_RATE = 0.05  # of those who are left out, the share that may be honest
_ROUNDS = 5


class VoteFilter:
    """Draws the rule by which votes count.

    Not counted are the vote of whoever asked for a description, votes of accounts too young, those beyond a
    voter's number a day (the earliest count), and all of voters who deviate from the others. It protects
    a majority against a minority: who casts most of the votes on a text decides what its majority is.
    """

    def __init__(self, *, account_days: int, daily: int) -> None:
        self._rule = Rule(account_days, daily)

    async def rule(self, tx: Transaction) -> Rule:
        """The rule for the votes as they are now.

        Who deviates is looked for again without those found: they had a part in the majorities.
        """
        rule = self._rule
        for _ in range(_ROUNDS):
            found = await asyncio.to_thread(outliers, await scores.voter_agreements(tx, rule))
            if not found:
                break
            rule = replace(rule, without=rule.without | found)
        return rule

    def describe(self, kept: Kept) -> tuple[LocalizedMessage, ...]:
        """What does not count, by reason, in words for people; empty where everything counts."""
        named = (
            (kept.by_requester, mark("{number:,} by whoever asked for the description")),
            (kept.young, mark("{number:,} of accounts younger than {days} days")),
            (kept.too_many, mark("{number:,} beyond a voter's {daily} a day")),
            (kept.deviating, mark("{number:,} of voters who go against everybody else")),
        )
        bounds = {"days": self._rule.account_days, "daily": self._rule.daily}
        return tuple(LocalizedMessage(said, number=number, **bounds) for number, said in named if number)


def outliers(stands: Sequence[VoterAgreement]) -> frozenset[str]:
    """Voters who go against the others' majority significantly more often than is usual.

    Usual is the rate of the median voter, which a brigade does not move, and a margin. A binomial test for
    each voter with votes enough; the false discovery rate of all of them together is bounded (Benjamini and
    Hochberg), so that among many voters none stands out by chance.
    """
    from scipy import stats  # noqa: PLC0415 (where it is used)

    tested = [stand for stand in stands if stand.votes >= MIN_VOTES]
    if not tested:
        return frozenset()
    usual = min(1.0, median(stand.against / stand.votes for stand in tested) + MARGIN)
    chances = stats.binom.sf(
        [stand.against - 1 for stand in tested], [stand.votes for stand in tested], usual
    )
    found = stats.false_discovery_control(chances) <= FALSE_DISCOVERY_RATE
    return frozenset(stand.voter for stand, out in zip(tested, found, strict=True) if out)
