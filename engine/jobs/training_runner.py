"""What runs the trainings of jobs: the interface, and the messages that trainers send."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.jobs.schema import JobEvent
from engine.training_request import Checkpoint, TrainingRequest, TrainingResult

OnMessage = Callable[[JobEvent | Checkpoint], None]


class TrainingFailed(Exception):
    """A training that failed; `message` is for the client that created the job, `code` for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TrainingRunner(Protocol):
    """Runs trainings outside of this process, so that their crashes cannot harm the engine."""

    @property
    def at_once(self) -> int:
        """The most trainings that run at once, if there is room for them."""

    def free_memory(self) -> int:
        """Return the bytes of memory that a training could take if no other one ran."""

    async def warm_up(self) -> None:
        """Get ready for a training that is about to come. Raises OSError."""

    async def obstacle(self, request: TrainingRequest) -> str:
        """Return what a training has to wait for, as a sentence; empty if it can begin now."""

    async def train(
        self, folder: Path, request: TrainingRequest, pause: asyncio.Event, on_message: OnMessage
    ) -> TrainingResult | None:
        """Run a training, which works in a job's `folder`, and pass on its messages.

        Returns None if it was paused, by setting `pause`. Cancelling ends it at once. Raises TrainingFailed,
        and OSError if the folder cannot be written.
        """

    def forget(self, folder: Path) -> None:
        """Delete what is kept of a job's training elsewhere than in its `folder`."""

    async def close(self) -> None:
        """End what runs; the queue has paused all trainings."""


@dataclass(frozen=True)
class Ended:
    """The end of a training; it has no result if it was paused."""

    result: TrainingResult | None = None


def receive(message: Mapping[str, Any], on_message: OnMessage) -> Ended | None:
    """Pass on one of the messages that engine/training/__main__.py lists; return the end if it tells that.

    Raises TrainingFailed if it tells of a failure.
    """
    if "done" in message:
        return Ended(TrainingResult.model_validate(message["done"]))
    if "paused" in message:
        return Ended()
    if "failed" in message:
        raise TrainingFailed(**message["failed"])
    if "checkpoint" in message:
        on_message(Checkpoint.model_validate(message["checkpoint"]))
    else:
        on_message(JobEvent.model_validate(message))
    return None
