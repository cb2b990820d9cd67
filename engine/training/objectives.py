"""What a training lowers: a loss over texts, or over pairs of a better and a worse text. Imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import torch
from torch.nn.functional import logsigmoid

from engine import hyperparameters
from engine.messages import PreferenceExample, TrainingExample
from engine.training.lora_model import Adapter
from engine.training.tokenization import Encoded, encode, encode_pair

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt. `reference` is by how much the model liked the better one before (nats)."""

    better: Encoded
    worse: Encoded
    reference: float = 0.0


class Objective(Protocol[T_contra]):
    """A loss that is a sum over parts of a batch, divided by the batch's weight."""

    def prepare(self, examples: Any) -> list[Any]:
        """Return a file's examples as they are learned."""

    def tokens(self, example: T_contra) -> int:
        """How many tokens an example makes the model read."""

    def padded(self, example: T_contra) -> int:
        """How many tokens it fills when its texts are made equally long."""

    def weight(self, batch: Sequence[T_contra]) -> float:
        """What a batch's summed loss is divided by."""

    def loss(self, part: Sequence[T_contra]) -> torch.Tensor:
        """Return the summed loss of a part of a batch."""


class Supervised(Objective[Encoded]):
    """Cross-entropy (nats) of the learned tokens."""

    def __init__(self, adapter: Adapter) -> None:
        """Learn with `adapter`."""
        self._adapter = adapter

    def prepare(self, examples: Sequence[TrainingExample]) -> list[Encoded]:
        """Return the examples as they are learned."""
        return [encode(self._adapter.tokenizer, example) for example in examples]

    def tokens(self, example: Encoded) -> int:
        return len(example.ids)

    def padded(self, example: Encoded) -> int:
        return len(example.ids)

    def weight(self, batch: Sequence[Encoded]) -> float:
        return sum(sum(example.learned[1:]) for example in batch)

    def loss(self, part: Sequence[Encoded]) -> torch.Tensor:
        return -self._adapter.log_probs(part).sum()


class Preference(Objective[Pair]):
    """Direct preference optimisation (Rafailov et al. 2023), sigmoid loss."""

    def __init__(self, adapter: Adapter, beta: float) -> None:
        """Learn with `adapter`; the larger `beta`, the closer it stays to the model it starts from."""
        self._adapter = adapter
        self._beta = beta

    @torch.no_grad()
    def prepare(self, examples: Sequence[PreferenceExample]) -> list[Pair]:
        """Return the examples as they are learned; call it before the first step.

        The reference model is the adapter as it starts, so a second model need not be held in memory.
        """
        pairs = [Pair(*encode_pair(self._adapter.tokenizer, example)) for example in examples]
        for part in hyperparameters.parts(range(len(pairs)), [self.padded(pair) for pair in pairs]):
            margins = self._margins([pairs[index] for index in part])
            for index, margin in zip(part, margins.tolist(), strict=True):
                pairs[index] = replace(pairs[index], reference=margin)
        return pairs

    def tokens(self, example: Pair) -> int:
        return len(example.better.ids) + len(example.worse.ids)

    def padded(self, example: Pair) -> int:
        return 2 * max(len(example.better.ids), len(example.worse.ids))

    def weight(self, batch: Sequence[Pair]) -> float:
        return len(batch)

    def loss(self, part: Sequence[Pair]) -> torch.Tensor:
        margins = self._margins(part)
        references = torch.tensor([pair.reference for pair in part], device=margins.device)
        return -logsigmoid(self._beta * (margins - references)).sum()

    def _margins(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """By how much the better answer is likelier than the worse (nats), [pairs]."""
        texts = [pair.better for pair in pairs] + [pair.worse for pair in pairs]
        better, worse = self._adapter.log_probs(texts).chunk(2)
        return better - worse


@torch.no_grad()
def evaluate(objective: Objective[T], examples: Sequence[T]) -> float:
    """Return the mean loss over all of `examples`."""
    padded = [objective.padded(example) for example in examples]
    total = 0.0
    for part in hyperparameters.parts(range(len(examples)), padded):
        total += objective.loss([examples[index] for index in part]).item()
    return total / objective.weight(examples)
