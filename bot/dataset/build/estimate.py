"""Forecasts: what a build will ask for, what that costs and how long it takes, before a cent is spent."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from bot.dataset.build.plan import Planner
from bot.llm.prices import Price, Prices
from bot.store import examples
from bot.store.database import Database
from bot.store.examples import Speed, Usage
from bot.store.job_schema import BuildSpec

_CHUNK = 500  # keys looked up at once
_TYPICAL_ANSWER = 130  # tokens of a hundred words


@dataclass(frozen=True, slots=True)
class BuildEstimate:
    """A build's plan in figures. Tokens are those of the missing examples' first answers, an estimate.

    cost is in US dollars, None where the price is unknown; seconds None where nothing is known of the model's
    speed; limited says that it is the server's rate limit that decides.
    """

    slots: int
    cached: int
    prompt_tokens: int
    completion_tokens: int
    price: Price | None
    cost: float | None
    seconds: float | None
    limited: bool

    @property
    def missing(self) -> int:
        return self.slots - self.cached


class BuildEstimator:
    """Counts, prices and times builds from what is cached and what was seen of the model before."""

    def __init__(self, db: Database, planner: Planner, prices: Prices) -> None:
        self._db = db
        self._planner = planner
        self._prices = prices

    async def estimate(self, spec: BuildSpec) -> BuildEstimate:
        """Raises UserError where the build is of a senseless size."""
        slots = self._planner.size(spec)
        cached = await self._cached(spec)
        async with self._db.read() as tx:
            usage = await examples.get_usage(tx, spec.model) or self._typical(spec)
            speed = await examples.get_speed(tx, spec.model)
        missing = slots - cached
        prompt_tokens = round(missing * usage.prompt_tokens)
        completion_tokens = round(missing * usage.completion_tokens)
        price = self._prices.of(spec.model)
        seconds, limited = _wait(speed, missing, prompt_tokens + completion_tokens)
        return BuildEstimate(
            slots,
            cached,
            prompt_tokens,
            completion_tokens,
            price,
            price.cost(prompt_tokens, completion_tokens, batch=spec.batch) if price else None,
            None if spec.batch else seconds,
            limited,
        )

    async def _cached(self, spec: BuildSpec) -> int:
        """For how many slots a first answer is there."""
        found = 0
        keys = self._first_keys(spec)
        # thousands of hashes are no work for the event loop
        while chunk := await asyncio.to_thread(lambda: list(islice(keys, _CHUNK))):
            async with self._db.read() as tx:
                found += await examples.count_answered(tx, chunk)
        return found

    def _first_keys(self, spec: BuildSpec) -> Iterator[str]:
        return (self._planner.question(spec, slot, 0)[0].key for slot in self._planner.slots(spec))

    def _typical(self, spec: BuildSpec) -> Usage:
        """What an answer will take, where the model has given none yet."""
        asked, at_most = self.at_most(spec)
        return Usage(asked, min(at_most, _TYPICAL_ANSWER))

    def at_most(self, spec: BuildSpec) -> tuple[int, int]:
        """Tokens that one call may use: of the question and of the answer."""
        return self._planner.any_question(spec).token_estimate


def _wait(speed: Speed | None, calls: int, tokens: int) -> tuple[float | None, bool]:
    """Seconds for so many calls and tokens, and whether the server's limits decide them."""
    if speed is None:
        return None, False
    by_limits = max(
        calls / speed.requests if speed.requests else 0.0, tokens / speed.tokens if speed.tokens else 0.0
    )
    by_speed = calls / speed.answers
    return max(by_limits, by_speed), by_limits > by_speed * 0.8
