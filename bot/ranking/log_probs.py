"""How likely a model finds texts: the mean log-probability of a text's tokens after the hero's prompt."""

import hashlib
import json
from collections.abc import Sequence

from bot.heroes.hero import Hero
from bot.heroes.prompts import Prompts
from bot.llm.text_scores import TextScorer, mean_log_prob
from bot.llm.together import Progress, run_together
from bot.store import ranked_texts
from bot.store.database import Database, Transaction
from bot.store.models import Model
from bot.store.shared_writes import WriteTask

HeroText = tuple[Hero, str]
_Found = tuple[int, str, float]  # the model's id, the digest and the log-probability


class LogProbs:
    """Asks for log-probabilities, `workers` at a time. Each is stored as soon as it arrives.

    scorer: None if the server does not tell them.
    """

    def __init__(self, db: Database, scorer: TextScorer | None, prompts: Prompts, *, workers: int) -> None:
        self._db = db
        self._scorer = scorer
        self._prompts = prompts
        self._workers = workers

    async def known(self, model: Model, texts: Sequence[HeroText]) -> list[float] | None:
        """Return the log-probabilities of texts, in nats a token, if all were asked for before."""
        found = await self._stored(model, texts)
        values = [found.get(self._digest(*text)) for text in texts]
        return None if None in values else [value for value in values if value is not None]

    async def ask(self, model: Model, texts: Sequence[HeroText], progress: Progress) -> list[float] | None:
        """Return the log-probabilities of texts, in nats a token; None if the server does not tell them.

        Those that are stored are not asked for again. Raises Unavailable if the model cannot be asked,
        ServerError if the server refuses.
        """
        scorer = self._scorer
        if scorer is None:
            return None
        found = await self._stored(model, texts)
        missing = {digest: text for text in texts if (digest := self._digest(*text)) not in found}
        left, total = iter(missing.items()), len(found) + len(missing)
        is_told = True

        async def work() -> None:
            nonlocal is_told
            for digest, text in left:  # shared: each worker takes the next one
                log_prob = await self._ask(scorer, model, *text) if is_told else None
                if log_prob is None:
                    is_told = False
                    return
                task = WriteTask(_store, (model.id, digest, log_prob))
                await self._db.write_together(task)
                found[digest] = log_prob
                await progress(len(found), total)

        await run_together(work, min(self._workers, len(missing)))
        return [found[self._digest(*text)] for text in texts] if is_told else None

    async def _stored(self, model: Model, texts: Sequence[HeroText]) -> dict[str, float]:
        digests = {self._digest(*text) for text in texts}
        async with self._db.read() as tx:
            return await ranked_texts.get_log_probs(tx, model.id, digests)

    async def _ask(self, scorer: TextScorer, model: Model, hero: Hero, text: str) -> float | None:
        name = model.served_as or model.name
        score = await scorer.score(name, self._prompts.tuning_prompt(hero), text)
        return None if score is None else mean_log_prob([score])

    def _digest(self, hero: Hero, text: str) -> str:
        return hashlib.sha256(json.dumps([self._prompts.tuning_prompt(hero), text]).encode()).hexdigest()


async def _store(tx: Transaction, found: Sequence[_Found]) -> list[None]:
    by_model: dict[int, dict[str, float]] = {}
    for model_id, digest, log_prob in found:
        by_model.setdefault(model_id, {})[digest] = log_prob
    for model_id, log_probs in by_model.items():
        await ranked_texts.add_log_probs(tx, model_id, log_probs)
    return [None] * len(found)
