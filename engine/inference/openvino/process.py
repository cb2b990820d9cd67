"""The OpenVINO process as the engine sees it: start it, ask it, notice its crash, start it anew."""

import asyncio
import itertools
import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path

import psutil
from pydantic import BaseModel, TypeAdapter

from engine import system
from engine.inference.openvino.protocol import Cancel, Generate, Load, Loaded, Settings, Tokens, Unload

log = logging.getLogger(__name__)

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_MAX_CRASHES = 3  # within an hour: then the process is not started again
_CRASH_SECONDS = 3600.0
_LOGGED_CHARACTERS = 4000  # of its stderr, if it crashes
_ANSWERS: TypeAdapter[Loaded | Tokens] = TypeAdapter(Loaded | Tokens)


class OpenVinoError(Exception):
    """A model that OpenVINO cannot load, or a completion that it could not finish; the text says why."""


class OpenVinoProcess:
    """The process, started when the first model is loaded, and anew after a crash.

    A crash ends all its completions, and its models have to be loaded again.
    """

    def __init__(self, completions: int) -> None:
        """Prepare; at most so many completions of a model are generated at once."""
        self._at_once = completions
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._is_closing = False
        self._numbers = itertools.count(1)
        self._loading: dict[int, asyncio.Future[None]] = {}
        self._running: dict[int, asyncio.Queue[Tokens]] = {}
        self._lately: deque[float] = deque(maxlen=_MAX_CRASHES)  # when it crashed
        self._loaded: set[int] = set()
        self.crashes = 0
        """How often it has crashed."""
        self.last_crash = ""
        """How it ended the last time; empty if it has not crashed."""
        self.life = 0
        """How often the process was started: a model of an earlier life is not loaded."""

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

    @property
    def is_given_up(self) -> bool:
        """Whether it crashed so often lately that it is not started again."""
        full = len(self._lately) == _MAX_CRASHES
        return full and time.monotonic() - self._lately[0] < _CRASH_SECONDS

    async def load(self, gguf: Path, copy_to: Path) -> int:
        """Load a model and return its number (takes seconds).

        `copy_to` is where a copy goes that OpenVINO can read. Raises OpenVinoError.
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
        queue = self._running[number] = asyncio.Queue[Tokens]()
        ended = False
        try:
            self._send(Generate(number=number, model=model, ids=ids, settings=settings))
            while not ended:
                tokens = await queue.get()
                ended = tokens.end is not None
                if tokens.end == "failed":
                    raise OpenVinoError("the completion could not be finished")
                yield tokens.ids
        finally:
            self._running.pop(number, None)
            if not ended and self._process:
                self._send(Cancel(number=number))

    async def close(self) -> None:
        """End the process."""
        if self._process and self._process.stdin and self._reader:
            self._is_closing = True
            self._process.stdin.close()
            await self._reader

    async def _start(self) -> None:
        async with self._starting:
            if self._process:
                return
            if self.is_given_up:
                raise OpenVinoError(f"its process has crashed too often; at last {self.last_crash}")
            paths = [str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "engine.inference.openvino",
                str(system.compute_threads()),
                str(self._at_once),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                start_new_session=True,  # signals from a terminal are for the engine
            )
            self.life += 1
            self._reader = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Pass its messages on until it ends."""
        assert process.stdout is not None  # noqa: S101  `_start` makes them pipes
        assert process.stderr is not None  # noqa: S101
        errors = asyncio.create_task(_last_characters(process.stderr))
        try:
            async for line in process.stdout:
                if line.endswith(b"\n"):  # else it died while writing
                    self._handle(_ANSWERS.validate_json(line))
        except ValueError:  # nothing that comes after it could be trusted
            log.exception("the OpenVINO process has written what is no answer")
            system.send_signal(process, signal.SIGKILL)
        ending = _ending(await process.wait())
        self._process = None
        self._loaded.clear()
        if not self._is_closing:
            self._lately.append(time.monotonic())
            self.crashes += 1
            self.last_crash = ending
        for loaded in self._loading.values():
            if not loaded.done():
                loaded.set_exception(OpenVinoError(f"its process {ending}"))
        for number, queue in self._running.items():
            queue.put_nowait(Tokens(number=number, end="failed"))
        if self._is_closing:
            return
        log.error("the OpenVINO process %s, while it generated %d answers", ending, len(self._running))
        log.error("the end of its log:\n%s", await errors)

    def _handle(self, answer: Loaded | Tokens) -> None:
        if isinstance(answer, Tokens):
            if queue := self._running.get(answer.number):
                queue.put_nowait(answer)
        elif (loaded := self._loading.get(answer.model)) and not loaded.done():  # a load may be cancelled
            if answer.failure is None:
                loaded.set_result(None)
            else:
                loaded.set_exception(OpenVinoError(answer.failure))

    def _send(self, order: BaseModel) -> None:
        if self._process is None or self._process.stdin is None:
            raise OpenVinoError("its process has ended")
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


async def _last_characters(stream: asyncio.StreamReader) -> str:
    """Return the end of what a process wrote to stderr, when it has ended."""
    text = ""
    while data := await stream.read(65536):
        text = (text + data.decode(errors="replace"))[-_LOGGED_CHARACTERS:]
    return text
