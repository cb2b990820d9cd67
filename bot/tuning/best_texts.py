"""The texts that people liked best: how likely two models find them, so that none forgets what was liked."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.llm.text_scores import TextScore, TextScorer, mean_log_prob
from bot.llm.together import Progress, run_together
from bot.store.models import Model

MOST_TEXTS = 30
FEWEST_TEXTS = 8  # the mean of fewer says little


@dataclass(frozen=True, slots=True)
class RatedText:
    """A description that people liked: its id, the tuning prompt and the text as it would train."""

    description_id: int
    prompt: str
    text: str


RatedTexts = Callable[[Model, Model], Awaitable[Sequence[RatedText]]]
"""Returns the best-rated texts by which two models can be compared, the best first."""


@dataclass(frozen=True, slots=True)
class BestTextsComparison:
    """How many texts were found; the mean log-probability of their tokens by each model, in nats a token.

    texts: None if the server does not tell log-probabilities. new and live: None if there are too few texts.
    """

    texts: int | None
    new: float | None = None
    live: float | None = None


class BestTexts:
    """Compares two models. scorer: None if the server does not tell log-probabilities."""

    def __init__(self, rated: RatedTexts, scorer: TextScorer | None, *, workers: int) -> None:
        self._rated = rated
        self._scorer = scorer
        self._workers = workers

    async def compare(self, new: Model, live: Model, progress: Progress) -> BestTextsComparison:
        """Have both models score the same texts. Nothing is stored: an interrupted comparison begins anew.

        Raises Unavailable, UnknownModel or ServerError if a model cannot be asked.
        """
        if self._scorer is None:
            return BestTextsComparison(None)
        found = (await self._rated(new, live))[:MOST_TEXTS]
        if len(found) < FEWEST_TEXTS:
            return BestTextsComparison(len(found))
        questions = [(model, text) for model in (new, live) for text in found]
        scores = await self._score_all(self._scorer, questions, progress)
        known = [score for score in scores if score]
        if len(known) < len(questions):
            return BestTextsComparison(None)
        by_new, by_live = known[: len(found)], known[len(found) :]
        return BestTextsComparison(len(found), mean_log_prob(by_new), mean_log_prob(by_live))

    async def _score_all(
        self, scorer: TextScorer, questions: Sequence[tuple[Model, RatedText]], progress: Progress
    ) -> list[TextScore | None]:
        scores: list[TextScore | None] = [None] * len(questions)
        remaining = iter(enumerate(questions))
        done = 0

        async def work() -> None:
            nonlocal done
            for number, (model, text) in remaining:  # shared: each worker takes the next one
                score = await scorer.score(model.served_as or model.name, text.prompt, text.text)
                if score is None:
                    return
                scores[number] = score
                done += 1
                await progress(done, len(questions))

        await progress(0, len(questions))
        await run_together(work, self._workers)
        return scores
