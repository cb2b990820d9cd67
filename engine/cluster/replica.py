"""What runs in an actor on any node: the models of one process, and what they answer.

Each method may run beside the others. Answers are sent by `next_bundle`, which the head calls again and
again: many streams cost as many messages as one.
"""

import asyncio
import os
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import machine_check, system
from engine.cluster import shared_folder
from engine.cluster.log_relay import relay_logs
from engine.cluster.outbox import Ended, Note, Outbox, Part
from engine.errors import ApiError
from engine.inference.chunks import has_words
from engine.inference.model_cache import ModelCache
from engine.inference.runtime_status import RuntimeStatus
from engine.inference.runtimes import Runtimes
from engine.logs import under_request_id
from engine.messages import Message
from engine.storage.weights import Weights
from engine.tokens import Turn

_SENT = ("choices", "usage", "error")  # of a chunk: the head reads nothing else


@dataclass(frozen=True)
class ReplicaOptions:
    """What every replica of a head is told."""

    data: Path
    """The shared folder."""
    mark: str
    """What the head wrote into it."""
    base: Weights
    log_level: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a replica tells: parts of answers, its log, and the models in its memory."""

    parts: list[tuple[int, Part]]
    notes: list[Note]
    paths: list[Path]
    status: RuntimeStatus


class Replica:
    """Loads models and answers with them."""

    def __init__(self, options: ReplicaOptions) -> None:
        """Load nothing yet."""
        # Ray sets it to the processors that an actor asks for, none; this one computes on all, as the engine
        os.environ["OMP_NUM_THREADS"] = str(system.compute_threads())
        self._options = options
        base = options.base.path
        self._cache = ModelCache(base, Runtimes("llama.cpp", options.data, base))
        self._outbox = Outbox()
        self._answers: dict[int, asyncio.Task[None]] = {}

    async def prepare(self) -> str:
        """Load the base. Return why this node cannot serve it, as a sentence; empty if it can."""
        relay_logs(self._outbox, self._options.log_level)
        if obstacle := await shared_folder.obstacle(self._options.data, self._options.mark):
            return obstacle
        base = self._options.base
        if not base.path.exists():
            return (
                f"The base is not at {base.path} there: put it into the shared folder, and name it by --base."
            )
        if obstacle := await asyncio.to_thread(machine_check.obstacle, base):
            return obstacle
        with suppress(ApiError):  # the log has the reason, and each chat is told that there is one
            await self._cache.get(base.path)
        return ""

    async def next_bundle(self) -> Bundle:
        """Wait for something to tell, but not long, and return it."""
        parts, notes = await self._outbox.next()
        return Bundle(parts, notes, self._cache.paths, self._cache.runtime_status)

    async def answer(self, number: int, path: Path, request: dict[str, Any], request_id: str) -> None:
        """Begin an answer, whose parts are sent under this number."""
        with under_request_id(request_id):
            task = asyncio.create_task(self._answer(number, path, request))
        self._answers[number] = task
        task.add_done_callback(lambda _: self._answers.pop(number, None))

    async def _answer(self, number: int, path: Path, request: dict[str, Any]) -> None:
        begun = False
        try:
            generator = await self._cache.get(path)
            async with aclosing(generator.chunks(request)) as chunks:
                async for chunk in chunks:
                    sent = {name: chunk[name] for name in _SENT if name in chunk}
                    self._outbox.add(number, sent, urgent=not begun)
                    begun = begun or has_words(chunk)
            self._outbox.add(number, Ended(), urgent=True)
        except Exception as error:  # noqa: BLE001  the head raises it
            self._outbox.add(number, Ended(_picklable(error)), urgent=True)

    async def stop(self, number: int) -> None:
        """Stop an answer that nobody waits for any more."""
        if task := self._answers.get(number):
            task.cancel()

    async def knows_tools(self, path: Path) -> bool:
        """Load a model and return what `Generator.knows_tools` says. Raises ApiError."""
        return (await self._cache.get(path)).knows_tools

    async def tokenize_turn(self, path: Path, messages: Sequence[Message]) -> Turn:
        """Do what `Generator.tokenize_turn` does. Raises ApiError as well."""
        return await (await self._cache.get(path)).tokenize_turn(messages)

    async def log_probs(self, path: Path, messages: Sequence[Message]) -> list[float]:
        """Do what `Generator.log_probs` does. Raises ApiError as well."""
        return await (await self._cache.get(path)).log_probs(messages)

    async def evict(self, path: Path) -> None:
        """Free a model as soon as its running answers end."""
        self._cache.evict(path)
        self._outbox.flush()

    async def close(self) -> None:
        """Stop all answers and free every model: its threads would crash a process that exits."""
        for task in self._answers.values():
            task.cancel()
        await self._cache.close()


def _picklable(error: Exception) -> Exception:
    return error if isinstance(error, ApiError) else RuntimeError(f"{type(error).__name__}: {error}")
