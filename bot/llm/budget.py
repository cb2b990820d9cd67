"""The budget: no paid call is sent that could exceed the daily budget, or its job's own."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from bot.errors import OverBudget
from bot.i18n.message import mark
from bot.llm.prices import Prices
from bot.llm.spent import ELSEWHERE, SharedReservation, Spent, SpentReader
from bot.store import spending
from bot.store.database import Database, Transaction
from bot.store.spending import DaySpending, Purpose

_UNKNOWN = mark(
    "The price of {model} is unknown, so no budget can be kept for it. "
    "An operator must add it to data/prices.toml."
)
_UNKNOWN_TRAINING = mark(
    "What training {model} costs is unknown, so no budget can be kept for it. "
    "An operator must add `training` to its price in data/prices.toml."
)
_CACHE_SECONDS = 0.2  # for which the spending of other processes may be out of date
_LOOKS, _LOOK_PAUSE = 10, 0.5  # how often, in seconds, to look whether calls of other processes have ended
_LASTS = 900.0  # seconds; a call takes less than half of that
_CALLS_AHEAD = 8  # reserved beside those in flight, so that not every call is a transaction more


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays: a purpose, and for a job its id and its own limit in US dollars, if it has one."""

    purpose: Purpose
    job_id: int = 0
    limit: float | None = None


