"""The OpenVINO process as the engine sees it: start it, ask it, notice its crash, start it anew."""

import asyncio
import itertools
import logging
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextvars import Context
from pathlib import Path

import psutil
from pydantic import BaseModel, TypeAdapter

from engine import system
from engine.inference.openvino.protocol import Alive, Cancel, Generate, Load, Loaded, Settings, Tokens, Unload

log = logging.getLogger(__name__)

_MAX_CRASHES = 3  # within an hour: then the process is not started again
_CRASH_SECONDS = 3600.0
_EXIT_SECONDS = 5.0  # for it to exit when it is told to
_MAX_SILENCE = 180.0  # seconds: much longer than a step of a large model on a slow machine
_LOG_SECONDS = 1.0  # for its last words, when it has ended
_MAX_LINE = 4000  # bytes that are logged of a line without end
_ANSWERS: TypeAdapter[Loaded | Tokens | Alive] = TypeAdapter(Loaded | Tokens | Alive)


class OpenVinoError(Exception):
    """A model that OpenVINO cannot load, or a completion that it could not finish; the text says why."""


class OpenVinoProcessEnded(OpenVinoError):
    """The process has ended, or is not started any more: nothing need be wrong with the model."""


class OpenVinoProcess:
    """The process, started when the first model is loaded, and anew after a crash.

    A crash ends all its completions, and its models have to be loaded again.
    """

    def __init__(self, completions: int, *, max_silence: float = _MAX_SILENCE) -> None:
        """Prepare; at most so many completions of a model are generated at once.

        max_silence: seconds after which the process is killed if it says nothing while it is to generate.
        """
        self._at_once = completions
        self._max_silence = max_silence
        self._heard = 0.0  # when it last said something, or was asked after it had nothing to do
        self._hang = ""  # why it was killed
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._is_closing = False
        self._numbers = itertools.count(1)
        self._loading: dict[int, asyncio.Future[None]] = {}
        self._running: dict[int, asyncio.Queue[Tokens]] = {}
        self._crash_times: deque[float] = deque(maxlen=_MAX_CRASHES)
        self._loaded: set[int] = set()
        self.crashes = 0
        """How often it has crashed."""
        self.last_crash = ""
        """How it ended the last time; empty if it has not crashed."""
        self.life = 0
        """How often the process was started: a model of an earlier life is not loaded."""
        self.given_up = ""
        """Why it is not started any more; empty if it is."""

    @property
    def pid(self) -> int | None:
        """The id of the running process, None if there is none."""
        return self._process.pid if self._process else None

    @property
    def models(self) -> int:
        """Number of models in its memory."""
        return len(self._loaded)

    @property
    def completions(self) -> int:
        """Number of completions that it generates."""
        return len(self._running)

    @property
    def resident_bytes(self) -> int:
        """The memory that it takes; 0 if it does not run."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss) if self.pid else 0
        except psutil.NoSuchProcess:
            return 0

    def give_up(self, reason: str) -> None:
        """Start it no more until the engine's next start."""
        if not self.given_up:
            self.given_up = reason
            log.warning("llama.cpp alone answers until the next start: %s", reason)

    async def load(self, gguf: Path, copy_to: Path) -> int:
        """Load a model and return its number (takes seconds).

        `copy_to` is where a copy goes that OpenVINO can read. Raises OpenVinoError, or, if the process
        has ended or is not started any more, OpenVinoProcessEnded.
        """
        await self._start()
        model = next(self._numbers)
        self._loading[model] = loaded = asyncio.get_running_loop().create_future()
        try:
            self._send(Load(model=model, gguf=gguf, copy_to=copy_to))
            await loaded
        except asyncio.CancelledError:
            self.unload(model)
            raise
        finally:
            self._loading.pop(model, None)
        self._loaded.add(model)
        return model

    def unload(self, model: int) -> None:
        """Free a model."""
        self._loaded.discard(model)
        if self._process:
            self._send(Unload(model=model))

    async def generate(self, model: int, ids: list[int], settings: Settings) -> AsyncGenerator[list[int]]:
        """Yield the tokens of a completion as they come; closing it ends the completion.

        Raises OpenVinoError if it could not be finished.
        """
        number = next(self._numbers)
        if not self._running:
            self._heard = time.monotonic()
        queue = self._running[number] = asyncio.Queue[Tokens]()
        ended = False
        try:
            self._send(Generate(number=number, model=model, ids=ids, settings=settings))
            while not ended:
                tokens = await queue.get()
                ended = tokens.end is not None
                if tokens.end == "failed":
                    raise OpenVinoError(tokens.failure or "the completion could not be finished")
                yield tokens.ids
        finally:
            self._running.pop(number, None)
            if not ended and self._process:
                self._send(Cancel(number=number))

    async def close(self) -> None:
        """End the process; kill it if it does not end in a few seconds."""
        process, reader = self._process, self._reader
        if reader is None:
            return
        self._is_closing = True
        if process and process.stdin:
            process.stdin.close()
        await asyncio.wait([reader], timeout=_EXIT_SECONDS)
        if process and not reader.done():
            log.warning("the OpenVINO process does not end, and is killed")
            system.send_signal(process, signal.SIGKILL)
            await asyncio.wait([reader], timeout=_EXIT_SECONDS)

    async def _start(self) -> None:
        async with self._starting:
            if self._process:
                return
            if self.given_up:
                raise OpenVinoProcessEnded(self.given_up)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "engine.inference.openvino",
                str(system.compute_threads()),
                str(self._at_once),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # signals from a terminal are for the engine
            )
            self.life += 1
            # in a context of its own: what it logs belongs to no request
            self._reader = asyncio.create_task(self._read(self._process), context=Context())

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Pass its messages on until it ends."""
        assert process.stdout is not None  # noqa: S101  `_start` makes them pipes
        assert process.stderr is not None  # noqa: S101
        words = asyncio.create_task(_log_lines(process.stderr))
        watchdog = asyncio.create_task(self._watch(process))
        try:
            async for line in process.stdout:
                if line.endswith(b"\n"):  # else it died while writing
                    self._handle(_ANSWERS.validate_json(line))
        except ValueError:  # nothing that comes after it could be trusted
            log.exception("the OpenVINO process has written what is no answer")
            system.send_signal(process, signal.SIGKILL)
        code = await process.wait()
        watchdog.cancel()
        ending, self._hang = self._hang or _ending(code), ""
        interrupted = len(self._running)
        self._process = None
        if not self._is_closing:
            self._count_crash(code, ending)
        self._fail_all(f"its process {ending}")
        if not self._is_closing:
            log.error("the OpenVINO process %s, while it generated %d answers", ending, interrupted)
        await asyncio.wait([words], timeout=_LOG_SECONDS)
        words.cancel()  # a process of its own may hold the pipe

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill it if it hangs, which ends its completions as a crash does."""
        while not self._hang:
            await asyncio.sleep(self._max_silence / 10)
            if self._running and time.monotonic() - self._heard > self._max_silence:
                self._hang = f"hung: it said nothing for {self._max_silence:.0f} s, and was killed"
                system.send_signal(process, signal.SIGKILL)

    def _count_crash(self, code: int, ending: str) -> None:
        now = time.monotonic()
        self._crash_times.append(now)
        self.crashes += 1
        self.last_crash = ending
        if code == -signal.SIGILL:  # the next one would end likewise
            self.give_up(f"its process {ending}")
        elif len(self._crash_times) == _MAX_CRASHES and now - self._crash_times[0] < _CRASH_SECONDS:
            self.give_up(f"OpenVINO's process has crashed too often; at last it {ending}")

    def _fail_all(self, reason: str) -> None:
        """Fail all loads and completions of a process that has ended."""
        self._loaded.clear()
        for loaded in self._loading.values():
            if not loaded.done():
                loaded.set_exception(OpenVinoProcessEnded(reason))
        for number, queue in self._running.items():
            queue.put_nowait(Tokens(number=number, end="failed", failure=reason))

    def _handle(self, answer: Loaded | Tokens | Alive) -> None:
        self._heard = time.monotonic()
        if isinstance(answer, Tokens):
            if queue := self._running.get(answer.number):
                queue.put_nowait(answer)
                if answer.end:
                    del self._running[answer.number]
        elif isinstance(answer, Loaded):
            self._finish_loading(answer)

    def _finish_loading(self, answer: Loaded) -> None:
        if answer.is_unusable and answer.failure:
            self.give_up(answer.failure)
        loaded = self._loading.get(answer.model)
        if loaded is None or loaded.done():  # a load may be cancelled
            return
        if answer.failure is None:
            loaded.set_result(None)
        else:
            loaded.set_exception(OpenVinoError(answer.failure))

    def _send(self, order: BaseModel) -> None:
        if self._process is None or self._process.stdin is None:
            raise OpenVinoProcessEnded("its process has ended")
        self._process.stdin.write(order.model_dump_json().encode() + b"\n")


def _ending(code: int) -> str:
    """Return how a process ended, by its exit code, as the rest of a sentence."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGILL":
        return "was ended by SIGILL: this processor lacks instructions that OpenVINO is built for"
    if name == "SIGKILL":
        return "was ended by SIGKILL: by hand, or because memory ran out"
    return f"was ended by {name}"


async def _log_lines(stream: asyncio.StreamReader) -> None:
    """Log what the process writes to stderr, as it comes."""
    rest = b""
    while data := await stream.read(65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            log.info("OpenVINO: %s", line.decode(errors="replace"))
        rest = rest[-_MAX_LINE:]
    if rest:
        log.info("OpenVINO: %s", rest.decode(errors="replace"))
