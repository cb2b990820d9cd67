"""Estimate a build's calls, tokens, cost and time before it starts."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from bot.dataset.build.first_texts import FirstTexts
from bot.dataset.build.pace import START_SECONDS, default_speed
from bot.dataset.build.plan import Planner
from bot.dataset.build.ranked_texts import RankedPlan
from bot.llm.prices import Price, Prices
from bot.store import examples
from bot.store.database import Database
from bot.store.examples import Speed, Usage
from bot.store.job_schema import BuildSpec

_CHUNK_SIZE = 500  # keys per query
_TYPICAL_ANSWER_TOKENS = 130  # of a hundred words


@dataclass(frozen=True, slots=True)
class BuildEstimate:
    """The estimate of a build. Tokens are those of the first answers of the missing examples.

    cost is in US dollars, None if the price is unknown. seconds is None if the model's speed is unknown;
    measured tells whether it was measured here. limited tells whether the server's rate limit, and not its
    speed, decides the time. first_texts counts the texts of the first dataset that are taken in, by origin.
    ranked: what the ranker would add; None if it was not ordered.
    """

    slots: int
    cached: int
    prompt_tokens: int
    completion_tokens: int
    price: Price | None
    cost: float | None
    seconds: float | None
    limited: bool
    measured: bool = True
    first_texts: Mapping[str, int] = field(default_factory=dict)
    ranked: RankedPlan | None = None

    @property
    def missing(self) -> int:
        return self.slots - self.cached


class BuildEstimator:
    """Estimate builds from the cached examples and the model's earlier usage and speed."""

    def __init__(self, db: Database, planner: Planner, prices: Prices, first_texts: FirstTexts) -> None:
        self._db = db
        self._planner = planner
        self._prices = prices
        self.first_texts = first_texts

    async def estimate(self, spec: BuildSpec) -> BuildEstimate:
        """Return the estimate.

        Raises UserError if the build is too small or too large, or the first dataset has mistakes.
        """
        first_texts = await self.first_texts.count(spec)
        if spec.source == "shipped":
            return BuildEstimate(0, 0, 0, 0, None, 0.0, None, limited=False, first_texts=first_texts)
        slots = self._planner.size(spec)
        cached = await self._count_cached(spec)
        async with self._db.read() as tx:
            usage = await examples.get_usage(tx, spec.model) or self._typical_usage(spec)
            measured = await examples.get_speed(tx, spec.model)
        missing = slots - cached
        prompt_tokens = round(missing * usage.prompt_tokens)
        completion_tokens = round(missing * usage.completion_tokens)
        price = self._prices.of(spec.model)
        speed = measured or default_speed(spec.model)
        seconds, limited = _estimate_seconds(
            speed, missing * usage.attempts, (prompt_tokens + completion_tokens) * usage.attempts
        )
        start = START_SECONDS if spec.small and missing else 0.0
        return BuildEstimate(
            slots,
            cached,
            prompt_tokens,
            completion_tokens,
            price,
            price.cost(prompt_tokens, completion_tokens, batch=spec.batch) if price else None,
            None if spec.batch or seconds is None else start + seconds,
            limited,
            measured=measured is not None,
            first_texts=first_texts,
        )

    async def _count_cached(self, spec: BuildSpec) -> int:
        """Return for how many slots the first answer is cached."""
        count = 0
        keys = self._first_keys(spec)
        # in a thread: thousands of hashes would block the event loop
        while chunk := await asyncio.to_thread(lambda: list(islice(keys, _CHUNK_SIZE))):
            async with self._db.read() as tx:
                count += await examples.count_answered(tx, chunk)
        return count

    def _first_keys(self, spec: BuildSpec) -> Iterator[str]:
        return (self._planner.question(spec, slot, 0)[0].key for slot in self._planner.slots(spec))

    def _typical_usage(self, spec: BuildSpec) -> Usage:
        """Return the expected usage of a call to a model without earlier answers."""
        prompt_tokens, max_completion_tokens = self.max_tokens_per_call(spec)
        return Usage(prompt_tokens, min(max_completion_tokens, _TYPICAL_ANSWER_TOKENS))

    def max_tokens_per_call(self, spec: BuildSpec) -> tuple[int, int]:
        """Return the maximum of prompt and completion tokens of one call."""
        return self._planner.sample_question(spec).token_estimate


def _estimate_seconds(speed: Speed | None, calls: float, tokens: float) -> tuple[float | None, bool]:
    """Return the seconds for so many calls and tokens, and whether the server's rate limits decide them."""
    if speed is None:
        return None, False
    by_limits = max(
        calls / speed.requests if speed.requests else 0.0, tokens / speed.tokens if speed.tokens else 0.0
    )
    by_speed = calls / speed.answers
    return max(by_limits, by_speed), by_limits > by_speed * 0.8
