"""Choose what a fine-tuning is to do, and estimate its tokens, cost and time before it is confirmed."""

from dataclasses import dataclass

from bot.errors import UserError
from bot.llm.prices import Price, Prices
from bot.registry.availability import ModelAvailability
from bot.registry.registry import Registry
from bot.store import datasets, jobs
from bot.store.database import Database, Transaction
from bot.store.datasets import Dataset, DatasetKind
from bot.store.job_schema import FinetuneResult, FinetuneSpec, Method
from bot.store.models import Model
from bot.tuning.providers import Provider
from bot.tuning.remote_api import FineTuningApi, PlannedWeights

MAX_EPOCHS = 10

DATASET_KINDS: dict[Method, DatasetKind] = {"supervised": "sft", "dpo": "preference"}

_CHARACTERS_PER_TOKEN = 4  # of English, roughly
_CHAT_TOKENS = 10  # of a chat's own markup, a text


@dataclass(frozen=True, slots=True)
class TuningEstimate:
    """A fine-tuning's plan in figures; tokens estimates those of one epoch.

    epochs is the spec's, or the provider's usual number. price and cost (US dollars) are None if unknown,
    cost also if training has no price. seconds is None if the speed is unknown; measured tells whether it
    comes from a training here. weights is what the training changes, None if the server does not say it;
    serves_adapters tells whether the server that answers loads nothing else. tuned_from is the base if it was
    tuned here, None if not. retires_on is the base's last day, if the server announces one. listed tells
    whether the server lists the base, None if it lists nothing.
    """

    spec: FinetuneSpec
    tuned_from: Model | None
    dataset: Dataset
    provider: Provider
    epochs: int
    tokens: int
    price: Price | None
    cost: float | None
    seconds: float | None
    measured: bool
    weights: PlannedWeights | None
    serves_adapters: bool
    retires_on: str | None
    listed: bool | None


class TuningEstimator:
    """Estimates trainings from the dataset, the prices, and the speed of earlier trainings."""

    def __init__(
        self,
        db: Database,
        api: FineTuningApi,
        prices: Prices,
        registry: Registry,
        availability: ModelAvailability,
        *,
        base: str,
        serves_adapters: bool,
    ) -> None:
        self._db = db
        self._api = api
        self._provider = api.provider
        self._serves_adapters = serves_adapters
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
        if epochs is not None and not 1 <= epochs <= MAX_EPOCHS:
            raise UserError("Epochs must lie between 1 and {most_epochs}.", most_epochs=MAX_EPOCHS)
        async with self._db.read() as tx:
            found = await (
                datasets.get_latest(tx, DATASET_KINDS[method or "supervised"])
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
                name=self._provider.display_name,
            )
        return FinetuneSpec(dataset=found.id, base=base, epochs=epochs, method=method)

    async def estimate(self, spec: FinetuneSpec) -> TuningEstimate:
        """Estimate a fine-tuning.

        Raises UserError if there is no such dataset, it is of the other method's kind, or the server cannot
        train the base as the settings want it.
        """
        async with self._db.read() as tx:
            dataset = await _dataset(tx, spec)
            tokens = await _epoch_tokens(tx, spec.dataset)
            speed = await self._speed(tx, spec)
        epochs = spec.epochs or self._provider.default_epochs
        price = self._prices.of(spec.base)
        rate, start = (speed, 0.0) if speed else (self._provider.typical_speed, self._provider.typical_start)
        shutdown_dates = await self._availability.shutdown_dates()
        return TuningEstimate(
            spec,
            await self._registry.by_name(spec.base),
            dataset,
            self._provider,
            epochs,
            tokens,
            price,
            None if price is None or price.training is None else tokens * epochs * price.training / 1_000_000,
            start + tokens * epochs / rate if rate else None,
            speed is not None,
            await self._api.planned_weights(spec.base),
            self._serves_adapters,
            (shutdown_dates or {}).get(spec.base),
            None if shutdown_dates is None else spec.base in shutdown_dates,
        )

    async def _speed(self, tx: Transaction, spec: FinetuneSpec) -> float | None:
        """Return trained tokens a second, with overhead, of the newest training of that base and method."""
        for job in await jobs.succeeded_trainings(tx):
            done, result = job.spec_as(FinetuneSpec), job.result
            if (done.base, done.method) != (spec.base, spec.method) or not isinstance(result, FinetuneResult):
                continue
            if result.trained_tokens and result.seconds:
                return result.trained_tokens / result.seconds
        return None


def _no_dataset(version: int | None, method: Method | None) -> UserError:
    if version is not None:
        return UserError(
            "There is no dataset v{version}. Make one with {/build-dataset}, then run {/finetune} again.",
            version=version,
        )
    if method == "dpo":
        return UserError(
            "There is no dataset of rated pairs yet: they come from what people vote. Leave the method out."
        )
    return UserError("There is no dataset yet. Make one with {/build-dataset}, then run {/finetune} again.")


async def trainable_dataset(tx: Transaction, version: int) -> Dataset:
    """Return a dataset to train on. Raises UserError if there is none, or a text of it was deleted."""
    found = await datasets.get(tx, version)
    if found is None:
        raise UserError("There is no dataset v{version}. Make one with {/build-dataset}.", version=version)
    if found.rebuild:
        raise UserError(
            "A text of dataset v{version} was deleted at the wish of the person who had asked "
            "for it, so nothing is trained on it any more. Make a new one with {/build-dataset}; "
            "examples stay cached.",
            version=version,
        )
    return found


async def _dataset(tx: Transaction, spec: FinetuneSpec) -> Dataset:
    found = await trainable_dataset(tx, spec.dataset)
    if found.kind != DATASET_KINDS[spec.method]:
        if spec.method == "dpo":
            raise UserError(
                "Dataset v{id} holds single texts. Preference tuning learns from pairs that people "
                "rated: leave the method out, or name a dataset of pairs.",
                id=found.id,
            )
        raise UserError("Dataset v{id} holds pairs: tune on it with the method dpo.", id=found.id)
    return found


async def _epoch_tokens(tx: Transaction, version: int) -> int:
    """Estimate the tokens of one epoch."""
    texts, characters = await datasets.count_learnt(tx, version)
    return characters // _CHARACTERS_PER_TOKEN + texts * _CHAT_TOKENS
