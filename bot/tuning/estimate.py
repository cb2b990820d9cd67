"""Choose what a fine-tuning is to do, and estimate its tokens, cost and time before it is confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import UserError
from bot.i18n.message import mark
from bot.llm.prices import Price, Prices
from bot.registry.availability import ModelAvailability
from bot.registry.registry import Registry
from bot.store import datasets, jobs, model_answers, models
from bot.store.database import Database, Transaction
from bot.store.datasets import Dataset, DatasetKind
from bot.store.job_schema import FinetuneResult, FinetuneSpec, Method
from bot.store.jobs import Job
from bot.store.models import Model
from bot.tuning.gate import Gate
from bot.tuning.providers import Provider
from bot.tuning.remote_api import FineTuningApi, PlannedWeights

MAX_EPOCHS = 10

DATASET_KINDS: dict[Method, DatasetKind] = {"supervised": "sft", "dpo": "preference", "kto": "thumbs"}
_METHODS: dict[DatasetKind, Method] = {kind: method for method, kind in DATASET_KINDS.items()}

_CHARACTERS_PER_TOKEN = 4  # of English, roughly
_CHAT_TOKENS = 10  # of a chat's own markup, a text


@dataclass(frozen=True, slots=True)
class CheckEstimate:
    """What the check of the new model takes: the number of texts (0: it is not checked), cost and seconds.

    cost is in US dollars; both are None if unknown.
    """

    texts: int = 0
    cost: float | None = 0.0
    seconds: float | None = 0.0


@dataclass(frozen=True, slots=True)
class TuningEstimate:
    """A fine-tuning's plan in figures; tokens estimates those of one epoch.

    tuned_from is the base if it was tuned here, None if not. epochs is the spec's, or the provider's usual
    number. price and cost (US dollars) are None if unknown, cost also if training has no price. seconds is
    None if the speed is unknown, and covers the check as far as its time is known; measured tells whether it
    comes from a training here. weights is what the training changes, None if the server does not say it;
    serves_adapters tells whether the server that answers loads nothing else. retires_on is the base's last
    day, if the server announces one. listed tells whether the server lists the base, None if it lists
    nothing. trained_before is the newest model that was trained on this dataset from this base, None if there
    is none. largest is the trainable dataset of this kind with the most texts to learn from.
    """

    spec: FinetuneSpec
    tuned_from: Model | None
    dataset: Dataset
    provider: Provider
    epochs: int
    tokens: int
    price: Price | None
    cost: float | None
    check: CheckEstimate
    seconds: float | None
    measured: bool
    weights: PlannedWeights | None
    serves_adapters: bool
    retires_on: str | None
    listed: bool | None
    trained_before: Model | None
    largest: Dataset


class TuningEstimator:
    """Estimates trainings from the dataset, the prices, and the speed of earlier trainings."""

    def __init__(
        self,
        db: Database,
        api: FineTuningApi,
        prices: Prices,
        registry: Registry,
        availability: ModelAvailability,
        gate: Gate | None,
        *,
        base: str,
        serves_adapters: bool,
    ) -> None:
        """gate: None if new models are not checked."""
        self._db = db
        self._api = api
        self._provider = api.provider
        self._serves_adapters = serves_adapters
        self._prices = prices
        self._registry = registry
        self._availability = availability
        self._gate = gate
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
        for what people voted on), the server's choice of epochs. Raises UserError if there is no such
        dataset, or the provider does not know the method.
        """
        if epochs is not None and not 1 <= epochs <= MAX_EPOCHS:
            raise UserError(
                "Epochs (rounds through all texts) must be between 1 and {most_epochs}.",
                most_epochs=MAX_EPOCHS,
            )
        async with self._db.read() as tx:
            found = await (
                datasets.get_latest(tx, DATASET_KINDS[method or "supervised"])
                if dataset is None
                else datasets.get(tx, dataset)
            )
        if found is None:
            raise _no_dataset(dataset, method)
        method = method or _METHODS[found.kind]
        if base is None:
            live = None if method == "supervised" else await self._registry.live()
            base = live.name if live else self._base
        if method not in self._provider.methods:
            raise UserError(_UNKNOWN_METHOD[method], name=self._provider.display_name)
        return FinetuneSpec(dataset=found.id, base=base, epochs=epochs, method=method)

    async def estimate(self, spec: FinetuneSpec) -> TuningEstimate:
        """Estimate a fine-tuning.

        Raises UserError if there is no such dataset, it is of the other method's kind, or the server cannot
        train the base as the settings want it.
        """
        async with self._db.read() as tx:
            dataset = await _dataset(tx, spec)
            tokens = await _epoch_tokens(tx, spec.dataset)
            done = await jobs.succeeded_trainings(tx)
            trained_before = await models.newest_trained_on(tx, spec.dataset, spec.base)
            largest = await datasets.get_largest(tx, dataset.kind)
        pace = self._measured_pace(done, spec)
        start, rate = pace or (self._provider.typical_start, self._provider.typical_speed)
        check = await self._check(spec, done)
        epochs = spec.epochs or self._provider.default_epochs
        price = self._prices.of(spec.base)
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
            check,
            start + tokens * epochs / rate + (check.seconds or 0.0) if rate else None,
            pace is not None,
            await self._api.planned_weights(spec.base),
            self._serves_adapters,
            (shutdown_dates or {}).get(spec.base),
            None if shutdown_dates is None else spec.base in shutdown_dates,
            trained_before,
            largest or dataset,
        )

    def _measured_pace(self, done: Sequence[Job], spec: FinetuneSpec) -> tuple[float, float] | None:
        """Return the seconds before the first step, and trained tokens a second from then on.

        Both are those of the newest training of that base and method. Not told apart, a small training, which
        is mostly start, would make a large one seem slow.
        """
        for job in done:
            before, result = job.spec_as(FinetuneSpec), job.result
            if (before.base, before.method) != (spec.base, spec.method):
                continue
            if isinstance(result, FinetuneResult) and result.trained_tokens and result.seconds:
                start, training = _durations(result, self._provider.typical_start)
                return start, result.trained_tokens / training
        return None

    async def _check(self, spec: FinetuneSpec, done: Sequence[Job]) -> CheckEstimate:
        """Estimate the check of the new model: its texts, and those of the live one that were never read."""
        if self._gate is None:
            return CheckEstimate()
        texts = await self._gate.count_questions()
        price = self._prices.of(f"ft:{spec.base}") or self._prices.of(spec.base)
        async with self._db.read() as tx:
            tokens = await model_answers.get_average_tokens(tx) or self._gate.most_tokens
        measured = (job.result for job in done if isinstance(job.result, FinetuneResult))
        paces = (each.reading_seconds / each.read for each in measured if each.reading_seconds and each.read)
        pace = next(paces, self._provider.typical_answer)
        return CheckEstimate(
            texts,
            None if price is None else texts * price.cost(*map(round, tokens)),
            None if pace is None else texts * pace,
        )


