"""The rounds of a build through the Batch API: which slots are open, and what came of the last batches."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field

from bot.dataset.build.answer_watch import AnswerWatch
from bot.dataset.build.batch_answers import BatchAnswer
from bot.dataset.build.builder import BuildCounts
from bot.dataset.build.enqueued_tokens import EnqueuedTokens
from bot.dataset.build.example_selector import ExampleSelector, Selection
from bot.dataset.build.moderation import Moderation
from bot.i18n.message import LocalizedMessage
from bot.jobs.worker import Run
from bot.llm.budget import Account
from bot.llm.response import Completion
from bot.llm.thinking import ThinkingFilter
from bot.store.job_schema import BuildSpec


class OpenSlots:
    """The slots of a walk that need another answer, and how many others it passed."""

    def __init__(
        self, walk: AsyncIterator[Selection], moderation: Moderation, selector: ExampleSelector
    ) -> None:
        self._walk = walk
        self._moderation = moderation
        self._max_attempts = selector.max_attempts
        self._next: Selection | None = None
        self.closed = 0

    def put_back(self, selection: Selection) -> None:
        """Have next() return a slot again."""
        self._next = selection

    async def next(self) -> Selection | None:
        """Return the next open slot, None if there is none."""
        if selection := self._next:
            self._next = None
            return selection
        async for candidate in self._walk:
            selection = await self._moderation.check(candidate)
            if selection.accepted is None and selection.tried < self._max_attempts:
                return selection
            self.closed += 1
        return None


@dataclass(slots=True)
class BatchBuild:
    """The state of a running build."""

    spec: BuildSpec
    run: Run
    account: Account
    excluded_ids: Collection[int]
    total: int
    watch: AnswerWatch
    enqueued: EnqueuedTokens
    counts: BuildCounts = field(default_factory=BuildCounts)
    thinking: ThinkingFilter = field(default_factory=ThinkingFilter)
    probed: bool = False
    accompanied: set[int] = field(default_factory=set)  # batches that were sent while others waited
    idle_rounds: int = 0  # rounds in a row without an answer
    refused: bool = False  # whether this round's batches met a full queue
    asked_before: int = 0  # answers before this round
    _slots: OpenSlots | None = None

    @property
    def closed_slots(self) -> int:
        """How many slots this round found filled or given up."""
        return self._slots.closed if self._slots else 0

    def begin_round(self, slots: OpenSlots) -> None:
        self._slots, self.asked_before, self.refused = slots, self.counts.asked, False

    def end_round(self) -> None:
        """Count the round if it was idle: not if its batches were refused, and are to be sent in parts."""
        idle = self.counts.asked == self.asked_before and not self.refused
        self.idle_rounds = self.idle_rounds + 1 if idle else 0

    def count(self, answers: Collection[BatchAnswer]) -> None:
        """Count the answers of a batch."""
        for each in answers:
            if isinstance(each.answer, Completion):
                self.counts.asked += 1
                self.watch.add(each.answer.text, each.answer.finish_reason, each.prompt_tokens)
            else:
                self.watch.add_failure(each.answer)
        self.counts.calls += len(answers)

    async def report(self, answered: int, status: str) -> None:
        new = self.counts.asked - self.asked_before
        done = min(self.total, self.closed_slots + new + answered)
        await self.run.progress(
            done,
            self.total,
            LocalizedMessage("in the provider's batch ({status})", status=status.replace("_", " ")),
        )
