"""The workers of one training, which stand or fall together: each is an actor of Ray."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Self

from engine.cluster.placement import Room
from engine.cluster.train_worker import Place, TrainTask, TrainWorker

log = logging.getLogger(__name__)

_START_SECONDS = 180.0  # for a worker's process to start, and to load torch
_THREADS = 4  # of a worker: its training's messages, and what the head asks for


class WorkerLost(Exception):
    """A worker has died, or its training did without a reason for people; the message says how."""


class TrainGroup:
    """Running workers, the first of which tells of their progress. Use as `async with`, which kills them."""

    def __init__(self, room: Room) -> None:
        """Start a worker in each place of a room."""
        self._actors: list[Any] = []
        self._inbox: asyncio.Queue[dict[str, Any] | WorkerLost] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        for rank in range(room.workers):
            self._actors.append(_start(room, rank))

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill the workers, without waiting for their end."""
        import ray  # noqa: PLC0415

        for task in self._tasks:
            task.cancel()
        for actor in self._actors:
            ray.kill(actor)

    async def messages(self, task: TrainTask) -> AsyncIterator[dict[str, Any]]:
        """Begin the training and yield its messages, without an end. Raises WorkerLost."""
        meeting: Place | None = None
        if len(self._actors) > 1:
            meeting = await _answer(self._actors[0].open_meeting.remote())
        for actor in self._actors:
            self._tasks.append(asyncio.create_task(self._follow(actor, task, meeting)))
        while True:
            message = await self._inbox.get()
            if isinstance(message, WorkerLost):
                raise message
            yield message

    async def pause(self) -> bool:
        """Have the training save its state and end; return whether there is anything to save."""
        try:
            return any(await asyncio.gather(*(_answer(actor.pause.remote()) for actor in self._actors)))
        except WorkerLost:  # `messages` tells it
            return True

    async def _follow(self, actor: Any, task: TrainTask, meeting: Place | None) -> None:
        """Put a worker's messages into the inbox, and its loss."""
        from ray.exceptions import RayError  # noqa: PLC0415

        try:
            async for reference in actor.run.remote(task, meeting):
                self._inbox.put_nowait(await reference)
        except RayError as error:
            self._inbox.put_nowait(_loss(error))


def _start(room: Room, rank: int) -> Any:
    import ray  # noqa: PLC0415
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy  # noqa: PLC0415

    remote = ray.remote(TrainWorker).options(
        num_cpus=room.needs.cpus,
        num_gpus=room.needs.gpus,
        memory=room.needs.memory or None,
        max_concurrency=_THREADS,
        max_restarts=0,  # one of a group cannot go on by itself
        enable_task_events=False,
        scheduling_strategy=PlacementGroupSchedulingStrategy(
            placement_group=room.group, placement_group_bundle_index=rank
        ),
    )
    return remote.remote(rank, room.workers)


async def _answer(reference: Any) -> Any:
    """Return a worker's answer. Raises WorkerLost."""
    from ray.exceptions import RayError  # noqa: PLC0415

    try:
        async with asyncio.timeout(_START_SECONDS):
            return await reference
    except TimeoutError:
        raise WorkerLost(f"a worker has not started within {_START_SECONDS:.0f} seconds") from None
    except RayError as error:
        raise _loss(error) from error


def _loss(error: Exception) -> WorkerLost:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    log.warning("a worker of a training was lost: %s", "; ".join(lines[-6:]))
    return WorkerLost(lines[-1] if lines else type(error).__name__)
