"""The ranker: learns from votes which texts people like, and scores texts that nobody has voted on."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from bot.chat import CONTROL_TOKEN
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage
from bot.llm.together import Progress
from bot.ranking.features import text_features
from bot.ranking.log_probs import HeroText, LogProbs
from bot.ranking.logistic_regression import CrossValidation, Fit, Observation, VotesData, cross_validate, fit
from bot.rating.scores import Scores
from bot.store import descriptions, learnt_texts, scores
from bot.store.counting_rule import CountingRule
from bot.store.database import Database
from bot.store.models import Model

MIN_TEXTS = 40  # with votes
MIN_OF_EACH = 8  # with more votes for it than against it, and the other way round
MIN_HEROES = 10  # among them: a fold has a fifth
MIN_AUC = 0.6

_MOST_TEXTS = 2000  # those with the most votes: more would teach the few features little
_CHUNK = 500  # descriptions per query

_ONE_VOTER = LocalizedMessage(
    "All votes that count are of one person, and a ranker learns what people like. Let others vote, too, "
    "then build again."
)


@dataclass(frozen=True, slots=True)
class RankerReport:
    """What the ranker learnt from, and whether it is used.

    rated: texts with votes that count; liked and disliked: those of them with more votes for and against.
    validation: None if the texts are too few. has_log_prob: whether a model's log-probability is among the
    features. refusal: why the ranker is not used; None if it is.
    """

    rated: int
    liked: int
    disliked: int
    heroes: int
    validation: CrossValidation | None = None
    has_log_prob: bool = False
    refusal: LocalizedMessage | None = None


@dataclass(frozen=True, slots=True)
class _RatedText:
    description_id: int
    hero: Hero
    prompt: str
    text: str
    ups: int
    downs: int


class TrainedRanker:
    """A ranker with its report. It may score texts if nothing in the report speaks against it."""

    def __init__(self, report: RankerReport, heroes: HeroesConfig, fitted: Fit | None = None) -> None:
        self.report = report
        self._curation = heroes.curation
        self._fit = fitted

    def score(self, hero: Hero, text: str, log_prob: float | None) -> float:
        """Return the log-odds that a vote on a curated text is for it.

        log_prob: the model's, if the report says that it is among the features, else None.
        """
        if self._fit is None:
            raise ValueError("a ranker that was refused scores nothing")
        features = text_features(hero, text, self._curation)
        if self.report.has_log_prob != (log_prob is not None):
            raise ValueError("the log-probability must be given if, and only if, it is one of the features")
        return self._fit.score([*features, log_prob] if log_prob is not None else features)


class Ranker:
    """Fits a ranker anew on the votes of the moment."""

    def __init__(self, db: Database, scores: Scores, log_probs: LogProbs, heroes: HeroesConfig) -> None:
        self._db = db
        self._scores = scores
        self.log_probs = log_probs
        self._heroes = heroes

    async def preview(self, model: Model) -> TrainedRanker:
        """Return the ranker without asking a model: with log-probabilities only if all are stored."""
        rated, report = await self._rated_texts()
        if report.refusal:
            return TrainedRanker(report, self._heroes)
        fresh = await self._fresh(model, rated)
        known = await self.log_probs.known(model, _texts(fresh)) if fresh else None
        return await self._train(rated, report, _by_id(fresh, known))

    async def train(self, model: Model, progress: Progress) -> TrainedRanker:
        """Return the ranker with the model's log-probabilities, if its server tells them.

        Raises as LogProbs.ask() does.
        """
        rated, report = await self._rated_texts()
        if report.refusal:
            return TrainedRanker(report, self._heroes)
        fresh = await self._fresh(model, rated)
        found = await self.log_probs.ask(model, _texts(fresh), progress) if fresh else None
        return await self._train(rated, report, _by_id(fresh, found))

    async def _fresh(self, model: Model, rated: Sequence[_RatedText]) -> list[_RatedText]:
        """Return the rated texts that a model has not learnt; none if they are too few to learn from.

        It learns texts that people like and finds them likely for that reason: by its log-probabilities of
        these, every ranker would seem to know what people like.
        """
        async with self._db.read() as tx:
            learnt = await learnt_texts.learnt_by(tx, model)
        fresh = [each for each in rated if each.description_id not in learnt]
        return [] if _count(fresh).refusal else fresh

    async def _rated_texts(self) -> tuple[list[_RatedText], RankerReport]:
        """Return the texts that have votes that count, those with the most first, and a report of them."""
        snapshot = await self._scores.snapshot()
        votes = sorted(
            snapshot.descriptions,
            key=lambda tally: (-(tally.ups + tally.downs), -tally.description_id),
        )[:_MOST_TEXTS]
        rated: list[_RatedText] = []
        for start in range(0, len(votes), _CHUNK):
            tallies = {tally.description_id: tally for tally in votes[start : start + _CHUNK]}
            async with self._db.read() as tx:
                found = await descriptions.get_many(tx, list(tallies))
            for each in found:
                text = self._heroes.curation.trim(each.text)
                # a server refuses a text that could end its turn
                if text and each.removed_at is None and not CONTROL_TOKEN.search(text):
                    tally = tallies[each.id]
                    prompt = self._heroes.prompts.tuning_prompt(each.hero)
                    rated.append(_RatedText(each.id, each.hero, prompt, text, tally.ups, tally.downs))
        report = _count(rated)
        if not report.refusal and await self._is_of_one(snapshot.rule):
            report = replace(report, refusal=_ONE_VOTER)
        return rated, report

    async def _is_of_one(self, rule: CountingRule) -> bool:
        """Return whether one person cast all votes that count: their taste is not what people like."""
        async with self._db.read() as tx:
            return await scores.count_voters(tx, rule, most=2) < 2

    async def _train(
        self, rated: Sequence[_RatedText], counts: RankerReport, log_probs: Mapping[int, float]
    ) -> TrainedRanker:
        """log_probs: the model's by description; a text without one gets their mean, which says nothing."""
        unknown = fmean(log_probs.values()) if log_probs else 0.0

        def features(each: _RatedText) -> tuple[float, ...]:
            plain = text_features(each.hero, each.text, self._heroes.curation)
            return (*plain, log_probs.get(each.description_id, unknown)) if log_probs else tuple(plain)

        def work() -> tuple[CrossValidation, Fit]:
            data = VotesData(
                [Observation(features(each), each.ups, each.downs, each.prompt) for each in rated]
            )
            return cross_validate(data), fit(data)

        validation, fitted = await asyncio.to_thread(work)
        report = RankerReport(
            counts.rated,
            counts.liked,
            counts.disliked,
            counts.heroes,
            validation,
            has_log_prob=bool(log_probs),
            refusal=_refusal(validation),
        )
        return TrainedRanker(report, self._heroes, fitted)


