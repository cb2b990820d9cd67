"""What counts against budgets: what was spent, what is under way, and what other processes have in flight."""

import secrets
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

from bot.errors import DatabaseBusy
from bot.llm.prices import Prices
from bot.store import batches, jobs, reservations, spending
from bot.store.database import Database, Transaction
from bot.store.fence import JobTaken
from bot.store.job_schema import FinetuneSpec

ELSEWHERE = -1
"""In place of a job's id: what other processes have in flight."""

_BATCH_LIFETIME = 2 * 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Spent:
    """What counts against a job's budgets, in US dollars, as the database had it at a moment.

    read_at: in monotonic seconds. outstanding: the maximum cost of batches and trainings in progress, by job,
    and of other processes' calls.
    """

    read_at: float
    today: float
    job: float
    outstanding: dict[int, float]


class SpentReader:
    """Reads what counts. holder: this process, whose own calls are not counted."""

    def __init__(self, prices: Prices, holder: str) -> None:
        self._prices = prices
        self._holder = holder

    async def read(self, tx: Transaction, job_id: int, *, by_job: bool) -> Spent:
        """Return what counts for a job (0: for none). by_job: whether the job has a budget of its own."""
        read_at = time.monotonic()
        today = await spending.get_day_total(tx, spending.day_of(time.time()))
        job = await spending.get_job_total(tx, job_id) if by_job else 0.0
        outstanding: dict[int, float] = defaultdict(float)
        outstanding[ELSEWHERE] = await reservations.sum_of_others(tx, self._holder)
        # a batch is answered within a day: an older one costs nothing more
        for batch in await batches.list_open(tx, younger_than=_BATCH_LIFETIME):
            cost = self._prices.max_batch_cost(batch.model, batch.prompt_tokens, batch.completion_tokens)
            outstanding[batch.job_id] += cost
        for training in await jobs.remote_trainings(tx):
            if training.cost == 0 and training.id != job_id:  # not booked yet
                spec = training.spec_as(FinetuneSpec)
                outstanding[training.id] += self._prices.training_cost(spec.base, spec.tokens) or 0.0
                outstanding[training.id] += spec.check_cost
        return Spent(read_at, today, job, outstanding)


class SharedReservation:
    """What the calls of this process that are in flight may cost, in the database for others to count.

    lasts: seconds after which it ends if the process dies. It is renewed before half of them have passed.
    """

    def __init__(self, lasts: float) -> None:
        self.holder = secrets.token_hex(8)
        self._lasts = lasts
        self._held, self._held_until = 0.0, 0.0  # monotonic

    def covers(self, cost: float) -> bool:
        """Return whether the database counts so much for this process, and does so for a while."""
        return cost <= self._held and time.monotonic() < self._held_until

    async def put(self, tx: Transaction, cost: float) -> None:
        """Count so much for this process, in place of what it was. note() it once that is committed."""
        await reservations.put(tx, self.holder, cost, seconds=self._lasts)

    def note(self, cost: float) -> None:
        """Note what put() has written."""
        self._held, self._held_until = cost, time.monotonic() + self._lasts / 2

    async def drop(self, db: Database) -> None:
        """Count nothing for this process any more: no call is in flight."""
        if self._held:
            self._held = 0.0
            with suppress(DatabaseBusy, JobTaken):  # it ends by itself
                async with db.write() as tx:
                    await reservations.drop(tx, self.holder)
