"""Which models are in memory: the base, and the tuned ones asked for last."""

import asyncio
from collections import OrderedDict
from pathlib import Path

from engine.errors import ApiError
from engine.generation import Generator

TUNED_IN_MEMORY = 3
"""Each costs about 400 MiB with the packaged weights."""


class Residents:
    """Loads models when they are first asked for and forgets the least recently used."""

    def __init__(self, base: Path) -> None:
        """Keep `base` for good; others come and go."""
        self._base = base
        self._loaded: OrderedDict[Path, asyncio.Task[Generator]] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many models are in memory or being loaded."""
        return len(self._loaded)

    def warm_up(self) -> None:
        """Start loading the base, so that the first chat need not wait for it."""
        self._load(self._base)

    async def get(self, path: Path) -> Generator:
        """Return the model of a GGUF file, loaded once however many ask. Raises a 503 when it cannot be."""
        loading = self._load(path)
        try:
            # shielded: one client that leaves must not stop the loading that others wait for
            return await asyncio.shield(loading)
        except RuntimeError as error:
            self._loaded.pop(path, None)
            raise ApiError(503, "The model could not be loaded.", code="model_not_loaded") from error

    def forget(self, path: Path) -> None:
        """Free a model once the answers it is giving are complete."""
        if path in self._loaded:
            closing = asyncio.create_task(_close(self._loaded.pop(path)))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _load(self, path: Path) -> asyncio.Task[Generator]:
        if path not in self._loaded:
            self._loaded[path] = asyncio.create_task(asyncio.to_thread(Generator.load, path))
        self._loaded.move_to_end(path)
        self._trim()
        return self._loaded[path]

    def _trim(self) -> None:
        tuned = [path for path in self._loaded if path != self._base]
        for path in tuned[:-TUNED_IN_MEMORY]:
            self.forget(path)

    async def close(self) -> None:
        """Free every model; llama.cpp's threads crash a process that exits while a model is loaded."""
        for path in list(self._loaded):
            self.forget(path)
        await asyncio.gather(*self._closing, return_exceptions=True)


async def _close(loading: asyncio.Task[Generator]) -> None:
    await asyncio.wait([loading])
    if not loading.cancelled() and loading.exception() is None:
        await loading.result().close()