def _texts(rated: Sequence[_RatedText]) -> list[HeroText]:
    return [(each.hero, each.text) for each in rated]


def _by_id(texts: Sequence[_RatedText], log_probs: Sequence[float] | None) -> dict[int, float]:
    if log_probs is None:
        return {}
    return {text.description_id: value for text, value in zip(texts, log_probs, strict=True)}


def _count(rated: Sequence[_RatedText]) -> RankerReport:
    """Return what there is to learn from, and that it is too little, if it is."""
    liked, disliked = (sum(sign * (each.ups - each.downs) > 0 for each in rated) for sign in (1, -1))
    heroes = len({each.prompt for each in rated})
    enough = len(rated) >= MIN_TEXTS and min(liked, disliked) >= MIN_OF_EACH and heroes >= MIN_HEROES
    refusal = LocalizedMessage(
        "Too few texts have votes that count. A ranker needs {fewest}, of {heroes} heroes, at least {each} "
        "of them with more 👍 and {each} with more 👎; there are {rated:,}, of {found:,} heroes, {liked:,} "
        "with more 👍 and {disliked:,} with more 👎. Let people vote more, then build again.",
        fewest=MIN_TEXTS,
        heroes=MIN_HEROES,
        each=MIN_OF_EACH,
        rated=len(rated),
        found=heroes,
        liked=liked,
        disliked=disliked,
    )
    return RankerReport(len(rated), liked, disliked, heroes, refusal=None if enough else refusal)


def _refusal(found: CrossValidation) -> LocalizedMessage | None:
    """Return why a ranker is not used that tells texts apart so well; None if it is."""
    figures = {"auc": found.auc, "low": found.low, "high": found.high, "needed": MIN_AUC}
    if found.auc < MIN_AUC:
        return LocalizedMessage(
            "On texts that it had not seen, the ranker has an AUC of {auc:.2f} ({low:.2f} to {high:.2f}), "
            "and {needed} is needed; 0.5 is chance. Let people vote more, then build again.",
            **figures,
        )
    if found.low <= 0.5:
        return LocalizedMessage(
            "On texts that it had not seen, the ranker has an AUC of {auc:.2f} ({low:.2f} to {high:.2f}), "
            "which may be chance, for that is 0.5. Let people vote more, then build again.",
            **figures,
        )
    return None
