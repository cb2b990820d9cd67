"""A GGUF model that llama.cpp answers at once, and OpenVINO as soon as it has loaded it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from engine.inference.llama_cpp import LlamaCppGenerator
from engine.inference.openvino.generator import OpenVinoGenerator
from engine.inference.openvino.process import OpenVinoError, OpenVinoProcess
from engine.inference.runtimes import Runtimes
from engine.messages import Message
from engine.tokens import Turn

log = logging.getLogger(__name__)

_REFUSED = 400  # the status of a request that no runtime would answer


class RoutedGenerator:
    """One loaded model. What OpenVINO cannot do, and all while it loads or has crashed, is llama.cpp's."""

    def __init__(self, gguf: Path, llama: LlamaCppGenerator, runtimes: Runtimes, folder: Path | None) -> None:
        """Begin to load the model in OpenVINO, if that answers or is to be measured.

        `folder` is that of a tuned model, None for the base.
        """
        self._gguf = gguf
        self._llama = llama
        self._runtimes = runtimes
        self._folder = folder
        self._openvino: OpenVinoGenerator | None = None
        self._has_failed = False  # to load in OpenVINO: each further try could crash its process
        self._running = 0  # completions of OpenVINO
        self._idle = asyncio.Event()
        self._idle.set()
        self._loading = asyncio.create_task(self._load())

    @property
    def knows_tools(self) -> bool:
        return self._llama.knows_tools

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        openvino = self._openvino
        if self._runtimes.openvino and openvino and openvino.can_answer(request):
            begun = False
            async with aclosing(self._openvino_chunks(openvino, request)) as chunks:
                async for chunk in chunks:
                    if not begun and _has_failed(chunk):
                        break  # nothing was answered yet: llama.cpp does it
                    begun = True
                    yield chunk
            if begun:
                return
        self._load_again()
        async with aclosing(self._llama.chunks(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _openvino_chunks(
        self, openvino: OpenVinoGenerator, request: dict[str, Any]
    ) -> AsyncGenerator[dict[str, Any]]:
        self._running += 1
        self._idle.clear()
        try:
            async with aclosing(openvino.chunks(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def _load_again(self) -> None:
        """Load the model in OpenVINO if that was chosen since, or if its process has crashed.

        What could not be loaded stays llama.cpp's until the engine loads the model again.
        """
        is_missing = self._openvino is None or self._openvino.was_lost
        if self._runtimes.openvino and is_missing and self._loading.done() and not self._has_failed:
            self._loading = asyncio.create_task(self._load())

    async def _load(self) -> None:
        to_be_measured = None if self._folder else self._runtimes.to_be_measured
        process = self._runtimes.openvino or to_be_measured
        if process is None:
            return
        try:
            await self._load_in(process)
            if to_be_measured and self._openvino:
                await self._runtimes.measure(self._llama.chunks, self._openvino.chunks)
        except (OpenVinoError, RuntimeError, OSError) as error:
            self._has_failed = True
            if to_be_measured:
                await self._runtimes.give_up(str(error))
            else:
                reason = f"llama.cpp alone answers for {self._gguf.name}: {error}"
                log.warning("%s", reason)
                self._runtimes.reason = reason

    async def _load_in(self, process: OpenVinoProcess) -> None:
        copy = self._runtimes.copy_of(self._gguf, self._folder)
        openvino = self._openvino or OpenVinoGenerator(process, self._gguf, copy, self._llama)
        await openvino.load()
        self._openvino = openvino

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        return await self._llama.tokenize_turn(messages)

    async def close(self) -> None:
        await self._idle.wait()
        self._loading.cancel()
        await asyncio.gather(self._loading, return_exceptions=True)
        if self._openvino:
            self._openvino.unload()
        await self._llama.close()


def _has_failed(chunk: dict[str, Any]) -> bool:
    """Return whether OpenVINO failed, and did not refuse the request."""
    return "error" in chunk and chunk["error"]["code"] != _REFUSED
