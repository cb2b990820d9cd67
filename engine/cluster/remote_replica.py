"""The head's side of a replica: what it is asked, and what comes back."""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from engine.cluster.log_relay import log_note
from engine.cluster.outbox import Ended, Part
from engine.cluster.ray_cluster import Actor, ActorLost, Node
from engine.cluster.replica import Bundle
from engine.inference.runtime_status import RuntimeStatus
from engine.logs import current_request_id

log = logging.getLogger(__name__)

_SILENCE_SECONDS = 10.0
"""After which a replica is given up that does not even say that it lives: its machine may have vanished."""
_CLOSE_SECONDS = 10.0


class RemoteReplica:
    """One replica. It is usable from `start` until `lost` is set."""

    def __init__(self, number: int, node: Node, actor: Actor) -> None:
        """Talk to an actor that holds a Replica."""
        self.node = node
        self.paths: frozenset[Path] = frozenset()
        """The models in its memory."""
        self.status = RuntimeStatus("llama.cpp", {}, 0)
        self.is_leaving = False
        """Whether it gets no more to do."""
        self.lost = asyncio.Event()
        self._number = number
        self._actor = actor
        self._reason = ""
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Queue[Part | ActorLost]] = {}
        self._running: Counter[Path] = Counter()
        self._idle = asyncio.Event()
        self._idle.set()
        self._listening: asyncio.Task[None] | None = None

    def __str__(self) -> str:
        """Return what the log calls it."""
        return f"replica {self._number} on {self.node.name}"

    @property
    def running(self) -> int:
        """Number of answers and other calls that it works on."""
        return self._running.total()

    def running_of(self, path: Path) -> int:
        """Return how many of them are of the model at a path."""
        return self._running[path]

    async def start(self, on_lost: Callable[[], None]) -> str:
        """Prepare it; return why its node cannot serve, as a sentence, empty if it can. Raises ActorLost.

        `on_lost` is called once when it dies later.
        """
        obstacle: str = await self._actor.call("prepare")
        if not obstacle:
            self._listening = asyncio.create_task(self._listen(on_lost))
        return obstacle

    async def chunks(self, path: Path, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Yield the chunks of an answer; closing stops it. Raises ActorLost and ApiError."""
        number = next(self._numbers)
        queue: asyncio.Queue[Part | ActorLost] = asyncio.Queue()
        part: Part | ActorLost | None = None
        self._begin(path)
        self._answers[number] = queue
        try:
            self._require_life()
            self._actor.tell("answer", number, path, request, current_request_id())
            while not isinstance(part := await queue.get(), Ended | ActorLost):
                yield part
            if error := part if isinstance(part, ActorLost) else part.error:
                raise error
        finally:
            del self._answers[number]
            self._end(path)
            if not isinstance(part, Ended) and not self.lost.is_set():
                self._actor.tell("stop", number)

    async def call(self, method: str, path: Path, *arguments: Any) -> Any:
        """Call a method of Replica about the model at a path. Raises ActorLost, and what it raises."""
        self._begin(path)
        try:
            self._require_life()
            return await self._actor.call(method, path, *arguments)
        finally:
            self._end(path)

    def evict(self, path: Path) -> None:
        """Free a model as soon as its running answers end."""
        if not self.lost.is_set():
            self._actor.tell("evict", path)

    async def leave(self) -> None:
        """Take nothing more on, wait for what runs, and end the process."""
        self.is_leaving = True
        await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        """End the process."""
        self.is_leaving = True
        if self._listening:
            self._listening.cancel()
        if not self.lost.is_set():
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._actor.call("close")
            except (TimeoutError, ActorLost) as error:
                log.warning("%s did not free its models: %s", self, str(error) or "it does not answer")
        self.kill()

    def kill(self) -> None:
        """End the process at once."""
        self._actor.kill()

    def _begin(self, path: Path) -> None:
        self._running[path] += 1
        self._idle.clear()

    def _end(self, path: Path) -> None:
        self._running[path] -= 1
        if not self._running[path]:
            del self._running[path]
        if not self._running:
            self._idle.set()

    def _require_life(self) -> None:
        if self.lost.is_set():
            raise ActorLost(self._reason)

    async def _listen(self, on_lost: Callable[[], None]) -> None:
        try:
            while True:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    bundle: Bundle = await self._actor.call("next_bundle")
                self._receive(bundle)
        except TimeoutError:
            self._lose(f"it has said nothing for {_SILENCE_SECONDS:.0f} s")
        except ActorLost as error:
            self._lose(str(error))
        except Exception:
            log.exception("%s cannot be understood", self)
            self._lose("it cannot be understood")
        on_lost()

    def _receive(self, bundle: Bundle) -> None:
        self.paths, self.status = frozenset(bundle.paths), bundle.status
        for note in bundle.notes:
            log_note(note, str(self))
        for number, part in bundle.parts:
            if queue := self._answers.get(number):  # else its client has gone
                queue.put_nowait(part)

    def _lose(self, reason: str) -> None:
        self._reason = reason
        self.lost.set()
        log.warning("%s is lost: %s", self, reason)
        for queue in self._answers.values():
            queue.put_nowait(ActorLost(reason))
        self.kill()  # it may stand still, and go on later
