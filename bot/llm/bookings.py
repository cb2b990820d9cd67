"""Bookings: what calls and trainings cost, added to the sums of their day."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bot.llm.budget import Account
from bot.llm.prices import Prices
from bot.store import spending
from bot.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Charge:
    """What calls used: the account, the model, and the tokens."""

    account: Account
    model: str
    prompt_tokens: int
    completion_tokens: int
    calls: int = 1


class Bookings:
    """Books what was used at the prices of today."""

    def __init__(self, db: Database, prices: Prices) -> None:
        self._db = db
        self._prices = prices

    async def book_all(self, tx: Transaction, charges: Sequence[Charge]) -> list[None]:
        """Book the charges of many calls, added up by account and model."""
        groups: dict[tuple[Account, str], list[Charge]] = defaultdict(list)
        for charge in charges:
            groups[charge.account, charge.model].append(charge)
        for (account, model), group in groups.items():
            await self.book_within(
                tx,
                account,
                model,
                sum(charge.prompt_tokens for charge in group),
                sum(charge.completion_tokens for charge in group),
                calls=sum(charge.calls for charge in group),
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
        """Book what calls used, within the transaction that stores their answers."""
        cost = self._prices.cost(model, prompt_tokens, completion_tokens, batch=batch)
        if cost == 0:
            return
        await spending.add(
            tx,
            day=spending.day_of(time.time()),
            purpose=account.purpose,
            model=model,
            job_id=account.job_id,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cost=cost,
            calls=calls,
        )

    async def book_training(self, account: Account, model: str, tokens: int) -> None:
        """Book a training's tokens, once per job."""
        cost = self._prices.training_cost(model, tokens)
        if cost == 0:
            return

        async def book(tx: Transaction) -> None:
            if await spending.has_booking(tx, account.job_id):
                return
            await spending.add(
                tx,
                day=spending.day_of(time.time()),
                purpose=account.purpose,
                model=model,
                job_id=account.job_id,
                prompt_tokens=tokens,
                completion_tokens=0,
                cost=cost,
            )

        await self._db.write_when_free(book)
