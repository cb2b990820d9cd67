"""Room for the workers of trainings on the nodes of a Ray cluster."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

_RESERVE_SECONDS = 5.0  # that reserving may take; what was free may be taken meanwhile


@dataclass(frozen=True)
class WorkerNeeds:
    """What one worker takes of its node: processors, graphics processors, and bytes of memory."""

    cpus: float
    gpus: float = 0.0
    memory: int = 0

    @property
    def resources(self) -> dict[str, float]:
        """What Ray counts."""
        counted = {"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory)}
        return {name: value for name, value in counted.items() if value}

    def __str__(self) -> str:
        """Return a phrase, as 2 CPUs and 1.5 GiB of memory."""
        parts = [f"{self.cpus:g} CPU{'s' * (self.cpus != 1)}"] if self.cpus else []
        parts += [f"{self.gpus:g} GPU{'s' * (self.gpus != 1)}"] if self.gpus else []
        parts += [f"{self.memory / 2**30:.1f} GiB of memory"] if self.memory else []
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


@dataclass(frozen=True)
class Room:
    """Places for workers that are reserved together."""

    group: Any
    workers: int
    needs: WorkerNeeds


def count_places(nodes: Mapping[str, Mapping[str, float]], needs: WorkerNeeds) -> int:
    """Return how many workers fit on nodes, given what each node has."""
    wanted = needs.resources
    return sum(int(min(has.get(name, 0.0) / wanted[name] for name in wanted)) for has in nodes.values())


def places(needs: WorkerNeeds, *, free: bool = True) -> int:
    """Return how many workers fit on the cluster: beside what runs, or if nothing ran. Takes milliseconds."""
    from ray._private import state  # noqa: PLC0415  (its two functions are public to developers)

    nodes = state.available_resources_per_node() if free else state.total_resources_per_node()
    return count_places(nodes, needs)


def largest_memory() -> int:
    """Return the bytes of memory that the largest node gives to actors."""
    from ray._private import state  # noqa: PLC0415

    return max((int(each.get("memory", 0)) for each in state.total_resources_per_node().values()), default=0)


@asynccontextmanager
async def reserved(needs: WorkerNeeds, workers: int) -> AsyncIterator[Room | None]:
    """Reserve places for so many workers, or for as many as there is room for, during the block.

    Yields None if there is no room for one. Workers share a node where they can: it is their fastest network.
    """
    from ray.util.placement_group import placement_group, remove_placement_group  # noqa: PLC0415

    count = min(workers, await asyncio.to_thread(places, needs))
    if not count:
        yield None
        return
    group = placement_group([needs.resources] * count, strategy="PACK")
    try:
        is_ready = await asyncio.to_thread(group.wait, _RESERVE_SECONDS)
        yield Room(group, count, needs) if is_ready else None
    finally:
        remove_placement_group(group)
