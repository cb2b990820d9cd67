"""The replicas as one: which answers what, and what happens to an answer whose replica dies."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from engine.cluster.ray_cluster import ActorLost
from engine.cluster.remote_replica import RemoteReplica
from engine.errors import NO_REPLICA, REPLICA_LOST, ApiError
from engine.inference.chunks import has_words
from engine.inference.generator import Generator
from engine.inference.runtime_status import RuntimeStatus
from engine.limits import SLOTS
from engine.messages import Message
from engine.tokens import Turn

log = logging.getLogger(__name__)

_LOADING = SLOTS // 2
"""How many more answers a replica may have than another one before a model is loaded there, too."""
_TRIES = 3  # of an answer, each on another replica
_WAIT_SECONDS = 45.0  # for a replica, if there is none: a new one starts in seconds


class Fleet:
    """The replicas that can answer: the models in memory of a whole cluster."""

    def __init__(self, base: Path, *, wait_seconds: float = _WAIT_SECONDS) -> None:
        """Start without replicas. `wait_seconds` is how long an answer waits for one."""
        self._base = base
        self._wait_seconds = wait_seconds
        self.replicas: list[RemoteReplica] = []
        """Those that answer, or still do until they leave."""
        self._changed = asyncio.Event()
        self._knows_tools: dict[Path, bool] = {}
        self.lost = 0
        """How many replicas have died."""
        self.failed = 0
        """How many answers broke off after their first word because their replica died."""
        self.moved = 0
        """How many answers another replica gave because the first one died before the first word."""

    @property
    def usable(self) -> list[RemoteReplica]:
        """Those that take on answers."""
        return [each for each in self.replicas if not (each.is_leaving or each.lost.is_set())]

    @property
    def running(self) -> int:
        """Number of answers and other calls that the replicas work on."""
        return sum(each.running for each in self.replicas)

    def add(self, replica: RemoteReplica) -> None:
        """Give a replica to do."""
        self.replicas.append(replica)
        self._changed.set()
        self._changed = asyncio.Event()

    def remove(self, replica: RemoteReplica) -> None:
        """Forget a replica that has left or died."""
        if replica in self.replicas:
            self.replicas.remove(replica)
            self.lost += replica.lost.is_set()

    @property
    def count(self) -> int:
        return sum(len(each.paths) for each in self.replicas)

    @property
    def runtime_status(self) -> RuntimeStatus:
        found = [each.status for each in self.replicas]
        answers = sum((Counter(each.answers) for each in found), Counter[str]())
        return RuntimeStatus(self._runtime, answers, sum(each.failovers for each in found))

    @property
    def _runtime(self) -> str:
        return "torch" if self._base.is_dir() else "llama.cpp"

    def slots(self, path: Path) -> int:  # noqa: ARG002  every model has as many
        return SLOTS * max(1, len(self.usable))

    def warm_up(self) -> None:
        """Do nothing: each replica loads the base before it answers."""

    async def get(self, path: Path) -> Generator:
        if path not in self._knows_tools:
            self._knows_tools[path] = await self.call("knows_tools", path)
        return _FleetGenerator(self, path, knows_tools=self._knows_tools[path])

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        turn: Turn = await self.call("tokenize_turn", self._base, messages)
        return turn

    def evict(self, path: Path) -> None:
        self._knows_tools.pop(path, None)
        for replica in self.replicas:
            replica.evict(path)

    async def until_runtime_chosen(self) -> None:
        """Return at once: llama.cpp or torch answers, and neither is measured."""

    def health(self) -> dict[str, Any]:
        runtime = {
            "name": self._runtime,
            "reason": "each replica of a cluster answers by llama.cpp, or by torch for a Hugging Face model",
            "tokens_per_second": None,
            "is_measuring": False,
            "crashes": {"count": 0, "last": None},
        }
        replicas = [
            {"node": each.node.name, "running": each.running, "models": len(each.paths)}
            for each in self.usable
        ]
        return {"runtime": runtime, "replicas": replicas}

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self.replicas))

    async def call(self, method: str, path: Path, *arguments: Any) -> Any:
        """Call a method of a replica that changes nothing, and again elsewhere if the replica dies.

        Raises a 503 if no replica is there, and what the method raises.
        """
        for _ in range(_TRIES):
            try:
                return await (await self._choose(path)).call(method, path, *arguments)
            except ActorLost as error:
                reason = error
        raise _no_replica() from reason

    async def chunks(self, path: Path, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Yield an answer's chunks, of another replica if the first dies before the first word.

        Raises ApiError: a 503 if it dies after that, or if no replica is there.
        """
        for _ in range(_TRIES):
            replica = await self._choose(path)
            begun: list[dict[str, Any]] | None = []  # chunks before the first word; None after it
            try:
                async with aclosing(replica.chunks(path, request)) as chunks:
                    async for chunk in chunks:
                        if begun is None:
                            yield chunk
                        else:
                            begun.append(chunk)
                            if has_words(chunk):
                                for each in begun:
                                    yield each
                                begun = None
                for each in begun or ():
                    yield each
            except ActorLost as error:
                if begun is None:
                    self.failed += 1
                    log.warning("an answer broke off, because %s is lost", replica)
                    raise _broken_off() from error
                self.moved += 1
                reason = error
            else:
                return
        raise _no_replica() from reason

    async def _choose(self, path: Path) -> RemoteReplica:
        """Return the replica that has least to do and, if that is not much more, has the model in memory."""
        deadline = asyncio.get_running_loop().time() + self._wait_seconds
        while not (usable := self.usable):
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError as error:
                raise _no_replica() from error
        return min(usable, key=lambda each: self._cost(each, path))

    def _cost(self, replica: RemoteReplica, path: Path) -> tuple[bool, int]:
        has_model = path in replica.paths or replica.running_of(path)
        is_full = replica.running_of(path) >= SLOTS
        return is_full, replica.running + (0 if has_model else _LOADING)


class _FleetGenerator:
    """A model that the fleet's replicas load where they need it."""

    slots = SLOTS

    def __init__(self, fleet: Fleet, path: Path, *, knows_tools: bool) -> None:
        self._fleet = fleet
        self._path = path
        self.knows_tools = knows_tools

    def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        return self._fleet.chunks(self._path, request)

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        turn: Turn = await self._fleet.call("tokenize_turn", self._path, messages)
        return turn

    async def log_probs(self, messages: Sequence[Message]) -> list[float]:
        log_probs: list[float] = await self._fleet.call("log_probs", self._path, messages)
        return log_probs

    async def close(self) -> None:
        """Do nothing: `Fleet.evict` frees models."""


def _no_replica() -> ApiError:
    message = "No replica of the cluster can answer now: the engine's log says why. Try again soon."
    return ApiError(503, message, code=NO_REPLICA, headers={"Retry-After": "5"})


def _broken_off() -> ApiError:
    message = "The machine that was answering has gone, and with it the rest of the answer. Ask again."
    return ApiError(503, message, code=REPLICA_LOST, headers={"Retry-After": "1"})