class Budget:
    """Reserves the maximum cost of each call while it is in flight, and books its actual cost.

    daily: the installation's limit for a day (UTC) in US dollars, None for none. It holds across processes:
    each keeps in the database what its calls in flight, and a few more, may cost. lasts: for how many seconds
    that counts if the process dies; half of it is left when a call is sent.
    """

    def __init__(self, db: Database, prices: Prices, *, daily: float | None, lasts: float = _LASTS) -> None:
        self._db = db
        self.prices = prices
        self._daily = daily
        self._reserved: dict[int, float] = defaultdict(float)  # by job
        self._released = asyncio.Condition()
        self._cached: tuple[Account, Spent] | None = None  # until a call is booked, or it has expired
        self._shared = SharedReservation(lasts)
        self._reader = SpentReader(prices, self._shared.holder)

    @asynccontextmanager
    async def reserve(
        self, account: Account, model: str, prompt_tokens: int, completion_tokens: int
    ) -> AsyncIterator[None]:
        """Reserve the maximum cost of a call until the block ends. Raises OverBudget if it does not fit.

        The block must last as long as the call: one whose caller no longer waits is paid for all the same.
        """
        cost = self._max_cost(account, model, prompt_tokens, completion_tokens)
        if cost == 0:
            yield
            return
        await self._reserve(account, cost)
        try:
            yield
        finally:
            # not half-way if the caller is cancelled now: others wait for what is released
            await asyncio.shield(asyncio.ensure_future(self._release(account, cost)))

    async def confirm(self, account: Account) -> None:
        """Check, right before a call is sent, that other processes still count what is reserved for it.

        The call may have waited for its turn longer than a reservation lasts. Raises OverBudget if others
        have spent meanwhile what it would cost, and DatabaseBusy.
        """
        async with self._released:
            if self._reserved and (refusal := await self._hold(account, 0.0)):
                raise refusal

    async def _release(self, account: Account, cost: float) -> None:
        async with self._released:
            self._cached = None
            self._reserved[account.job_id] -= cost
            if abs(self._reserved[account.job_id]) < cost / 1000:  # a rounding error reserves nothing
                del self._reserved[account.job_id]
            if not self._reserved:
                await self._shared.drop(self._db)
            self._released.notify_all()

    async def _reserve(self, account: Account, cost: float) -> None:
        """Reserve an amount, after waiting for other reservations to end if it does not fit beside them."""
        looks = _LOOKS
        async with self._released:
            while refusal := (
                self._refusal(account, cost, await self._recent_spending(account))
                or await self._hold(account, cost)
            ):
                if any(self._reserved.values()):
                    await self._released.wait()
                elif looks and self._fits_alone(account, cost):
                    looks -= 1
                    self._cached = None
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._released.wait(), _LOOK_PAUSE)
                else:
                    raise refusal
            self._reserved[account.job_id] += cost

    def _fits_alone(self, account: Account, cost: float) -> bool:
        """Return whether only calls that other processes have in flight stand in the way: these end soon."""
        if self._cached is None:
            return True
        _, spent = self._cached
        own = {job: amount for job, amount in spent.outstanding.items() if job != ELSEWHERE}
        return self._refusal(account, cost, replace(spent, outstanding=own)) is None

    async def _hold(self, account: Account, cost: float) -> OverBudget | None:
        """Let other processes know of a call that is to be sent. Return why it may not be, None if it may.

        A cost of 0 renews what they know if that is about to end.
        """
        total = sum(self._reserved.values()) + cost
        if self._daily is None or self._shared.covers(total):
            return None
        async with self._db.write() as tx:
            spent = await self._read_spending_in(tx, account)
            if refusal := self._refusal(account, cost, spent):
                return refusal
            room = self._daily - spent.today - sum(spent.outstanding.values())
            held = min(room, total + _CALLS_AHEAD * cost)
            await self._shared.put(tx, held)
        self._shared.note(held)
        return None

    async def _recent_spending(self, account: Account) -> Spent:
        """Return the spending, read once for all calls of the same moment."""
        if self._cached and self._cached[0] == account:
            spent = self._cached[1]
            if time.monotonic() - spent.read_at <= _CACHE_SECONDS:
                return spent
        spent = await self._read_spending(account)
        self._cached = account, spent
        return spent

    async def _read_spending(self, account: Account) -> Spent:
        async with self._db.read() as tx:
            return await self._read_spending_in(tx, account)

    async def _read_spending_in(self, tx: Transaction, account: Account) -> Spent:
        return await self._reader.read(tx, account.job_id, by_job=account.limit is not None)

    def _refusal(self, account: Account, cost: float, spent: Spent) -> OverBudget | None:
        """Return why a call of this cost may not be sent now; None if it may."""
        reserved = sum(self._reserved.values()) + sum(spent.outstanding.values())
        if self._daily is not None and spent.today + reserved + cost > self._daily:
            return OverBudget(
                "Today's budget of ${budget:.2f} is used up (${spent:.2f} spent). Try again after "
                "midnight UTC, or ask an operator to raise DAILY_BUDGET.",
                budget=self._daily,
                spent=spent.today,
            )
        reserved = self._reserved.get(account.job_id, 0.0) + spent.outstanding.get(account.job_id, 0.0)
        if account.limit is not None and spent.job + reserved + cost > account.limit:
            return OverBudget(
                "The budget of ${budget:.2f} is used up (${spent:.2f} spent). What was written is kept: "
                "run `{/build-dataset}` again with a larger budget, and you pay only for what is missing.",
                budget=account.limit,
                spent=spent.job,
            )
        return None

    def _max_cost(self, account: Account, model: str, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the maximum cost of a call, or 0 if the account has no budget.

        Raises OverBudget if the price is unknown.
        """
        if not self._is_limited(account):
            return 0.0
        price = self.prices.of(model)
        if price is None:
            raise OverBudget(_UNKNOWN, model=model)
        return price.cost(prompt_tokens, completion_tokens)

    def check_price_known(self, model: str, limit: float | None) -> None:
        """Check that a budget can be enforced for a model. Raises OverBudget if its price is unknown."""
        if (self._daily is not None or limit is not None) and self.prices.of(model) is None:
            raise OverBudget(_UNKNOWN, model=model)

    async def remaining(self, account: Account) -> float | None:
        """Return the US dollars that an account may still spend now; None if nothing limits it."""
        if not self._is_limited(account):
            return None
        spent = await self._read_spending(account)
        low, high = 0.0, max(self._daily or 0.0, account.limit or 0.0)
        for _ in range(20):  # bisection, so that _refusal() stays the only place with the rule
            middle = (low + high) / 2
            low, high = (low, middle) if self._refusal(account, middle, spent) else (middle, high)
        return low

    async def check_batch(
        self, account: Account, model: str, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Check that a batch fits; once stored, its row counts as outstanding. Raises OverBudget if not."""
        async with self._db.read() as tx:
            await self.check_batch_within(tx, account, model, prompt_tokens, completion_tokens)

    async def check_batch_within(
        self, tx: Transaction, account: Account, model: str, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Check as check_batch() does, in the transaction that stores the batch's row."""
        self.check_price_known(model, account.limit)
        cost = self.prices.max_batch_cost(model, prompt_tokens, completion_tokens)
        if not (cost and self._is_limited(account)):
            return
        refusal = self._refusal(account, cost, await self._read_spending_in(tx, account))
        if refusal:
            raise refusal

    async def check_training(
        self, account: Account, model: str, tokens: int, *, besides: float = 0.0
    ) -> None:
        """Check that a training over these tokens, and a cost besides, fits. Raises OverBudget if not."""
        async with self._db.read() as tx:
            await self._check_training(tx, account, model, tokens, besides)

    async def check_training_within(
        self, tx: Transaction, account: Account, model: str, tokens: int, *, besides: float = 0.0
    ) -> None:
        """Check as check_training() does, in the transaction that notes the training's start.

        Of two trainings that start at the same time, one counts for the other: transactions that write take
        turns.
        """
        await self._check_training(tx, account, model, tokens, besides)

    async def _check_training(
        self, tx: Transaction, account: Account, model: str, tokens: int, besides: float
    ) -> None:
        if not self._is_limited(account):
            return
        cost = self.prices.training_cost(model, tokens)
        if cost is None:
            raise OverBudget(_UNKNOWN_TRAINING, model=model)
        refusal = self._refusal(account, cost + besides, await self._read_spending_in(tx, account))
        if refusal and cost + besides:
            raise refusal

    def _is_limited(self, account: Account) -> bool:
        return self._daily is not None or account.limit is not None

    async def spent_by(self, job_id: int) -> float:
        """Return the US dollars that a job has spent so far."""
        async with self._db.read() as tx:
            return await spending.get_job_total(tx, job_id)

    @property
    def daily(self) -> float | None:
        """The US dollars that may be spent on a day; None if there is no daily budget."""
        return self._daily

    async def by_day(self, since: str) -> list[DaySpending]:
        """Return what was spent since a day (YYYY-MM-DD, UTC), by day, purpose and model."""
        async with self._db.read() as tx:
            return await spending.list_days(tx, since)

    async def remaining_today(self) -> float | None:
        """Return the US dollars left of today's budget; None if there is no daily budget."""
        if self._daily is None:
            return None
        spent = await self._read_spending(Account("hero"))
        return self._daily - spent.today - sum(spent.outstanding.values())
