"""A GGUF model that llama.cpp answers at once, and OpenVINO as soon as it has loaded it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from engine.inference.llama_cpp import LlamaCppGenerator
from engine.inference.openvino.generator import OpenVinoGenerator
from engine.inference.openvino.process import OpenVinoError, OpenVinoProcess, OpenVinoProcessEnded
from engine.inference.runtimes import Runtimes
from engine.limits import OPENVINO_SLOTS
from engine.messages import Message
from engine.tokens import Turn

log = logging.getLogger(__name__)

_REFUSED = 400  # the status of a request that no runtime would answer
_MAX_ENDINGS = 2  # of the process while it loads a tuned model: another model may crash it once
_IDLE_SECONDS = 900.0  # then a model leaves OpenVINO, where it takes 700 MiB


class RoutedGenerator:
    """One loaded model.

    llama.cpp answers the requests that OpenVINO cannot, and all requests while OpenVINO loads, has crashed,
    or has freed the model because nobody asked it for long.
    """

    def __init__(
        self,
        gguf: Path,
        llama: LlamaCppGenerator,
        runtimes: Runtimes,
        folder: Path | None,
        *,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        """Begin to load the model in OpenVINO, if that answers or is to be measured.

        `folder` is that of a tuned model, None for the base.
        """
        self._gguf = gguf
        self._name = folder.name if folder else gguf.name
        self._llama = llama
        self._runtimes = runtimes
        self._folder = folder
        self._openvino: OpenVinoGenerator | None = None
        self._has_failed = False  # to load in OpenVINO: each further try could crash its process
        self._endings = 0  # how often the process ended while it loaded the model, since it last did
        self._running = 0  # completions of OpenVINO
        self._idle = asyncio.Event()
        self._idle.set()
        self._idle_seconds = idle_seconds
        self._unload_timer: asyncio.TimerHandle | None = None
        self._loading = asyncio.create_task(self._load())

    @property
    def knows_tools(self) -> bool:
        return self._llama.knows_tools

    @property
    def slots(self) -> int:
        is_loaded = self._runtimes.openvino and self._openvino and self._openvino.is_loaded
        return OPENVINO_SLOTS if is_loaded else self._llama.slots

    async def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        openvino, is_for_openvino = self._openvino, OpenVinoGenerator.can_answer(request)
        if is_for_openvino and self._runtimes.openvino and openvino and openvino.is_loaded:
            begun = False
            async with aclosing(
                self._counted("openvino", self._openvino_chunks(openvino, request))
            ) as chunks:
                async for chunk in chunks:
                    if not begun and _has_failed(chunk):
                        self._fail_over(chunk)
                        break  # nothing was answered yet: llama.cpp does it
                    begun = True
                    yield chunk
            if begun:
                return
        if is_for_openvino:
            self._load_again()
        async with aclosing(self._counted("llama.cpp", self._llama.chunks(request))) as chunks:
            async for chunk in chunks:
                yield chunk

    def _fail_over(self, failed: dict[str, Any]) -> None:
        self._runtimes.failovers += 1
        reason = failed["error"]["message"]
        log.warning("llama.cpp gives an answer of %s that OpenVINO could not: %s", self._name, reason)

    async def _counted(
        self, runtime: str, chunks: AsyncGenerator[dict[str, Any]]
    ) -> AsyncGenerator[dict[str, Any]]:
        """Pass chunks on; count an answer when it begins, and log why it broke off."""
        begun = False
        async with aclosing(chunks):
            async for chunk in chunks:
                if not begun and "error" not in chunk:
                    begun = True
                    self._runtimes.answers[runtime] += 1
                elif begun and "error" in chunk:
                    log.warning("an answer of %s broke off: %s", self._name, chunk["error"]["message"])
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
                self._unload_later()

    def _unload_later(self) -> None:
        if self._unload_timer:
            self._unload_timer.cancel()
        self._unload_timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._unload_if_idle)

    def _unload_if_idle(self) -> None:
        """Free the model in OpenVINO; the next chat has it loaded again."""
        if self._openvino and self._openvino.is_loaded and not self._running:
            log.info("OpenVINO frees %s, which nobody has asked for %.0f s", self._name, self._idle_seconds)
            self._openvino.unload()
            self._openvino = None

    def _load_again(self) -> None:
        """Load the model in OpenVINO if it is not there: OpenVINO was chosen since, freed it, or has crashed.

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
            self._unload_later()
        except OpenVinoError as error:
            await self._note_failure(error, process, is_choice=bool(to_be_measured))
        except Exception as error:  # of any kind: nobody waits for this task, and llama.cpp answers
            log.exception("%s could not be loaded in OpenVINO or measured", self._gguf)
            await self._note_failure(error, process, is_choice=bool(to_be_measured))

    async def _load_in(self, process: OpenVinoProcess) -> None:
        if self._folder:
            self._runtimes.require_memory()
        copy = self._runtimes.copy_of(self._gguf, self._folder)
        openvino = self._openvino or OpenVinoGenerator(process, self._gguf, copy, self._llama)
        await openvino.load()
        self._openvino = openvino
        self._endings = 0
        self._runtimes.clear_failure(self._name)

    async def _note_failure(self, error: Exception, process: OpenVinoProcess, *, is_choice: bool) -> None:
        """Keep why the model is not loaded: for it alone, for all models, or until it is tried again."""
        reason = str(error) or type(error).__name__
        has_ended = isinstance(error, OpenVinoProcessEnded)
        self._endings += has_ended
        if is_choice or process.given_up:
            await self._runtimes.give_up(reason)
        elif has_ended and (self._folder is None or self._endings < _MAX_ENDINGS):
            log.warning("%s is not loaded in OpenVINO now, and is tried again: %s", self._name, reason)
        else:
            self._has_failed = True
            self._runtimes.note_failure(self._name, reason)

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        return await self._llama.tokenize_turn(messages)

    async def log_probs(self, messages: Sequence[Message]) -> list[float]:
        return await self._llama.log_probs(messages)  # of one runtime, so that models can be compared

    async def close(self) -> None:
        await self._idle.wait()
        if self._unload_timer:
            self._unload_timer.cancel()
        self._loading.cancel()
        await asyncio.gather(self._loading, return_exceptions=True)
        if self._openvino:
            self._openvino.unload()
        self._runtimes.clear_failure(self._name)
        await self._llama.close()


def _has_failed(chunk: dict[str, Any]) -> bool:
    """Return whether OpenVINO failed, and did not refuse the request."""
    return "error" in chunk and chunk["error"]["code"] != _REFUSED
