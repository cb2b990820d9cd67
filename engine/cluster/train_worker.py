"""One worker of a training: what runs in an actor of Ray, on any node.

Its methods run in threads beside each other, and the training in one more.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from engine import system
from engine.cluster import shared_folder
from engine.cluster.state_store import StoredState
from engine.jobs.trainer_template import TRAINER_ENVIRONMENT
from engine.storage import atomic
from engine.training import failure
from engine.training.state_file import StateFile
from engine.training_request import REQUEST_FILE, TrainingError, TrainingRequest

if TYPE_CHECKING:
    from engine.training.worker_group import WorkerGroup

Place = tuple[str, int]
"""The address and port at which the workers of a group meet."""


@dataclass(frozen=True)
class TrainTask:
    """What the workers of a training are told, beside the request in the job's folder."""

    folder: Path
    """Of the job, in the shared folder."""
    mark: str
    """The one in the shared folder."""
    states: str | None = None
    """The address below which training states are kept; None: in the jobs' folders."""


class TrainWorker:
    """Trains beside other workers, in step with them."""

    def __init__(self, rank: int, size: int) -> None:
        """Be one of `size` workers."""
        os.environ |= TRAINER_ENVIRONMENT  # before torch is imported
        self._rank = rank
        self._size = size
        self._address = _node_address()
        self._pause = threading.Event()
        self._messages: SimpleQueue[dict[str, Any] | BaseException | None] = SimpleQueue()
        self._has_begun = False
        self._store: Any = None

    def open_meeting(self) -> Place:
        """Open the place where the others meet this worker, the first one."""
        from engine.cluster import data_parallel  # noqa: PLC0415  (loads torch)

        self._store = data_parallel.open_store(self._address)
        return self._address, self._store.port

    def run(self, task: TrainTask, meeting: Place | None) -> Iterator[dict[str, Any]]:
        """Train, and yield the messages of a trainer.

        Only the first worker tells of progress; every one tells of a failure. `meeting` is None if there is
        one worker alone. Raises what the training does, unless people can do something about it.
        """
        threading.Thread(target=self._train, args=(task, meeting), name="training").start()
        while (message := self._messages.get()) is not None:
            if isinstance(message, BaseException):
                raise message
            yield message

    def pause(self) -> bool:
        """Have the training save its state and end; return whether it has anything to save yet."""
        self._pause.set()
        return self._has_begun

    def _train(self, task: TrainTask, meeting: Place | None) -> None:
        try:
            self._train_or_fail(task, meeting)
        except BaseException as error:  # noqa: BLE001  the caller of `run` raises it
            self._messages.put(error)
        self._messages.put(None)

    def _train_or_fail(self, task: TrainTask, meeting: Place | None) -> None:
        from engine.training.run import TrainingRun  # noqa: PLC0415  (loads torch)

        system.lower_priority()  # of this thread: the others answer the head
        try:
            request = self._read(task)
            with _state(task, request) as state:
                workers = self._workers(meeting)
                end = TrainingRun(request, self._send, self._pause_requested, workers, state).run()
        except Exception as error:
            known = failure.describe(error)
            if known is None:
                raise
            self._messages.put({"failed": known})
        else:
            self._send(end)

    def _read(self, task: TrainTask) -> TrainingRequest:
        """Return the request. Raises TrainingError if this node sees no shared folder or no base."""
        from engine import base_model  # noqa: PLC0415  (loads torch)

        if obstacle := asyncio.run(shared_folder.obstacle(task.folder.parent.parent, task.mark)):
            raise TrainingError(f"{obstacle} It is the node {self._address}.")
        request = TrainingRequest.model_validate(atomic.read_json(task.folder / REQUEST_FILE))
        if not request.base.exists():
            raise TrainingError(
                f"The node {self._address} has no base at {request.base}: put it into the shared folder, and"
                " name it by --base."
            )
        # nodes whose processors compute in other numbers would delete each other's
        dtype = str(base_model.fastest_dtype(base_model.best_device())).removeprefix("torch.")
        return request.model_copy(update={"unpacked": request.unpacked.with_name(f"unpacked-{dtype}")})

    def _workers(self, meeting: Place | None) -> "WorkerGroup":
        from engine.training.worker_group import ALONE  # noqa: PLC0415  (loads torch)

        if meeting is None:
            return ALONE
        from engine.cluster import data_parallel  # noqa: PLC0415

        store = self._store or data_parallel.reach_store(*meeting)
        return data_parallel.DistributedWorkers(self._rank, self._size, store, self._address)

    def _pause_requested(self) -> bool:
        self._has_begun = True
        return self._pause.is_set()

    def _send(self, message: dict[str, Any]) -> None:
        if self._rank == 0:
            self._messages.put(message)


@contextmanager
def _state(task: TrainTask, request: TrainingRequest) -> Iterator[StateFile]:
    """Yield where the training keeps its state."""
    if task.states is None:
        yield StateFile(request.state)
        return
    state = StoredState(task.folder, task.states)
    try:
        yield state
    finally:
        state.close()


def _node_address() -> str:
    """Return the address by which other nodes reach this one."""
    import ray  # noqa: PLC0415

    here = ray.get_runtime_context().get_node_id()
    return next(str(node["NodeManagerAddress"]) for node in ray.nodes() if node["NodeID"] == here)
