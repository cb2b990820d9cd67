"""Training objectives: supervised cross-entropy, preferences of pairs (DPO) and of lone texts (KTO).

Imports torch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Protocol, TypeVar

import torch
from torch.nn.functional import logsigmoid

from engine import hyperparameters
from engine.tokens import Encoded
from engine.training.trainable_model import TrainableModel
from engine.training.worker_group import ALONE, WorkerGroup

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True)
class Pair:
    """Two completions of one prompt; `reference_margin` is the margin (nats) before the training."""

    preferred: Encoded
    rejected: Encoded
    reference_margin: float = 0.0


@dataclass(frozen=True)
class Judged:
    """A text that is wanted or not, and one that answers its prompt with what another text says.

    The references are their log-probabilities (nats) before the training.
    """

    text: Encoded
    mismatched: Encoded
    reference: float = 0.0
    mismatched_reference: float = 0.0


class Objective(Protocol[T_contra]):
    """A loss that is a sum over the parts of a batch, divided by the batch's weight."""

    def prepare(self, examples: Iterable[Sequence[Encoded]]) -> list[Any]:
        """Return what to train on, given the texts of each example."""

    def begin(self, batch: Sequence[T_contra]) -> None:
        """Measure what the parts' losses need to know of the whole batch; call it before them."""

    def token_count(self, example: T_contra) -> int:
        """Return how many tokens the model reads for an example."""

    def padded_length(self, example: T_contra) -> int:
        """Return how many tokens an example takes after its texts are padded to the same length."""

    def weight(self, batch: Sequence[T_contra]) -> float:
        """Return the divisor of a batch's summed loss."""

    def loss(self, part: Sequence[T_contra]) -> torch.Tensor:
        """Return the summed loss of a part of a batch, a scalar."""


class SupervisedObjective(Objective[Encoded]):
    """Cross-entropy (nats) per token of the loss mask."""

    def __init__(self, model: TrainableModel) -> None:
        self._model = model

    def prepare(self, examples: Iterable[Sequence[Encoded]]) -> list[Encoded]:
        return [text for texts in examples for text in texts]

    def token_count(self, example: Encoded) -> int:
        return len(example.ids)

    def padded_length(self, example: Encoded) -> int:
        return len(example.ids)

    def begin(self, batch: Sequence[Encoded]) -> None:
        """Do nothing: each part knows what it needs."""

    def weight(self, batch: Sequence[Encoded]) -> float:
        return sum(map(_learned_tokens, batch))

    def loss(self, part: Sequence[Encoded]) -> torch.Tensor:
        return -self._model.log_probs(part).sum()


