"""Which models are in memory: the base, and the tuned ones asked for last."""

import asyncio
import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Union

from engine.errors import ApiError
from engine.inference.llama_cpp import Generator
from engine.messages import Message

if TYPE_CHECKING:
    from engine.inference.torch_generator import TorchGenerator

log = logging.getLogger(__name__)

TUNED_IN_MEMORY = 3
"""Each costs about 400 MiB with the packaged weights, and the whole base's memory again with a folder."""

AnyGenerator = Union[Generator, "TorchGenerator"]


class Residents:
    """Loads models when they are first asked for and forgets the least recently used."""

    def __init__(self, base: Path) -> None:
        """Keep `base` for good; others come and go."""
        self._base = base
        self._loaded: OrderedDict[Path, asyncio.Task[AnyGenerator]] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many models are in memory or being loaded."""
        return len(self._loaded)

    def warm_up(self) -> None:
        """Start loading the base, so that the first chat need not wait for it."""
        self._load(self._base)

    async def get(self, path: Path) -> AnyGenerator:
        """Return the model at a `Models.path`, loaded once however many ask.

        Raises a 503 when it cannot be loaded.
        """
        loading = self._load(path)
        try:
            # shielded: one client that leaves must not stop the loading that others wait for
            return await asyncio.shield(loading)
        except Exception as error:
            log.exception("%s could not be loaded", path)
            self._loaded.pop(path, None)
            raise ApiError(503, "The model could not be loaded.", code="model_not_loaded") from error

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how many tokens a chat that ends with an answer has for the base.

        Raises ValueError for one that its template cannot take, and a 503 where it cannot be loaded.
        """
        return await (await self.get(self._base)).count(messages)

    def forget(self, path: Path) -> None:
        """Free a model once the answers it is giving are complete."""
        if path in self._loaded:
            closing = asyncio.create_task(_close(self._loaded.pop(path)))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _load(self, path: Path) -> asyncio.Task[AnyGenerator]:
        if path not in self._loaded:
            self._loaded[path] = asyncio.create_task(asyncio.to_thread(self._open, path))
        self._loaded.move_to_end(path)
        self._trim()
        return self._loaded[path]

    def _open(self, path: Path) -> AnyGenerator:
        if not path.is_dir():
            return Generator.load(path)
        # read by OpenMP when torch loads it; engine.generation says why
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
        from engine.inference.torch_generator import TorchGenerator  # noqa: PLC0415  seconds, and 300 MB of memory

        return TorchGenerator.load(self._base, adapter=None if path == self._base else path)

    def _trim(self) -> None:
        tuned = [path for path in self._loaded if path != self._base]
        for path in tuned[:-TUNED_IN_MEMORY]:
            self.forget(path)

    async def close(self) -> None:
        """Free every model; llama.cpp's threads crash a process that exits while a model is loaded."""
        for path in list(self._loaded):
            self.forget(path)
        await asyncio.gather(*self._closing, return_exceptions=True)


async def _close(loading: asyncio.Task[AnyGenerator]) -> None:
    await asyncio.wait([loading])
    if not loading.cancelled() and loading.exception() is None:
        await loading.result().close()
