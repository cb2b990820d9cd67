"""Candidates: texts that the live model writes of a hero, for the ranker to choose from."""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.chat import ChatRequest
from bot.heroes.hero import Hero
from bot.heroes.prompts import Prompts
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer, ModelClient
from bot.llm.retry import BACKGROUND
from bot.llm.together import Progress, run_together
from bot.store import ranked_texts
from bot.store.database import Database
from bot.store.models import Model
from bot.store.ranked_texts import RankedText, WrittenText
from bot.store.shared_writes import WriteTask

TEXTS_PER_HERO = 8  # from eight on, each doubling gains less: the best of n rises with the root of log n

_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class _Question:
    hero: Hero
    request: ChatRequest

    @property
    def key(self) -> str:
        """The key under which its answer is stored."""
        return self.request.digest


class Candidates:
    """Has a model write eight texts a hero, `workers` at a time. Each is stored as soon as it arrives."""

    def __init__(self, db: Database, client: ModelClient, prompts: Prompts, *, workers: int) -> None:
        self._db = db
        self._client = client
        self._prompts = prompts
        self._workers = workers

    @property
    def most_tokens(self) -> int:
        """The most tokens that one answer takes."""
        return self._prompts.sampling.tuned.max_tokens

    async def count_missing(self, model: Model, heroes: Sequence[Hero]) -> int:
        """Return how many texts of these heroes are still to be written."""
        keys = [question.key for question in self._questions(heroes)]
        async with self._db.read() as tx:
            return len(keys) - await ranked_texts.count(tx, model.id, keys)

    async def write(
        self, model: Model, heroes: Sequence[Hero], account: Account, progress: Progress
    ) -> dict[Hero, list[RankedText]]:
        """Return eight texts of each hero, of which those that were stored before are not written again.

        If the caller is cancelled, calls that are sent already are stored all the same. Raises Unavailable if
        the model cannot be asked, OverBudget if the budget is used up, ServerError if the server refuses.
        """
        questions = {question.key: question for question in self._questions(heroes)}
        stored = await self._stored(model, questions)
        missing = iter([each for key, each in questions.items() if key not in stored])
        done = len(stored)

        async def work() -> None:
            nonlocal done
            for question in missing:  # shared: each worker takes the next one
                await self._ask(model, question, account)
                done += 1
                await progress(done, len(questions))

        await progress(done, len(questions))
        await run_together(work, min(self._workers, len(questions) - done))
        texts: dict[Hero, list[RankedText]] = {}
        for text in (await self._stored(model, questions)).values():
            texts.setdefault(text.hero, []).append(text)
        return texts

    def _questions(self, heroes: Iterable[Hero]) -> Iterator[_Question]:
        for hero in heroes:
            asked = self._prompts.tuned_request(hero)
            for number in range(TEXTS_PER_HERO):
                yield _Question(hero, replace(asked, seed=_seed(hero, number)))

    async def _stored(self, model: Model, keys: Iterable[str]) -> dict[str, RankedText]:
        async with self._db.read() as tx:
            return await ranked_texts.get_many(tx, model.id, list(keys))

    async def _ask(self, model: Model, question: _Question, account: Account) -> None:
        await self._client.complete(
            question.request,
            model=model.served_as or model.name,
            account=account,
            retry_policy=BACKGROUND,
            record=_TextRecord(self._db, model, question),
        )


class _TextRecord:
    """Stores a text and books its price, in one transaction."""

    def __init__(self, db: Database, model: Model, question: _Question) -> None:
        self._db = db
        self._model = model
        self._question = question

    async def sent(self) -> None:
        """Note nothing: an answer that a kill caught in the air is asked for again.

        Raises JobTaken if another worker asks by now, and DatabaseBusy if the answer could not be stored.
        """
        await self._db.check_writable()

    async def answered(self, answer: ChatAnswer, charge: WriteTask[None]) -> None:
        written = WrittenText(
            self._model.id,
            self._question.key,
            self._question.hero,
            answer.text,
            answer.finish_reason,
            answer.prompt_tokens,
            answer.completion_tokens,
            time.time(),
        )
        await self._db.write_together(WriteTask(ranked_texts.add_all, written), charge)

    async def failed(self, error: Exception) -> None:
        """Note nothing: the question is asked again."""


def _seed(hero: Hero, number: int) -> int:
    """Return a seed that depends on the hero and the number alone, so that a text can be written again."""
    parts = json.dumps([hero.identity(), number], sort_keys=True)
    return int.from_bytes(hashlib.sha256(parts.encode()).digest()[:8]) % _SEEDS
