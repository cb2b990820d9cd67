"""Training objectives: supervised cross-entropy, and direct preference optimization (DPO). Imports torch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import torch
from torch.nn.functional import logsigmoid

from engine import hyperparameters
from engine.tokens import Encoded
from engine.training.trainable_model import TrainableModel

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True)
class Pair:
    """Two completions of one prompt; `reference_margin` is the margin (nats) before the training."""

    preferred: Encoded
    rejected: Encoded
    reference_margin: float = 0.0


class Objective(Protocol[T_contra]):
    """A loss that is a sum over the parts of a batch, divided by the batch's weight."""

    def prepare(self, examples: Iterable[Sequence[Encoded]]) -> list[Any]:
        """Return what to train on, given the texts of each example."""

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

    def weight(self, batch: Sequence[Encoded]) -> float:
        return sum(sum(example.loss_mask[1:]) for example in batch)

    def loss(self, part: Sequence[Encoded]) -> torch.Tensor:
        return -self._model.log_probs(part).sum()


class PreferenceObjective(Objective[Pair]):
    """Direct preference optimization (Rafailov et al. 2023, arXiv:2305.18290), sigmoid loss."""

    def __init__(self, model: TrainableModel, beta: float) -> None:
        """Train `model`; a larger `beta` keeps it closer to the model it starts from."""
        self._model = model
        self._beta = beta

    @torch.no_grad()
    def prepare(self, examples: Iterable[Sequence[Encoded]]) -> list[Pair]:
        """Return the pairs with their reference margins; call it before the first step.

        The reference model is `model` as it is now, so no second model is held in memory.
        """
        pairs = [Pair(preferred, rejected) for preferred, rejected in examples]
        lengths = [self.padded_length(pair) for pair in pairs]
        for part in hyperparameters.micro_batches(
            range(len(pairs)), lengths, hyperparameters.EVALUATION_TOKENS
        ):
            margins = self._margins([pairs[index] for index in part])
            for index, margin in zip(part, margins.tolist(), strict=True):
                pairs[index] = replace(pairs[index], reference_margin=margin)
        return pairs

    def token_count(self, example: Pair) -> int:
        return len(example.preferred.ids) + len(example.rejected.ids)

    def padded_length(self, example: Pair) -> int:
        return 2 * max(len(example.preferred.ids), len(example.rejected.ids))

    def weight(self, batch: Sequence[Pair]) -> float:
        return len(batch)

    def loss(self, part: Sequence[Pair]) -> torch.Tensor:
        margins = self._margins(part)
        references = torch.tensor([pair.reference_margin for pair in part], device=margins.device)
        return -logsigmoid(self._beta * (margins - references)).sum()

    def _margins(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """Return the log-probability (nats) of the preferred minus that of the rejected text, [pairs]."""
        texts = [pair.preferred for pair in pairs] + [pair.rejected for pair in pairs]
        preferred, rejected = self._model.log_probs(texts).chunk(2)
        return preferred - rejected


@torch.no_grad()
def evaluate(objective: Objective[T], examples: Sequence[T]) -> float:
    """Return the mean loss of all `examples`."""
    lengths = [objective.padded_length(example) for example in examples]
    total = 0.0
    for part in hyperparameters.micro_batches(
        range(len(examples)), lengths, hyperparameters.EVALUATION_TOKENS
    ):
        total += objective.loss([examples[index] for index in part]).item()
    return total / objective.weight(examples)
