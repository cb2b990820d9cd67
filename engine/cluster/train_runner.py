"""Trainings on a Ray cluster: each by a group of workers, which goes on from its last state if one is lost.

Plain actors and torch.distributed in place of Ray Train: its `fit` cannot be paused or cancelled from
outside, and takes longer until it goes on after a loss.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from engine import resources
from engine.cluster import placement, state_store
from engine.cluster.placement import Room, WorkerNeeds
from engine.cluster.train_group import TrainGroup, WorkerLost
from engine.cluster.train_worker import TrainTask
from engine.jobs.job_folder import JobFolder
from engine.jobs.schema import JobEvent
from engine.jobs.training_runner import Ended, OnMessage, TrainingFailed, receive
from engine.storage import atomic
from engine.training_request import REQUEST_FILE, TrainingRequest, TrainingResult

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 120.0  # until the workers are killed; a state may be gigabytes
_ROOM_SECONDS = 2.0  # between looks whether there is room to go on
_MAX_LOSSES = 3  # of workers, one after the other, without a step between them


class ClusterTrainings:
    """Runs each training on workers of the cluster, as many as it may have and there is room for."""

    def __init__(
        self,
        mark: str,
        *,
        at_once: int = 1,
        workers: int = 1,
        cpus: float = 1.0,
        gpus: float = 0.0,
        states: str | None = None,
    ) -> None:
        """`mark` is the one in the shared folder, `at_once` the most trainings.

        Each has `workers` at most, each of which takes so many processors and graphics processors. `states`
        is the address below which training states are kept; None: in the jobs' folders.
        """
        self._mark = mark
        self._states = states
        self._deleting: set[asyncio.Future[None]] = set()
        self._at_once = at_once
        self._workers = workers
        self._cpus = cpus
        self._gpus = gpus

    @property
    def at_once(self) -> int:
        """The most trainings that run at once."""
        return self._at_once

    def free_memory(self) -> int:
        """Return the bytes of memory that a worker could take if nothing else ran."""
        return placement.largest_memory()

    async def warm_up(self) -> None:
        """Do nothing: workers start on nodes that are not known yet."""

    async def obstacle(self, request: TrainingRequest) -> str:
        """Return why no worker can begin now: the cluster is too small for one, or others run."""
        from ray.exceptions import RayError  # noqa: PLC0415

        needs = self._needs(request)
        try:
            return "" if await asyncio.to_thread(placement.places, needs) else await self._no_room(needs)
        except RayError as error:
            log.warning("the cluster does not say what is free: %s", error)
            return "The cluster does not answer: the training waits until it does"

    async def train(
        self, folder: Path, request: TrainingRequest, pause: asyncio.Event, on_message: OnMessage
    ) -> TrainingResult | None:
        """Train until the end or a pause, whatever workers and nodes are lost meanwhile."""
        atomic.write_json(folder / REQUEST_FILE, request.model_dump(mode="json"))
        losses, furthest = 0, 0
        task = TrainTask(folder, self._mark, self._states)
        while True:
            attempt = _Attempt(task, pause, on_message)
            try:
                async with self._room(request, pause, on_message) as room:
                    return (await attempt.run(room)).result if room else None
            except WorkerLost as lost:
                losses = 1 if attempt.step > furthest else losses + 1
                furthest = max(furthest, attempt.step)
                log.warning("job %s has lost a worker after step %d: %s", folder.name, attempt.step, lost)
                if pause.is_set():
                    return None
                if losses >= _MAX_LOSSES:
                    raise TrainingFailed("trainer_died", _explain(lost)) from lost
                on_message(_lost_event(folder))

    def forget(self, folder: Path) -> None:
        """Delete a training state that is kept elsewhere, beside other work."""
        if uri := state_store.take_address(folder):
            deleting = asyncio.get_running_loop().run_in_executor(None, _delete, uri)
            self._deleting.add(deleting)
            deleting.add_done_callback(self._deleting.discard)

    async def close(self) -> None:
        """Wait for states to be deleted; the workers of a training end with it."""
        await asyncio.gather(*self._deleting)

    def _needs(self, request: TrainingRequest) -> WorkerNeeds:
        memory = 0 if self._gpus else int(resources.memory_of(request))
        return WorkerNeeds(self._cpus, self._gpus, memory)

    @asynccontextmanager
    async def _room(
        self, request: TrainingRequest, pause: asyncio.Event, on_message: OnMessage
    ) -> AsyncIterator[Room | None]:
        """Reserve places for workers, once there is room for one; yield None if a pause is wanted first."""
        needs, told = self._needs(request), ""
        while not pause.is_set():
            async with placement.reserved(needs, self._workers) as room:
                if room is not None:
                    yield room
                    return
            obstacle = await self._no_room(needs)
            if obstacle != told:
                on_message(JobEvent(level="warn", message=obstacle))
            told = obstacle
            with suppress(TimeoutError):
                async with asyncio.timeout(_ROOM_SECONDS):
                    await pause.wait()
        yield None

    async def _no_room(self, needs: WorkerNeeds) -> str:
        if await asyncio.to_thread(placement.places, needs, free=False):
            return f"A worker of the training needs {needs}: it waits until so much is free on a node"
        return (
            f"No node of the cluster has the {needs} that a worker of the training needs: it waits until one"
            " is added. Add one, or start the engine with fewer of --worker-cpus and --worker-gpus"
        )


class _Attempt:
    """A training by one group of workers, until it ends or one of them is lost."""

    def __init__(self, task: TrainTask, pause: asyncio.Event, on_message: OnMessage) -> None:
        self._task = task
        self._pause = pause
        self._on_message = on_message
        self.step = 0
        """The last one that was told of."""

    async def run(self, room: Room) -> Ended:
        """Run it. Raises WorkerLost and TrainingFailed."""
        async with TrainGroup(room) as group:
            training = asyncio.create_task(self._follow(group))
            pausing = asyncio.create_task(self._pause_group(group))
            try:
                await asyncio.wait([training, pausing], return_when=asyncio.FIRST_COMPLETED)
                return await training if training.done() else Ended()
            finally:
                for task in (training, pausing):
                    task.cancel()

    async def _follow(self, group: TrainGroup) -> Ended:
        async for message in group.messages(self._task):
            self._note(message)
            if ended := receive(message, self._on_message):
                return ended
        raise WorkerLost("the workers have ended without a word")

    async def _pause_group(self, group: TrainGroup) -> None:
        """Pause the group when that is wanted; return when it is to be killed: it has nothing to save."""
        await self._pause.wait()
        if await group.pause():
            await asyncio.sleep(_PAUSE_SECONDS)

    def _note(self, message: Mapping[str, Any]) -> None:
        data = message.get("data") or {}
        self.step = max(self.step, data.get("step", 0))


def _delete(uri: str) -> None:
    try:
        state_store.delete(uri)
    except (OSError, ValueError):
        log.exception("the training state at %s could not be deleted", uri)


def _lost_event(folder: Path) -> JobEvent:
    start = "from its last saved state" if JobFolder(folder).has_state else "from the beginning"
    return JobEvent(level="warn", message=f"A worker of the training was lost: it goes on {start}")


def _explain(lost: WorkerLost) -> str:
    if "memory" in str(lost):
        return "The workers of the training were ended again and again, as their nodes ran out of memory."
    return "The workers of the training were lost again and again; the engine's log says more."
