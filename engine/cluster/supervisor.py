"""Keeps the fleet's replicas: starts them on nodes that can serve, replaces lost ones, scales and renews."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Self

from engine.cluster.fleet import Fleet
from engine.cluster.ray_cluster import Actor, ActorLost, ClusterError, Node, nodes
from engine.cluster.remote_replica import RemoteReplica
from engine.cluster.replica import Replica, ReplicaOptions
from engine.cluster.scaling import Limits, Scaling
from engine.inference.slots import Slots

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_START_SECONDS = 120.0  # for a replica to load the base
_UNFIT_SECONDS = 20.0  # until a node is tried again that could not serve


class Supervisor:
    """The tasks that start and end replicas. Use as `async with`; leaving it ends all replicas."""

    def __init__(
        self,
        fleet: Fleet,
        options: ReplicaOptions,
        limits: Limits,
        scaling: Scaling,
        stop: asyncio.Event,
    ) -> None:
        """Prepare; `async with` starts the first replicas.

        `stop` ends the wait for a first replica. It is set if the cluster has ended; leaving `async with`
        then raises ClusterError.
        """
        self._stop = stop
        self._ended: ClusterError | None = None
        self._fleet = fleet
        self._options = options
        self._limits = limits
        self._scaling = scaling
        self._target = limits.fewest
        self._started = 0
        self._starting: Counter[str] = Counter()
        self._unfit: dict[str, float] = {}  # by node: until when
        self._reasons: dict[str, str] = {}  # by node: why it cannot serve
        self._nodes: list[Node] = []
        self._wake = asyncio.Event()
        self._slots: Slots | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Start the first replicas, and wait for one or `stop`. Raises ClusterError if no node can serve."""
        await self._look_at_nodes()
        if not self._nodes:
            raise ClusterError("no node of the cluster offers processors: start one by `ray start`.")
        self._run(self._supervise())
        while not (self._fleet.usable or self._stop.is_set()):
            if self._nodes and all(each.id in self._reasons for each in self._nodes):
                await self._end()
                raise ClusterError(f"no machine of the cluster can serve. {self._said_by_nodes()}")
            await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all replicas."""
        await self._end()
        if self._ended:
            raise self._ended

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._fleet.close()

    def scale_by(self, slots: Slots) -> None:
        """Add replicas while answers wait in these slots, and let them leave later."""
        self._slots = slots

    def renew(self) -> None:
        """Replace every replica by a new one, one after the other, without breaking off an answer."""
        self._run(self._renew(list(self._fleet.usable)))

    async def _renew(self, old: list[RemoteReplica]) -> None:
        log.info("%d replicas are replaced by new ones", len(old))
        for replica in old:
            if not replica.lost.is_set() and await self._start(replica.node):
                await self._leave(replica)
        log.info("the replicas have been replaced")

    async def _supervise(self) -> None:
        while True:
            try:
                await self._look()
            except ClusterError as error:
                self._ended = error
                return self._stop.set()
            except Exception:  # the next look may do better
                log.exception("the replicas could not be looked after")
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def _look(self) -> None:
        for replica in [each for each in self._fleet.replicas if each.lost.is_set()]:
            self._fleet.remove(replica)
        await self._look_at_nodes()
        there = len(self._fleet.usable)
        if self._slots:
            present = there + self._starting.total()
            running, waiting = self._slots.running, self._slots.waiting
            waiting += self._slots.waiting_in_background
            wanted = self._scaling.wanted(
                time.monotonic(), replicas=present, running=running, waiting=waiting
            )
            if wanted != present:
                self._target = wanted
        self._target = self._limits.clamp(self._target, len(self._nodes))
        for _ in range(self._target - there - self._starting.total()):
            if node := self._best_node():
                self._starting[node.id] += 1
                self._run(self._start_counted(node))
        for replica in self._superfluous(there - self._target):
            replica.is_leaving = True
            self._run(self._leave(replica))

    async def _look_at_nodes(self) -> None:
        found = await asyncio.to_thread(nodes)
        for node in self._nodes:
            if node not in found:
                log.warning("the node %s has left the cluster", node.name)
                self._reasons.pop(node.id, None)
        for node in found:
            if node not in self._nodes:
                log.info("the node %s belongs to the cluster", node.name)
        self._nodes = found

    def _best_node(self) -> Node | None:
        """Return the node with the fewest replicas that is not known to be unfit."""
        now = time.monotonic()
        fit = [each for each in self._nodes if self._unfit.get(each.id, now) <= now]
        there = Counter(each.node.id for each in self._fleet.usable) + self._starting
        return min(fit, key=lambda node: there[node.id], default=None)

    def _superfluous(self, number: int) -> list[RemoteReplica]:
        """Return as many replicas as are too many: those on the fullest nodes, with least to do."""
        there = Counter(each.node.id for each in self._fleet.usable)
        order = sorted(self._fleet.usable, key=lambda each: (-there[each.node.id], each.running))
        return order[: max(0, number)]

    async def _start_counted(self, node: Node) -> None:
        try:
            await self._start(node)
        finally:
            self._starting -= Counter({node.id: 1})

    async def _start(self, node: Node) -> bool:
        """Start a replica on a node, and return whether that succeeded."""
        self._started += 1
        try:
            replica = RemoteReplica(self._started, node, Actor(Replica, node, self._options))
            obstacle = await self._prepare(replica)
        except Exception as error:  # such as a package that is not installed there
            log.exception("a replica could not be started on %s", node.name)
            obstacle = f"The engine could not be started there ({error}): install it, in the same version."
        if obstacle:
            self._note_unfit(node, obstacle)
            return False
        self._reasons.pop(node.id, None)
        self._fleet.add(replica)
        log.info("%s answers", replica)
        return True

    async def _prepare(self, replica: RemoteReplica) -> str:
        """Wait until a replica can answer; return why it cannot, once its process has ended."""
        obstacle = "the start was broken off"
        try:
            async with asyncio.timeout(_START_SECONDS):
                obstacle = await replica.start(self._wake.set)
        except TimeoutError:
            obstacle = f"No replica could be started there within {_START_SECONDS:.0f} s."
        except ActorLost as error:
            obstacle = f"Its process ended: {error}"
        finally:
            if obstacle:
                replica.kill()
        return obstacle

    def _note_unfit(self, node: Node, obstacle: str) -> None:
        """Keep and log why a node cannot serve, and leave it alone for a while."""
        self._unfit[node.id] = time.monotonic() + _UNFIT_SECONDS
        if self._reasons.get(node.id) != obstacle:
            log.warning("the node %s cannot serve: %s", node.name, obstacle)
        self._reasons[node.id] = obstacle
        self._wake.set()

    async def _leave(self, replica: RemoteReplica) -> None:
        log.info("%s leaves once its answers have ended", replica)
        await replica.leave()
        self._fleet.remove(replica)

    def _said_by_nodes(self) -> str:
        return " ".join(f"{each.name}: {self._reasons[each.id]}" for each in self._nodes)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