class PreferenceObjective(Objective[Pair]):
    """Direct preference optimization (Rafailov et al. 2023, arXiv:2305.18290), sigmoid loss.

    By itself it may make both texts of a pair less likely. So the loss of the preferred one, in nats per
    learned token, is added with a weight, as by Pang et al. 2024 (arXiv:2404.19733); TRL's `rpo_alpha`.
    """

    def __init__(
        self,
        model: TrainableModel,
        beta: float,
        supervised_weight: float = 0.0,
        *,
        workers: WorkerGroup = ALONE,
    ) -> None:
        """Train `model`; a larger `beta` keeps it closer to the model it starts from.

        The `workers` share the measurement of the references.
        """
        self._model = model
        self._workers = workers
        self._beta = beta
        self._supervised_weight = supervised_weight

    @torch.no_grad()
    def prepare(self, examples: Iterable[Sequence[Encoded]]) -> list[Pair]:
        """Return the pairs with their reference margins; call it before the first step.

        The reference model is `model` as it is now, so no second model is held in memory.
        """
        pairs = [Pair(preferred, rejected) for preferred, rejected in examples]
        lengths = [self.padded_length(pair) for pair in pairs]
        margins = torch.zeros(len(pairs))
        for part in self._workers.micro_batches(
            range(len(pairs)), lengths, hyperparameters.EVALUATION_TOKENS
        ):
            preferred, rejected = self._log_probs([pairs[index] for index in part])
            margins[part] = (preferred - rejected).float().cpu()
        self._workers.reduce([margins])
        return [
            replace(pair, reference_margin=margin)
            for pair, margin in zip(pairs, margins.tolist(), strict=True)
        ]

    def token_count(self, example: Pair) -> int:
        return len(example.preferred.ids) + len(example.rejected.ids)

    def padded_length(self, example: Pair) -> int:
        return 2 * max(len(example.preferred.ids), len(example.rejected.ids))

    def begin(self, batch: Sequence[Pair]) -> None:
        """Do nothing: each part knows what it needs."""

    def weight(self, batch: Sequence[Pair]) -> float:
        return len(batch)

    def loss(self, part: Sequence[Pair]) -> torch.Tensor:
        preferred, rejected = self._log_probs(part)
        references = torch.tensor([pair.reference_margin for pair in part], device=preferred.device)
        learned = torch.tensor([_learned_tokens(pair.preferred) for pair in part], device=preferred.device)
        preferences = -logsigmoid(self._beta * (preferred - rejected - references))
        return (preferences - self._supervised_weight * preferred / learned).sum()

    def _log_probs(self, pairs: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the log-probabilities (nats) of the preferred and of the rejected texts, [pairs] each."""
        texts = [pair.preferred for pair in pairs] + [pair.rejected for pair in pairs]
        preferred, rejected = self._model.log_probs(texts).chunk(2)
        return preferred, rejected


class KtoObjective(Objective[Judged]):
    """Kahneman-Tversky optimization (Ethayarajh et al. 2024, arXiv:2402.01306), as TRL's KTOTrainer does it.

    A wanted text is to be likelier than before by more than the model has moved on the whole, an unwanted one
    by less. How far it has moved (KL) is estimated from the texts of a batch with answers of other prompts,
    which nobody judged.
    """

    def __init__(
        self,
        model: TrainableModel,
        beta: float,
        *,
        desirable_weight: float = 1.0,
        undesirable_weight: float = 1.0,
        max_length: int,
        workers: WorkerGroup = ALONE,
    ) -> None:
        """Train `model`; a larger `beta` keeps it closer to the model it starts from.

        The weights are those of wanted and of unwanted texts. Mismatched texts have `max_length` tokens at
        most. The `workers` share the measurement of references and of how far the model has moved.
        """
        self._model = model
        self._workers = workers
        self._beta = beta
        self._weights = {True: desirable_weight, False: undesirable_weight}
        self._max_length = max_length
        self._moved = 0.0  # nats

    @torch.no_grad()
    def prepare(self, examples: Iterable[Sequence[Encoded]]) -> list[Judged]:
        """Return the texts with their references; call it before the first step.

        The reference model is `model` as it is now, so no second model is held in memory.
        """
        texts = [text for text, *_ in examples]
        references = self._all_log_probs(texts)
        mismatched = [text.cut(self._max_length) for text in _mismatched(texts)]
        others = self._all_log_probs(mismatched)
        return list(map(Judged, texts, mismatched, references, others))

    def token_count(self, example: Judged) -> int:
        return len(example.text.ids)

    def padded_length(self, example: Judged) -> int:
        return len(example.text.ids)

    def begin(self, batch: Sequence[Judged]) -> None:
        """Estimate how far the model has moved from its reference, in nats a text; never less than 0."""
        log_probs = self._all_log_probs([example.mismatched for example in batch])
        ratios = [
            log_prob - example.mismatched_reference
            for log_prob, example in zip(log_probs, batch, strict=True)
        ]
        self._moved = max(0.0, fmean(ratios))

    def weight(self, batch: Sequence[Judged]) -> float:
        return len(batch)

    def loss(self, part: Sequence[Judged]) -> torch.Tensor:
        log_probs = self._model.log_probs([example.text for example in part])
        device = log_probs.device
        references = torch.tensor([example.reference for example in part], device=device)
        signs = torch.tensor([1.0 if example.text.is_wanted else -1.0 for example in part], device=device)
        weights = torch.tensor([self._weights[example.text.is_wanted] for example in part], device=device)
        gains = log_probs - references - self._moved
        return (weights * (1 - torch.sigmoid(self._beta * signs * gains))).sum()

    @torch.no_grad()
    def _all_log_probs(self, texts: Sequence[Encoded]) -> list[float]:
        """Return the log-probability of each text, computed a part at a time."""
        found = torch.zeros(len(texts))
        lengths = [len(text.ids) for text in texts]
        for part in self._workers.micro_batches(
            range(len(texts)), lengths, hyperparameters.EVALUATION_TOKENS
        ):
            found[part] = self._model.log_probs([texts[index] for index in part]).float().cpu()
        self._workers.reduce([found])
        log_probs: list[float] = found.tolist()
        return log_probs


def _mismatched(texts: Sequence[Encoded]) -> Iterator[Encoded]:
    """Yield for each text its prompt with the answer of the next text that has another prompt.

    If all have the same prompt, it is the next answer.
    """
    prompts = [tuple(text.ids[: text.learned[0][0]]) for text in texts]
    for index, (prompt, following) in enumerate(zip(prompts, _next_other(prompts), strict=True)):
        other = texts[(index + 1) % len(texts) if following is None else following]
        start, end = other.learned[0]
        answer = other.ids[start:end]
        yield Encoded([*prompt, *answer], [(len(prompt), len(prompt) + len(answer))])


def _next_other(values: Sequence[T]) -> list[int | None]:
    """Return for each value the place of the next other one, going round; None if there is none."""
    found: list[int | None] = [None] * len(values)
    # twice round, from the end: the next of the last ones stands at the start
    for place in [*reversed(range(len(values)))] * 2:
        following = (place + 1) % len(values)
        found[place] = found[following] if values[following] == values[place] else following
    return found


def _learned_tokens(text: Encoded) -> int:
    return sum(text.loss_mask[1:])


@torch.no_grad()
def evaluate(objective: Objective[T], examples: Sequence[T], workers: WorkerGroup = ALONE) -> float:
    """Return the mean loss of all `examples`, of which each of the `workers` measures a share."""
    objective.begin(examples)
    lengths = [objective.padded_length(example) for example in examples]
    total = torch.zeros((), dtype=torch.float64)
    for part in workers.micro_batches(range(len(examples)), lengths, hyperparameters.EVALUATION_TOKENS):
        total += objective.loss([examples[index] for index in part]).item()
    workers.reduce([total])
    return total.item() / objective.weight(examples)
