"""The workers that compute a training step together, of which each computes a part. Imports torch.

The loss of a batch is a sum over its examples, divided by a weight that every worker knows. So the sum of the
workers' gradients is the gradient of the batch, whatever their number.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch

from engine import hyperparameters


class WorkerGroup:
    """A group of this process alone. Others override what needs the other workers."""

    rank = 0
    """The number of this worker, from 0; the first one writes the files and reports."""
    size = 1

    @property
    def is_first(self) -> bool:
        """Whether this worker writes the files and reports."""
        return self.rank == 0

    def micro_batches(
        self, batch: Iterable[int], padded_lengths: Sequence[int], max_tokens: int
    ) -> Iterator[list[int]]:
        """Yield this worker's share of a batch of indices, in parts of at most `max_tokens`.

        Every worker gets short and long examples alike. Of a small batch there may be nothing for some.
        """
        shortest_first = sorted(batch, key=padded_lengths.__getitem__)
        return hyperparameters.micro_batches(
            shortest_first[self.rank :: self.size], padded_lengths, max_tokens
        )

    def reduce(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all workers, which all have the same shapes."""

    def broadcast(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by that of the first worker."""

    def first(self, value: float) -> float:
        """Return the value that the first worker has."""
        held = torch.tensor(value, dtype=torch.float64)
        self.broadcast([held])
        return float(held.item())


ALONE = WorkerGroup()