def _durations(result: FinetuneResult, typical_start: float) -> tuple[float, float]:
    """Return the seconds before a training's first step, and those of its steps."""
    if result.start_seconds is not None and result.training_seconds:
        return result.start_seconds, result.training_seconds
    start = min(typical_start, result.seconds / 2)  # of a row that does not tell them apart
    return start, result.seconds - start


_UNKNOWN_METHOD: dict[Method, str] = {
    "dpo": mark("{name} cannot train on pairs. Leave the method out, or train elsewhere."),
    "kto": mark(
        "Only the embedded engine trains on single texts that were liked or voted down (kto), and {name} "
        "does not. Leave the method out, or leave OPENAI_API_KEY and OPENAI_BASE_URL empty to train on this "
        "machine."
    ),
}


def _no_dataset(version: int | None, method: Method | None) -> UserError:
    if version is not None:
        return UserError(
            "There is no dataset v{version}. Make one with `{/build-dataset}`, then run `{/finetune}` again.",
            version=version,
        )
    if method == "dpo":
        return UserError(
            "There is no dataset of pairs yet. Pairs come from votes: make one with `{/build-dataset "
            "kind:preference}`, or leave the method out."
        )
    if method == "kto":
        return UserError(
            "There is no dataset of texts that were liked or voted down yet. Make one of the thumbs with "
            "`{/build-dataset kind:thumbs}`, or leave the method out."
        )
    return UserError(
        "There is no dataset yet. Make one with `{/build-dataset source:shipped}`, in seconds, of the texts "
        "that come with the bot; or with `{/build-dataset}`, for which a model writes new ones. Then run "
        "`{/finetune}` again."
    )


async def trainable_dataset(tx: Transaction, version: int) -> Dataset:
    """Return a dataset to train on. Raises UserError if there is none, or a text of it was deleted."""
    found = await datasets.get(tx, version)
    if found is None:
        raise UserError("There is no dataset v{version}. Make one with `{/build-dataset}`.", version=version)
    if found.rebuild:
        raise UserError(
            "A text of dataset v{version} was deleted because the person who had asked for it wanted "
            "that, so no model is trained on it any more. Run `{/build-dataset}` again; the examples are "
            "still there.",
            version=version,
        )
    return found


async def _dataset(tx: Transaction, spec: FinetuneSpec) -> Dataset:
    found = await trainable_dataset(tx, spec.dataset)
    if found.kind != DATASET_KINDS[spec.method]:
        raise UserError(_wrong_kind(found.kind, spec.method), id=found.id)
    return found


def _wrong_kind(kind: DatasetKind, method: Method) -> str:
    """Return what to say of a dataset of another kind than the method's."""
    if kind == "preference":
        return mark("Dataset v{id} holds pairs: train on it with the method dpo.")
    if kind == "thumbs":
        return mark(
            "Dataset v{id} holds texts that people liked or voted down: train on it with the method kto."
        )
    if method == "dpo":
        return mark(
            "Dataset v{id} holds single texts, and the method dpo learns from pairs that people voted"
            " on: leave the method out, or name a dataset of pairs."
        )
    return mark(
        "Dataset v{id} holds texts to learn from, and the method kto learns from others that were voted "
        "down, too: leave the method out, or name a dataset of thumbs."
    )


async def _epoch_tokens(tx: Transaction, version: int) -> int:
    """Estimate the tokens of one epoch."""
    return estimate_tokens(*await datasets.count_learnt(tx, version))


def estimate_tokens(texts: int, characters: int) -> int:
    """Estimate the tokens of English texts, as a model reads them, from their characters with prompts."""
    return characters // _CHARACTERS_PER_TOKEN + texts * _CHAT_TOKENS
