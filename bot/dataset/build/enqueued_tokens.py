"""Enqueued tokens: how large a batch the provider's queue takes, learnt from its refusals."""

from collections.abc import Iterable

from bot.errors import Unavailable
from bot.llm.batch_api import Refusal
from bot.store.batches import BatchRow


class EnqueuedTokens:
    """The tokens of prompts that may wait at the provider at once; limit is None until it refused a batch.

    Once there is a limit, batches are sent one after the other. pauses: seconds to wait after each refusal of
    a batch that should have fitted, because others' batches may fill the queue; then it gives up.
    """

    def __init__(self, pauses: tuple[float, ...]) -> None:
        self.limit: int | None = None
        self._named: int | None = None
        self._pauses = pauses
        self._refusals = 0

    def recall(self, rows: Iterable[BatchRow]) -> None:
        """Learn from a job's earlier batches: one that was refused was too large, the next one was not."""
        refused = False
        for row in rows:
            if row.over and row.file and not row.taken:
                self.limit, refused = max(1, row.prompt_tokens // 2), True
            elif refused:
                self.limit, refused = row.prompt_tokens, False

    def refuse(self, row: BatchRow, refusal: Refusal, *, alone: bool) -> float:
        """Learn from a refusal, and return the seconds to wait before the next batch.

        alone: no other batch of ours was in the queue. Raises Unavailable if nothing smaller can be sent, or
        the provider has refused too often.
        """
        self._named = refusal.limit or self._named
        tokens, limit = row.prompt_tokens, self.limit or row.prompt_tokens
        if self._named and tokens > self._named and row.requests > 1:
            self.limit = min(limit, self._named)
            return 0.0
        if not alone:
            self.limit = min(limit, self._named or tokens)
            return 0.0
        if row.requests == 1 or self._refusals >= len(self._pauses):
            raise Unavailable(refusal.message)
        self._refusals += 1
        self.limit = min(limit, max(1, tokens // 2))
        return self._pauses[self._refusals - 1]

    def accept(self) -> None:
        """Note that the provider took a batch: the next one may be larger, up to the limit it has named."""
        self._refusals = 0
        if self.limit and self._named:
            self.limit = min(self._named, self.limit * 2)
