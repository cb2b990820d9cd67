"""The models in memory: an LRU cache of tuned models, and the base."""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import ApiError
from engine.inference.generator import Generator
from engine.inference.llama_cpp import LlamaCppGenerator
from engine.inference.routed_generator import RoutedGenerator
from engine.inference.runtime_status import RuntimeStatus
from engine.inference.runtimes import Runtimes
from engine.limits import SLOTS
from engine.messages import Message
from engine.tokens import Turn

log = logging.getLogger(__name__)

MAX_TUNED_MODELS = 3
"""Each takes about 400 MiB with the packaged weights; with a Hugging Face folder as much as the base."""


class ModelCache:
    """The models of this process: loads each on first use, and evicts the least recently used one."""

    def __init__(self, base: Path, runtimes: Runtimes) -> None:
        """Start empty; `base` is never evicted."""
        self._base = base
        self._runtimes = runtimes
        self._loaded: OrderedDict[Path, asyncio.Task[Generator]] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        return len(self._loaded)

    @property
    def paths(self) -> list[Path]:
        """The models in memory or being loaded, the least recently used one first."""
        return list(self._loaded)

    @property
    def runtime_status(self) -> RuntimeStatus:
        return self._runtimes.status

    def slots(self, path: Path) -> int:
        loading = self._loaded.get(path)
        if loading and loading.done() and not loading.cancelled() and loading.exception() is None:
            return loading.result().slots
        return SLOTS

    def warm_up(self) -> None:
        self._load(self._base)

    async def get(self, path: Path) -> Generator:
        loading = self._load(path)  # once for concurrent calls
        try:
            # shielded: a client that disconnects must not stop the loading that others wait for
            return await asyncio.shield(loading)
        except Exception as error:
            log.exception("%s could not be loaded", path)
            self._loaded.pop(path, None)
            raise ApiError(
                503, "The model could not be loaded: the engine's log says why.", code="model_not_loaded"
            ) from error

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        return await (await self.get(self._base)).tokenize_turn(messages)

    def evict(self, path: Path) -> None:
        if path in self._loaded:
            closing = asyncio.create_task(_close(self._loaded.pop(path)))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def until_runtime_chosen(self) -> None:
        await self._runtimes.until_chosen()

    def health(self) -> dict[str, Any]:
        return {"runtime": self._runtimes.describe()}

    def _load(self, path: Path) -> asyncio.Task[Generator]:
        if path not in self._loaded:
            opening = asyncio.to_thread(self._open_folder, path) if path.is_dir() else self._open_gguf(path)
            self._loaded[path] = asyncio.create_task(opening)
        self._loaded.move_to_end(path)
        self._evict_oldest()
        return self._loaded[path]

    async def _open_gguf(self, path: Path) -> Generator:
        llama = await asyncio.to_thread(LlamaCppGenerator.load, path)
        return RoutedGenerator(path, llama, self._runtimes, None if path == self._base else path.parent)

    def _open_folder(self, path: Path) -> Generator:
        # OpenMP reads this when torch loads it; engine/inference/llama_cpp.py gives the reason
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
        from engine.inference.torch_generator import TorchGenerator  # noqa: PLC0415  seconds, and 300 MB of memory

        return TorchGenerator.load(self._base, tuned=None if path == self._base else path)

    def _evict_oldest(self) -> None:
        tuned = [path for path in self._loaded if path != self._base]
        for path in tuned[:-MAX_TUNED_MODELS]:
            self.evict(path)

    async def close(self) -> None:
        """Free every model; llama.cpp's threads crash a process that exits while a model is loaded."""
        for path in list(self._loaded):
            self.evict(path)
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._runtimes.close()


async def _close(loading: asyncio.Task[Generator]) -> None:
    await asyncio.wait([loading])
    if not loading.cancelled() and loading.exception() is None:
        await loading.result().close()
