"""Reads a tuned model's texts of heroes that it never saw. Each answer is stored as soon as it arrives."""

import asyncio
import time
from dataclasses import dataclass, replace

from bot.chat import ChatRequest
from bot.heroes.adherence import Answer
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import Hero
from bot.heroes.unseen_heroes import unseen_heroes
from bot.leases import Leases
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer, ModelClient
from bot.llm.retry import BACKGROUND
from bot.llm.together import Progress, run_together
from bot.store import model_answers
from bot.store.database import Database
from bot.store.model_answers import ModelAnswer
from bot.store.models import Model
from bot.store.shared_writes import WriteTask


@dataclass(frozen=True, slots=True)
class _Question:
    hero: Hero
    request: ChatRequest

    @property
    def key(self) -> str:
        """The key under which its answer is stored."""
        return self.request.digest


class _TurnLostError(Exception):
    """Another process asks the model by now: this one stood still."""


class ModelReader:
    """Asks a model for so many heroes, the same for every model, with so many questions at once.

    Who wants a model's texts while another job or process asks for them waits for its answers: checks of two
    models at the same time pay for those of the live one once.
    """

    def __init__(
        self,
        db: Database,
        client: ModelClient,
        heroes: HeroesConfig,
        leases: Leases,
        *,
        number: int,
        workers: int,
        drain: float,
    ) -> None:
        """drain: seconds to wait for calls in flight before others may ask what is not answered."""
        self._db = db
        self._client = client
        self._leases = leases
        self._workers = workers
        self._drain = drain
        self._questions = [
            # the seed makes the answers repeatable where the server takes one
            _Question(hero, replace(heroes.prompts.tuned_request(hero), seed=seed))
            for seed, hero in enumerate(unseen_heroes(heroes.vocabulary, number))
        ]

    @property
    def number(self) -> int:
        """How many texts are read of a model."""
        return len(self._questions)

    @property
    def most_tokens(self) -> tuple[int, int]:
        """The most tokens of prompt and answer that one question takes."""
        return self._questions[0].request.token_estimate

    async def count_missing(self, model: Model) -> int:
        """Return how many texts of a model are still to be read."""
        return self.number - len(await self._stored(model))

    async def read(self, model: Model, account: Account, progress: Progress) -> list[Answer]:
        """Return the model's answers, of which those that were stored before are not asked for again.

        If the caller is cancelled, calls that are sent already are stored all the same. Raises Unavailable if
        the model cannot be asked, OverBudget if the budget is used up, ServerError if the server refuses.
        """
        name = f"texts:{model.id}"
        while len(stored := await self._stored(model)) < self.number:
            await progress(len(stored), self.number)
            async with self._leases.one_at_a_time(name) as turn:
                if turn is not None:
                    await self._ask_missing(model, account, progress, turn, name)
            if turn is None:
                await asyncio.sleep(self._leases.timing.look)
        await progress(self.number, self.number)
        found = [stored[question.key] for question in self._questions]
        return [Answer(each.hero, each.text, each.finish_reason) for each in found]

    async def _ask_missing(
        self, model: Model, account: Account, progress: Progress, turn: Leases, name: str
    ) -> None:
        """Ask for what is not stored, as long as it is this reader's turn."""
        stored = await self._stored(model)
        missing = iter([each for each in self._questions if each.key not in stored])

        async def work() -> None:
            for question in missing:  # shared: each worker takes the next one
                if not await turn.hold(name):
                    raise _TurnLostError
                stored[question.key] = await self._ask(model, question, account)
                await progress(len(stored), self.number)

        try:
            await run_together(work, min(self._workers, self.number - len(stored)))
        except _TurnLostError:
            pass
        except BaseException:
            await self._client.drain(self._drain)  # else the next reader asks for what is on its way
            raise

    async def _stored(self, model: Model) -> dict[str, ModelAnswer]:
        async with self._db.read() as tx:
            known = {each.key: each for each in await model_answers.list_of(tx, model.id)}
        return {each.key: known[each.key] for each in self._questions if each.key in known}

    async def _ask(self, model: Model, question: _Question, account: Account) -> ModelAnswer:
        record = _AnswerRecord(self._db, model, question)
        answer = await self._client.complete(
            question.request,
            model=model.served_as or model.name,
            account=account,
            retry_policy=BACKGROUND,
            record=record,
        )
        return record.stored(answer)


class _AnswerRecord:
    """Stores an answer and books its price, in one transaction."""

    def __init__(self, db: Database, model: Model, question: _Question) -> None:
        self._db = db
        self._model = model
        self._question = question

    def stored(self, answer: ChatAnswer) -> ModelAnswer:
        """Return an answer as it is stored."""
        return ModelAnswer(
            self._model.id,
            self._question.key,
            self._question.hero,
            answer.text,
            answer.finish_reason,
            answer.prompt_tokens,
            answer.completion_tokens,
            time.time(),
        )

    async def sent(self) -> None:
        """Note nothing: an answer that a kill caught in the air is asked for again.

        Raises JobTaken if another worker asks by now, and DatabaseBusy if the answer could not be stored.
        """
        await self._db.check_writable()

    async def answered(self, answer: ChatAnswer, charge: WriteTask[None]) -> None:
        await self._db.write_together(WriteTask(model_answers.add_all, self.stored(answer)), charge)

    async def failed(self, error: Exception) -> None:
        """Note nothing: the question is asked again."""
