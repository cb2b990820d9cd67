"""Forecasts: what a fine-tuning will take, before it is ordered."""

from dataclasses import dataclass

from bot.errors import UserError
from bot.llm.prices import Price, Prices
from bot.registry.availability import ModelAvailability
from bot.registry.registry import Registry
from bot.store import datasets, jobs
from bot.store.database import Database, Transaction
from bot.store.datasets import Dataset, DatasetKind
from bot.store.job_schema import FinetuneResult, FinetuneSpec, Method
from bot.tuning.providers import Provider

MOST_EPOCHS = 10

KINDS: dict[Method, DatasetKind] = {"supervised": "sft", "dpo": "preference"}

_CHARACTERS = 4  # of English in a token, about
_TURNS = 10  # tokens of a chat's own marks


@dataclass(frozen=True, slots=True)
class TuningEstimate:
    """A fine-tuning's plan in figures; tokens are those of one epoch, an estimate.

    epochs is what the server usually chooses where the order leaves it open; price and cost (US dollars) are
    None where unknown, cost also where training has no price; seconds None where nothing is known of the
    speed; retires_on the base's last day where the server tells; listed whether the server lists the base,
    None where it lists nothing.
    """

    spec: FinetuneSpec
    dataset: Dataset
    provider: Provider
    epochs: int
    tokens: int
    price: Price | None
    cost: float | None
    seconds: float | None
    measured: bool
    retires_on: str | None
    listed: bool | None


class TuningEstimator:
    """Counts, prices and times trainings from the dataset and from what was seen of trainings before."""

    def __init__(
        self,
        db: Database,
        provider: Provider,
        prices: Prices,
        registry: Registry,
        availability: ModelAvailability,
        *,
        base: str,
    ) -> None:
        self._db = db
        self._provider = provider
        self._prices = prices
        self._registry = registry
        self._availability = availability
        self._base = base

    async def spec(
        self,
        *,
        dataset: int | None = None,
        base: str | None = None,
        method: Method | None = None,
        epochs: int | None = None,
    ) -> FinetuneSpec:
        """Return what a fine-tuning is to do.

        Left out: the newest dataset of the method's kind, the dataset's method, BASE_MODEL (the live model
        for preference tuning), the server's choice of epochs. Raises UserError if there is no such dataset,
        or the provider does not know the method.
        """
        if epochs is not None and not 1 <= epochs <= MOST_EPOCHS:
            raise UserError("Epochs must lie between 1 and {most_epochs}.", most_epochs=MOST_EPOCHS)
        async with self._db.read() as tx:
            found = await (
                datasets.latest(tx, KINDS[method or "supervised"])
                if dataset is None
                else datasets.get(tx, dataset)
            )
        if found is None:
            raise _no_dataset(dataset, method)
        method = method or ("dpo" if found.kind == "preference" else "supervised")
        if base is None:
            live = await self._registry.live() if method == "dpo" else None
            base = live.name if live else self._base
        if method not in self._provider.methods:
            raise UserError(
                "Preference tuning is not known to {name}. Leave the method out, or train elsewhere.",
                name=self._provider.called,
            )
        return FinetuneSpec(dataset=found.id, base=base, epochs=epochs, method=method)

    async def estimate(self, spec: FinetuneSpec) -> TuningEstimate:
        """Raises UserError where the dataset is not there, or is of the other method's kind."""
        async with self._db.read() as tx:
            dataset = await _dataset(tx, spec)
            tokens = await _tokens(tx, spec.dataset)
            speed = await self._speed(tx, spec)
        epochs = spec.epochs or self._provider.usual_epochs
        price = self._prices.of(spec.base)
        rate, start = (speed, 0.0) if speed else (self._provider.usual_speed, self._provider.usual_start)
        ends = await self._availability.shutdown_dates()
        return TuningEstimate(
            spec,
            dataset,
            self._provider,
            epochs,
            tokens,
            price,
            None if price is None or price.training is None else tokens * epochs * price.training / 1_000_000,
            start + tokens * epochs / rate if rate else None,
            speed is not None,
            (ends or {}).get(spec.base),
            None if ends is None else spec.base in ends,
        )

    async def _speed(self, tx: Transaction, spec: FinetuneSpec) -> float | None:
        """Trained tokens a second of the newest training of that base and method, start and end included."""
        for job in await jobs.tuned(tx):
            done, result = job.spec_as(FinetuneSpec), job.result_as(FinetuneResult)
            same = (done.base, done.method) == (spec.base, spec.method)
            if same and result.trained_tokens and result.seconds:
                return result.trained_tokens / result.seconds
        return None


def _no_dataset(version: int | None, method: Method | None) -> UserError:
    if version is not None:
        return UserError(
            "There is no dataset v{version}. Make one with /build-dataset, then run /finetune again.",
            version=version,
        )
    if method == "dpo":
        return UserError(
            "There is no dataset of rated pairs yet: they come from what people vote. Leave the method out."
        )
    return UserError("There is no dataset yet. Make one with /build-dataset, then run /finetune again.")


async def usable(tx: Transaction, version: int) -> Dataset:
    """A dataset that may train. Raises UserError where there is none, or a text of it was deleted."""
    found = await datasets.get(tx, version)
    if found is None:
        raise UserError("There is no dataset v{version}. Make one with /build-dataset.", version=version)
    if found.rebuild:
        raise UserError(
            "A text of dataset v{version} was deleted at the wish of the person who had asked "
            "for it, so nothing is trained on it any more. Make a new one with /build-dataset; "
            "examples stay cached.",
            version=version,
        )
    return found


async def _dataset(tx: Transaction, spec: FinetuneSpec) -> Dataset:
    found = await usable(tx, spec.dataset)
    if found.kind != KINDS[spec.method]:
        if spec.method == "dpo":
            raise UserError(
                "Dataset v{id} holds single texts. Preference tuning learns from pairs that people "
                "rated: leave the method out, or name a dataset of pairs.",
                id=found.id,
            )
        raise UserError("Dataset v{id} holds pairs: tune on it with the method dpo.", id=found.id)
    return found


async def _tokens(tx: Transaction, version: int) -> int:
    """About how many tokens one epoch reads."""
    texts, characters = await datasets.learnt(tx, version)
    return characters // _CHARACTERS + texts * _TURNS
