"""The budget: no paid call goes out that could exceed the day's, or its job's own."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.errors import OverBudget
from bot.i18n.message import mark
from bot.llm.prices import Prices
from bot.store import batches, jobs, spending
from bot.store.database import Database, Transaction
from bot.store.spending import Purpose

_UNKNOWN = mark(
    "The price of {model} is unknown, so no budget can be kept for it. "
    "An operator must add it to data/prices.toml."
)
_UNKNOWN_TRAINING = mark(
    "What training {model} costs is unknown, so no budget can be kept for it. "
    "An operator must add `training` to its price in data/prices.toml."
)
_MOMENT = 0.2  # seconds for which what was read of spending holds, as far as others spend it
_BATCH_LIFE = 2 * 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays: a purpose, and a job with its own limit in US dollars where there is one."""

    purpose: Purpose
    job_id: int = 0
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What calls used: who pays, which model, and how many tokens."""

    account: Account
    model: str
    prompt_tokens: int
    completion_tokens: int
    calls: int = 1


@dataclass(frozen=True, slots=True)
class _Spent:
    """What counts against an account's budgets, in US dollars, as the database had it at a moment.

    out_of is by job: what batches and trainings that are out may cost at most.
    """

    account: Account
    at: float
    today: float
    job: float
    out_of: dict[int, float]


class Budget:
    """Holds back for each call the most that it may cost, and books what it did cost.

    daily is the installation's limit for a day (UTC) in US dollars, None for none. What another process of
    the installation has in the air at this moment is known only when it is booked.
    """

    def __init__(self, db: Database, prices: Prices, *, daily: float | None) -> None:
        self._db = db
        self._prices = prices
        self._daily = daily
        self._held: dict[int, float] = defaultdict(float)  # by job
        self._released = asyncio.Condition()
        self._known: _Spent | None = None  # until a call of ours is booked, or for a moment

    @asynccontextmanager
    async def reserve(
        self, account: Account, model: str, prompt_tokens: int, completion_tokens: int, *, batch: bool = False
    ) -> AsyncIterator[None]:
        """Hold the most that a call may cost until the block ends.

        Raises OverBudget where it does not fit in.
        """
        most = self._most(account, model, prompt_tokens, completion_tokens, batch=batch)
        if most == 0:
            yield
            return
        await self._hold(account, most)
        try:
            yield
        finally:
            async with self._released:
                self._known = None
                self._held[account.job_id] -= most
                if abs(self._held[account.job_id]) < most / 1000:  # what rounding leaves holds nothing
                    del self._held[account.job_id]
                self._released.notify_all()

    async def _hold(self, account: Account, most: float) -> None:
        """Wait until what is held by others shows whether this fits in, too; then hold it."""
        async with self._released:
            while refusal := self._refusal(account, most, await self._spent_lately(account)):
                if not any(self._held.values()):
                    raise refusal
                await self._released.wait()
            self._held[account.job_id] += most

    async def _spent_lately(self, account: Account) -> "_Spent":
        """What was spent, read once for all who ask at the same moment."""
        known = self._known
        if known is None or known.account != account or time.monotonic() - known.at > _MOMENT:
            known = self._known = await self._spent(account)
        return known

    async def _spent(self, account: Account) -> "_Spent":
        at = time.monotonic()
        async with self._db.read() as tx:
            today = await spending.of_day(tx, _today())
            job = await spending.of_job(tx, account.job_id) if account.limit is not None else 0.0
            out = await batches.out(tx)
            trainings = await jobs.remote_trainings(tx)
        out_of: dict[int, float] = defaultdict(float)
        for each in out:  # a batch is answered within a day: an older one costs nothing more
            if time.time() - each.at < _BATCH_LIFE:
                cost = self.max_batch_cost(each.model, each.prompt_tokens, each.completion_tokens)
                out_of[each.job_id] += cost
        for training in trainings:
            if training.cost == 0 and training.id != account.job_id:  # not booked yet
                spec = training.spec
                out_of[training.id] += self._training_cost(spec["base"], spec.get("tokens", 0)) or 0.0
        return _Spent(account, at, today, job, out_of)

    def _refusal(self, account: Account, most: float, spent: "_Spent") -> OverBudget | None:
        """Why a call of such a cost may not go out now; None where it may."""
        held = sum(self._held.values()) + sum(spent.out_of.values())
        if self._daily is not None and spent.today + held + most > self._daily:
            return OverBudget(
                "Today's budget of ${budget:.2f} is used up (${spent:.2f} spent). "
                "It begins anew at midnight UTC; an operator may raise DAILY_BUDGET.",
                budget=self._daily,
                spent=spent.today,
            )
        held = self._held.get(account.job_id, 0.0) + spent.out_of.get(account.job_id, 0.0)
        if account.limit is not None and spent.job + held + most > account.limit:
            return OverBudget(
                "The budget of ${budget:.2f} is used up (${spent:.2f} spent). What was written "
                "is kept: order it again with a larger budget, and only what is missing is paid for.",
                budget=account.limit,
                spent=spent.job,
            )
        return None

    def _most(
        self, account: Account, model: str, prompt_tokens: int, completion_tokens: int, *, batch: bool
    ) -> float:
        """The most that a call may cost, 0 where there is no budget to keep.

        Raises OverBudget where nobody knows.
        """
        if not self._bounded(account):
            return 0.0
        price = self._prices.of(model)
        if price is None:
            raise OverBudget(_UNKNOWN, model=model)
        return price.cost(prompt_tokens, completion_tokens, batch=batch)

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What a call cost in US dollars, None where the price is unknown."""
        price = self._prices.of(model)
        return None if price is None else price.cost(prompt_tokens, completion_tokens)

    async def book_all(self, tx: Transaction, charges: Sequence[Charge]) -> list[None]:
        """Note what many calls used, those of one account and model in one go."""
        sums: dict[tuple[Account, str], list[Charge]] = defaultdict(list)
        for each in charges:
            sums[each.account, each.model].append(each)
        for (account, model), alike in sums.items():
            await self.book_within(
                tx,
                account,
                model,
                sum(each.prompt_tokens for each in alike),
                sum(each.completion_tokens for each in alike),
                calls=sum(each.calls for each in alike),
            )
        return [None] * len(charges)

    async def book_within(
        self,
        tx: Transaction,
        account: Account,
        model: str,
        prompt_tokens: int,
        completion_tokens: int,
        *,
        batch: bool = False,
        calls: int = 1,
    ) -> None:
        """Note what calls used, together with what else the transaction writes."""
        price = self._prices.of(model)
        cost = None if price is None else price.cost(prompt_tokens, completion_tokens, batch=batch)
        if cost == 0:
            return
        await spending.add(
            tx,
            day=_today(),
            purpose=account.purpose,
            model=model,
            job_id=account.job_id,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=cost,
            calls=calls,
        )

    def check_price_known(self, model: str, limit: float | None) -> None:
        """See whether a budget can be kept for a model. Raises OverBudget where its price is unknown."""
        if (self._daily is not None or limit is not None) and self._prices.of(model) is None:
            raise OverBudget(_UNKNOWN, model=model)

    def max_batch_cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float:
        """The most that a batch over so many tokens may cost; 0 where the price is unknown."""
        price = self._prices.of(model)
        return price.cost(prompt_tokens, completion_tokens, batch=True) if price else 0.0

    async def remaining(self, account: Account) -> float | None:
        """US dollars that an account may still spend at this moment; None where nothing bounds it."""
        if not self._bounded(account):
            return None
        spent = await self._spent(account)
        low, high = 0.0, max(self._daily or 0.0, account.limit or 0.0)
        for _ in range(20):  # halving: the refusal alone knows all that counts
            middle = (low + high) / 2
            low, high = (low, middle) if self._refusal(account, middle, spent) else (middle, high)
        return low

    async def check_batch(
        self, account: Account, model: str, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """See whether a batch fits in; from then on its row counts. Raises OverBudget where it does not."""
        self.check_price_known(model, account.limit)
        most = self.max_batch_cost(model, prompt_tokens, completion_tokens)
        if not (most and self._bounded(account)):
            return
        refusal = self._refusal(account, most, await self._spent(account))
        if refusal:
            raise refusal

    async def check_training(self, account: Account, model: str, tokens: int) -> None:
        """See whether a training over so many tokens fits in. Raises OverBudget where it does not."""
        if not self._bounded(account):
            return
        most = self._training_cost(model, tokens)
        refusal = (
            OverBudget(_UNKNOWN_TRAINING, model=model)
            if most is None
            else self._refusal(account, most, await self._spent(account))
        )
        if refusal and most != 0:
            raise refusal

    async def book_training(self, account: Account, model: str, tokens: int) -> None:
        """Note a training's tokens, once a job."""
        cost = self._training_cost(model, tokens)
        if cost == 0:
            return
        async with self._db.write() as tx:
            if await spending.has(tx, account.job_id):
                return
            await spending.add(
                tx,
                day=_today(),
                purpose=account.purpose,
                model=model,
                job_id=account.job_id,
                prompt_tokens=tokens,
                completion_tokens=0,
                cost=cost,
            )

    def _training_cost(self, model: str, tokens: int) -> float | None:
        price = self._prices.of(model)
        return None if price is None or price.training is None else tokens * price.training / 1_000_000

    def _bounded(self, account: Account) -> bool:
        return self._daily is not None or account.limit is not None

    async def spent_by(self, job_id: int) -> float:
        """US dollars that a job has spent so far."""
        async with self._db.read() as tx:
            return await spending.of_job(tx, job_id)

    async def remaining_today(self) -> float | None:
        """US dollars left of today's budget; None where there is none."""
        if self._daily is None:
            return None
        spent = await self._spent(Account("hero"))
        return self._daily - spent.today - sum(spent.out_of.values())


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
