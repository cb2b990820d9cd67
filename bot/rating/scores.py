"""Scores: how many votes count, and how they rank descriptions for people."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.rating.kept_choices import KeptChoices
from bot.rating.vote_filter import VoteFilter
from bot.refreshed import Refreshed
from bot.store import descriptions, ranking, scores, teams
from bot.store.counting_rule import CountingRule
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.ranking import EVER, Contest, Span, VoterCount
from bot.store.scores import DescriptionVotes, VoteTotals

PAGE = 5  # descriptions

_RANKING_LIFETIME = 600.0  # seconds for which the filter's rule, the prior and candidates serve rankings
_PATIENCE = 2.0  # seconds for which somebody who is in a hurry waits for the first rule and prior
_FEW = 500  # descriptions that are ranked at once; of more, only the candidates are
_CANDIDATES = 500  # the best descriptions of a large contest: no page is beyond them
_MOST_CONTESTS = 512  # whose candidates are kept


@dataclass(frozen=True, slots=True)
class Prior:
    """The belief about a description before its first vote: `weight` votes, a share `mean` of them ups."""

    weight: float
    mean: float

    def posterior_mean(self, ups: int, downs: int) -> float:
        """Return the Bayesian average (weight mean + ups) / (weight + ups + downs), 0 to 1.

        It is the mean of the beta posterior: near the prior's mean after few votes, near the share of ups
        after many.
        """
        return (self.weight * self.mean + ups) / (self.weight + ups + downs)


@dataclass(frozen=True, slots=True)
class VoteNumbers:
    """How many votes there are at one moment, and why some do not count."""

    totals: VoteTotals
    not_counted: tuple[LocalizedMessage, ...]


@dataclass(frozen=True, slots=True)
class CountedVotes(VoteNumbers):
    """The rule by which votes count besides."""

    rule: CountingRule


@dataclass(frozen=True, slots=True)
class VoteSnapshot(CountedVotes):
    """Every description's counted votes besides."""

    descriptions: tuple[DescriptionVotes, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """A ranked description: its Bayesian average (0 to 1), its counted votes, and a team's heroes."""

    description: Description
    score: float
    ups: int
    downs: int
    team: Sequence[Hero] = ()


@asynccontextmanager
async def open_scores(
    db: Database,
    vote_filter: VoteFilter,
    *,
    patience: float = _PATIENCE,
    lifetime: float = _RANKING_LIFETIME,
) -> AsyncIterator["Scores"]:
    """Open the scores, and end at last what they compute in the background."""
    opened = Scores(db, vote_filter, patience=patience, lifetime=lifetime)
    try:
        yield opened
    finally:
        await opened.aclose()


@dataclass(frozen=True, slots=True)
class _Basis:
    """What rankings are made by: the filter's rule and the prior."""

    rule: CountingRule
    prior: Prior


class Scores:
    """Computes scores from the votes that count."""

    def __init__(
        self,
        db: Database,
        vote_filter: VoteFilter,
        *,
        patience: float = _PATIENCE,
        lifetime: float = _RANKING_LIFETIME,
    ) -> None:
        """patience: seconds for which best() waits for the first rule and prior if it is hurried.

        lifetime: seconds after which the rule, the prior and candidates are computed anew.
        """
        self._db = db
        self._vote_filter = vote_filter
        self._patience = patience
        self._basis = Refreshed[_Basis](lifetime=lifetime, most=1)
        self._candidates = Refreshed[list[int]](lifetime=lifetime, most=_MOST_CONTESTS)
        self._kept = KeptChoices(db)

    async def aclose(self) -> None:
        """End what is being computed in the background."""
        await self._candidates.aclose()
        await self._basis.aclose()

    async def snapshot(self) -> VoteSnapshot:
        """Return all counted votes of this moment."""
        async with self._db.read() as tx:
            votes = await self.count(tx)
            counted = await scores.list_description_votes(tx, votes.rule)
        return VoteSnapshot(votes.totals, votes.not_counted, votes.rule, tuple(counted))

    async def count(self, tx: Transaction) -> CountedVotes:
        """Return by which rule votes count now, and how many do. This reads all votes, several times."""
        rule = await self._vote_filter.rule(tx)
        totals = await scores.count_votes(tx, rule)
        return CountedVotes(totals, self._vote_filter.uncounted_by_reason(totals), rule)

    @property
    def limits(self) -> tuple[int, int]:
        """What the settings say of votes that count: the age of an account in days, and votes a day."""
        return self._vote_filter.lenient_rule.account_days, self._vote_filter.lenient_rule.daily

    def numbers(self, totals: VoteTotals) -> VoteNumbers:
        """Return the numbers of votes that were counted before, by the same limits."""
        return VoteNumbers(totals, self._vote_filter.uncounted_by_reason(totals))

    async def scene_votes(self) -> list[DescriptionVotes]:
        """Return the counted votes on scenes, which are in no snapshot."""
        async with self._db.read() as tx:
            return await scores.list_scene_votes(tx, await self._vote_filter.rule(tx))

    async def votes_on(self, description_id: int) -> tuple[int, int]:
        """Return the votes up and down of a description that count, those of outliers among them.

        This is what voters are told. Without the outliers it would show them that their votes do not count,
        and take the votes of everybody.
        """
        async with self._db.read() as tx:
            return await scores.get_description_votes(tx, self._vote_filter.lenient_rule, description_id)

    async def votes_on_each(self, ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """Return what votes_on() does, of a few descriptions that have any votes, by their ids."""
        async with self._db.read() as tx:
            return await scores.list_votes_of(tx, self._vote_filter.lenient_rule, ids)

    async def uncounted_reason(self, description_id: int, voter: str) -> LocalizedMessage | None:
        """Return why a voter's (a pseudonym's) vote does not count; None if it counts."""
        async with self._db.read() as tx:
            return await self._vote_filter.uncounted_reason(tx, description_id, voter)

    async def best(
        self,
        *,
        guild_id: int | None = None,
        powers: Collection[str] | None = None,
        span: Span = EVER,
        page: int = 0,
        hurried: bool = False,
    ) -> list[Scored]:
        """Return a page (from 0) of the best-rated heroes and teams of a server and of some powers.

        None: of all. span: when they were made. Descriptions are ranked by the Bayesian average that people
        see beside them, then by the number of votes, then newest first. The prior is estimated over all
        servers; it and the filter's rule may be ten minutes old, the votes are current. Where many take part,
        so may be the choice of the 500 that are ranked, and for those in a hurry their order. Returns
        PAGE + 1 descriptions if another page follows.

        hurried: the first time after a start the rule, the prior and the choice take a while, where there are
        millions of votes. Until they are there, descriptions are ranked with the votes of outliers, by the
        last prior and choice before the start: if there are none, by a prior of no votes, and of a large
        contest the newest 500. No winner may be chosen so.
        """
        contest = Contest(guild_id, None if powers is None else frozenset(powers), span)
        async with self._db.read() as tx:
            ids = await ranking.list_few_ids(tx, contest, _FEW)
        in_order = False
        if ids is None and hurried:
            ids, in_order = await self._candidates_in_a_hurry(contest)
        elif ids is None:
            ids = await self._candidates.get_new(contest, lambda: self._choose(contest))
        basis = await (self._basis_in_a_hurry() if hurried else self._ranking_basis())
        prior = basis.prior
        async with self._db.read() as tx:
            start = page * PAGE
            if in_order:  # to rank them anew would read all votes on 500 texts that have most
                ids, start = (await ranking.list_rankable(tx, ids, start + PAGE + 1))[start:], 0
            ranked = await ranking.list_best(
                tx,
                basis.rule,
                contest,
                prior=(prior.weight, prior.mean),
                ids=ids,
                offset=start,
                limit=PAGE + 1,
                liked=not in_order,
            )
            if in_order:  # votes of the moment change no text's page
                ranked.sort(key=lambda entry: entry.description_id in ids[PAGE:])
            found = await descriptions.get_many(tx, [entry.description_id for entry in ranked])
            of_teams = await teams.list_heroes(tx, [each.id for each in found if each.kind == "team"])
        by_id = {description.id: description for description in found}
        return [
            Scored(
                by_id[entry.description_id],
                prior.posterior_mean(entry.ups, entry.downs),
                entry.ups,
                entry.downs,
                of_teams.get(entry.description_id, ()),
            )
            for entry in ranked
        ]

    async def voters(self, guild_id: int, span: Span) -> list[VoterCount]:
        """Return who voted on a server's descriptions of a span, by votes that count, most votes first."""
        basis = await self._ranking_basis()
        async with self._db.read() as tx:
            return await ranking.list_voters(tx, basis.rule, Contest(guild_id, None, span))

    async def _candidates_in_a_hurry(self, contest: Contest) -> tuple[list[int], bool]:
        """Return the best descriptions of a large contest, and whether they are in order.

        After the first start with so many, the newest ones stand in for them while they are chosen.
        """
        last = None if self._candidates.kept(contest) else await self._kept.ids(contest)
        ids = await self._candidates.get_within(
            contest, lambda: self._choose(contest), self._patience, last=last
        )
        if ids is not None:
            return ids, True
        async with self._db.read() as tx:
            return await ranking.list_newest_ids(tx, contest, _FEW), False

    async def _choose(self, contest: Contest) -> list[int]:
        """Return the best descriptions of a large contest. This reads all votes on its descriptions."""
        basis = await self._ranking_basis()
        prior = (basis.prior.weight, basis.prior.mean)
        async with self._db.read() as tx:
            ranked = await ranking.list_best(
                tx, basis.rule, contest, prior=prior, offset=0, limit=_CANDIDATES
            )
        ids = [entry.description_id for entry in ranked]
        await self._kept.keep_ids(contest, ids)
        return ids

    async def _ranking_basis(self) -> _Basis:
        """Return the rule and the prior: none of days ago, by which winners would have outliers' votes."""
        return await self._basis.get_new(None, self._compute_basis)

    async def _basis_in_a_hurry(self) -> _Basis:
        found = await self._basis.get_within(None, self._compute_basis, self._patience)
        if found:
            return found
        last = await self._kept.prior()
        return _Basis(self._vote_filter.lenient_rule, Prior(*last) if last else estimate_prior(0, 0, 0))

    async def _compute_basis(self) -> _Basis:
        async with self._db.read() as tx:
            rule = await self._vote_filter.rule(tx)
            number, ups, downs = await scores.get_vote_sums(tx, rule)
        prior = estimate_prior(number, ups, downs)
        if number > _FEW:
            await self._kept.keep_prior(prior.weight, prior.mean)
        return _Basis(rule, prior)


def estimate_prior(number: int, ups: int, downs: int) -> Prior:
    """Return the prior that all votes give: the share of ups, weighed as the average votes per description.

    number: of descriptions with votes. Without any, two votes that balance each other.
    """
    return Prior((ups + downs) / number, ups / (ups + downs)) if number else Prior(2.0, 0.5)
