"""The texts of a build that the ranker chooses: the best of eight that the live model writes of a hero."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bot.dataset.build.example_selector import ExampleSelector
from bot.dataset.build.first_texts import FirstTexts
from bot.dataset.build.moderation import Moderation
from bot.dataset.build.plan import Planner, Slot
from bot.dataset.versions.draft import Draft, TrainingText
from bot.heroes.hero import Hero
from bot.heroes.prompts import Prompts
from bot.i18n.message import LocalizedMessage
from bot.jobs.worker import Run
from bot.llm.budget import Account
from bot.llm.prices import Prices
from bot.ranking.candidates import Candidates
from bot.ranking.log_probs import HeroText
from bot.ranking.ranker import Ranker, RankerReport, TrainedRanker
from bot.registry.registry import Registry
from bot.store import ranked_texts
from bot.store.database import Database
from bot.store.examples import StoredAnswer
from bot.store.job_schema import BuildSpec, RankedSummary
from bot.store.models import Model
from bot.store.ranked_texts import RankedText

_TYPICAL_PROMPT_TOKENS = 20

_NO_LIVE_MODEL = LocalizedMessage(
    "No tuned model is live that could write them. `{/finetune}` trains one, and `{/models list}` says which "
    "is live."
)


@dataclass(frozen=True, slots=True)
class RankedPlan:
    """What a build would have written for the ranker, as things stand.

    refusal: why the ranker is not used; None if it is. report: None without a live model. heroes: the most
    heroes of which texts are written; missing: texts that are not written yet. cost: of them, in US dollars,
    None if the price is unknown.
    """

    refusal: LocalizedMessage | None
    report: RankerReport | None = None
    model: Model | None = None
    heroes: int = 0
    missing: int = 0
    cost: float | None = 0.0


@dataclass(frozen=True, slots=True)
class _Scored:
    prompt: str
    score: float
    text: TrainingText


@dataclass(frozen=True, slots=True)
class RankedChoice:
    """The best text of each hero, the best of all first, and how they came about."""

    summary: RankedSummary
    scored: Sequence[_Scored] = ()

    def best(self, number: int) -> dict[str, list[TrainingText]]:
        """Return the best texts, at most so many, by tuning prompt."""
        return {each.prompt: [each.text] for each in self.scored[:number]}


def most_ranked(others: int) -> int:
    """Return how many ranked texts may join so many others: a third of the dataset, at most."""
    return others // 2


class RankedTexts:
    """Has texts written and chooses among them. Nobody votes on them, and no vote counts for them."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        ranker: Ranker,
        candidates: Candidates,
        planner: Planner,
        selector: ExampleSelector,
        moderation: Moderation,
        first_texts: FirstTexts,
        prompts: Prompts,
        prices: Prices,
        *,
        most_heroes: int,
    ) -> None:
        self._db = db
        self._registry = registry
        self._ranker = ranker
        self._candidates = candidates
        self._planner = planner
        self._selector = selector
        self._moderation = moderation
        self._first_texts = first_texts
        self._prompts = prompts
        self._prices = prices
        self._most_heroes = most_heroes

    async def plan(self, spec: BuildSpec, others: int) -> RankedPlan:
        """Return what would be written beside so many other texts, without asking a model.

        Raises UserError if the first dataset has mistakes.
        """
        model = await self._registry.live()
        if model is None:
            return RankedPlan(_NO_LIVE_MODEL)
        report = (await self._ranker.preview(model)).report
        if report.refusal:
            return RankedPlan(report.refusal, report, model)
        held_out = await self._first_texts.held_out_prompts()
        heroes = self._heroes(spec, most_ranked(others), held_out)
        missing = await self._candidates.count_missing(model, heroes)
        return RankedPlan(None, report, model, len(heroes), missing, await self._cost(model, missing))

    async def choose(self, run: Run, spec: BuildSpec, account: Account, draft: Draft) -> RankedChoice:
        """Return texts that may join a draft, each of a hero that trains there.

        There are none if the ranker is not used: then the summary says why. Raises Unavailable if the model cannot be
        asked, OverBudget if the budget is used up, ServerError if the server refuses, and JobStopped once a
        person has paused or cancelled the job; what was written and asked is kept.
        """
        model = await self._registry.live()
        if model is None:
            return RankedChoice(RankedSummary(refused=_NO_LIVE_MODEL))
        asking = LocalizedMessage("asking the live model how likely it finds texts")

        async def asked(done: int, total: int) -> None:
            await run.progress(done, total, asking)

        ranker = await self._ranker.train(model, asked)
        if ranker.report.refusal:
            return RankedChoice(_summary(ranker.report, model))
        others = draft.sources.total()
        outside = await self._first_texts.held_out_prompts()
        trained = draft.training_prompts - outside
        heroes = self._heroes(spec, most_ranked(others), outside, trained)

        async def written(done: int, total: int) -> None:
            await run.progress(done, total, LocalizedMessage("writing texts of which the ranker takes the best"))

        texts = await self._candidates.write(model, heroes, account, written)
        fit = self._curate(texts)
        log_probs: Sequence[float] | None = None
        if ranker.report.has_log_prob:
            log_probs = await self._ranker.log_probs.ask(model, [pair for _, pair in fit], asked)
        scored = await self._best_of_each(ranker, fit, log_probs)
        summary = _summary(ranker.report, model).model_copy(
            update={"heroes": len(heroes), "written": sum(map(len, texts.values())), "fit": len(fit)}
        )
        return RankedChoice(summary, scored)

    def _heroes(
        self,
        spec: BuildSpec,
        number: int,
        held_out: frozenset[str],
        trained: set[str] | None = None,
    ) -> list[Hero]:
        """Return the first heroes of a build's grid that may train; trained: the prompts of those that do."""

        def fits(hero: Hero) -> bool:
            prompt = self._prompts.tuning_prompt(hero)
            return prompt not in held_out and (trained is None or prompt in trained)

        return list(islice(filter(fits, self._planner.heroes(spec)), min(number, self._most_heroes)))

    def _curate(self, texts: Mapping[Hero, Iterable[RankedText]]) -> list[tuple[RankedText, HeroText]]:
        """Return the texts that may train, trimmed, by the rules for what an author model writes."""
        fit = []
        for hero, written in texts.items():
            for each in written:
                answer = StoredAnswer(
                    each.id, each.key, each.text, each.finish_reason, each.flagged, verdict=None, edited=None
                )
                text, reason = self._selector.judge(Slot(hero, 0), answer)
                if reason is None:
                    fit.append((each, (hero, text)))
        return fit

    async def _best_of_each(
        self,
        ranker: TrainedRanker,
        fit: Sequence[tuple[RankedText, HeroText]],
        log_probs: Sequence[float] | None,
    ) -> list[_Scored]:
        """Return the best text of each hero that moderation does not flag, the best of all first."""
        by_prompt: dict[str, list[tuple[float, RankedText, str]]] = {}
        for number, (written, (hero, text)) in enumerate(fit):
            score = ranker.score(hero, text, log_probs[number] if log_probs is not None else None)
            by_prompt.setdefault(self._prompts.tuning_prompt(hero), []).append((score, written, text))
        best = []
        for prompt, found in by_prompt.items():
            # texts of the same score in the order of their ids, so that the same texts give the same choice
            for score, written, text in sorted(found, key=lambda each: (-each[0], each[1].id)):
                if not await self._moderation.is_ranked_flagged(written, text):
                    best.append(_Scored(prompt, score, TrainingText(text, "ranked", written.id)))
                    break
        return sorted(best, key=lambda each: (-each.score, each.prompt))

    async def _cost(self, model: Model, texts: int) -> float | None:
        """Return what so many texts cost, in US dollars; None if the price is unknown."""
        async with self._db.read() as tx:
            typical = (_TYPICAL_PROMPT_TOKENS, self._candidates.most_tokens)
            prompt, completion = await ranked_texts.get_average_tokens(tx) or typical
        price = self._prices.of(model.served_as or model.name)
        return price.cost(round(texts * prompt), round(texts * completion)) if price else None


def _summary(report: RankerReport, model: Model) -> RankedSummary:
    found = report.validation
    return RankedSummary(
        model=model.id,
        rated=report.rated,
        auc=found.auc if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        has_log_prob=report.has_log_prob,
        refused=report.refusal,
    )
