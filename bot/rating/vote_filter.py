"""Vote filter: which votes count, and which are ignored because their voters are outliers."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from bot.i18n.message import LocalizedMessage, mark
from bot.rating.significance import binomial_tail, discoveries
from bot.store import scores
from bot.store.counting_rule import CountingRule
from bot.store.database import Transaction
from bot.store.scores import UncountedReason, VoterAgreement, VoteTotals

MIN_VOTES = 10  # of a voter, before they can be an outlier
MARGIN = 0.05  # above the median rate of disagreement: tastes differ
FALSE_DISCOVERY_RATE = 0.05  # expected share of honest voters among the outliers
_MAX_ROUNDS = 5
_REASONS: dict[UncountedReason, str] = {
    "requester": mark("It does not count, because you asked for this text yourself."),
    "young": mark("It does not count, because your Discord account is younger than {days} days."),
    "too many": mark("It does not count, because at most {daily} votes of one person count a day (UTC)."),
}


class VoteFilter:
    """Derives the rule by which votes count.

    Not counted are votes of the person who asked for the description, of accounts younger than account_days,
    those beyond `daily` per voter and day (the earliest count), and all votes of outliers. This protects a
    majority against a minority: whoever casts most of the votes on a text decides what its majority is.
    """

    def __init__(self, *, account_days: int, daily: int) -> None:
        self.lenient_rule = CountingRule(account_days, daily)  # with the votes of outliers

    async def rule(self, tx: Transaction) -> CountingRule:
        """Return the rule for the votes as they are now.

        Outliers are searched for again without those found, up to 5 times: they were part of the majorities.
        """
        rule = replace(self.lenient_rule, eager=await scores.list_eager(tx, self.lenient_rule))
        for _ in range(_MAX_ROUNDS):
            found = await asyncio.to_thread(outliers, await scores.list_voter_agreements(tx, rule))
            if not found:
                break
            rule = replace(rule, without=rule.without | found)
        return rule

    async def uncounted_reason(
        self, tx: Transaction, description_id: int, voter: str
    ) -> LocalizedMessage | None:
        """Return why a voter's vote does not count, for the voter; None if it counts.

        Outliers are not told: it would teach those who work together how far they may go.
        """
        reason = await scores.find_uncounted_reason(tx, self.lenient_rule, description_id, voter)
        return LocalizedMessage(_REASONS[reason], **self._limits) if reason else None

    @property
    def _limits(self) -> dict[str, int]:
        return {"days": self.lenient_rule.account_days, "daily": self.lenient_rule.daily}

    def uncounted_by_reason(self, totals: VoteTotals) -> tuple[LocalizedMessage, ...]:
        """Return the numbers of votes that do not count, by reason; empty if all count."""
        reasons = (
            (totals.by_requester, mark("{number:,} by the person who asked for the description")),
            (totals.young, mark("{number:,} of accounts that are too young (under {days} days)")),
            (totals.too_many, mark("{number:,} beyond the {daily} a day that count for one person")),
            (totals.deviating, mark("{number:,} of voters who go against everybody else")),
        )
        return tuple(
            LocalizedMessage(text, number=number, **self._limits) for number, text in reasons if number
        )


def outliers(agreements: Sequence[VoterAgreement]) -> frozenset[str]:
    """Return the voters who vote against the majority of the others significantly more often than usual.

    The null hypothesis for each voter with at least MIN_VOTES votes: they disagree at the usual rate

        p0 = min(1, median over voters of against / votes + MARGIN),

    whose median a small brigade does not move. The p-value is P(X >= against) for X ~ Binomial(votes, p0).
    The procedure of Benjamini and Hochberg (Journal of the Royal Statistical Society B, 1995) over all
    p-values keeps the false discovery rate at FALSE_DISCOVERY_RATE, so that among many voters none is found
    by chance.
    """
    tested = [agreement for agreement in agreements if agreement.votes >= MIN_VOTES]
    if not tested:
        return frozenset()
    usual_rate = min(1.0, median(agreement.against / agreement.votes for agreement in tested) + MARGIN)
    p_values = [binomial_tail(agreement.against, agreement.votes, usual_rate) for agreement in tested]
    significant = discoveries(p_values, FALSE_DISCOVERY_RATE)
    return frozenset(agreement.voter for agreement, found in zip(tested, significant, strict=True) if found)
