"""Trainers, started from a process that has torch loaded already: engine/training/template.py."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import psutil

from engine import system

# that the template stays after a training: it holds memory, and often another one follows
_IDLE_SECONDS = 600.0

TRAINER_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OPENBLAS_NUM_THREADS": "1",  # numpy's and scipy's: a process with threads should not be copied
    # a thread that waits for another must not spin on a core that the other, or a chat, needs
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "2000",
    # torch's oneDNN keeps what it prepares for each shape of a product: texts of all lengths, by default
    # 1024 shapes, took 2 GiB in a training of ten minutes (bench/engine/training.md)
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32",
}
"""What is set in the environment of trainers: few threads at a time, and little memory."""


class NotStarted(Exception):
    """The template has ended instead of starting a trainer."""


class _Template:
    """The running process."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        orders: socket.socket,
        answers: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """`orders` is the socket on which it takes orders; on `answers` it answers."""
        self.process = process
        self._writer = writer
        self._orders = orders
        self._starts: deque[asyncio.Future[int | None]] = deque()
        """Those of which it has not answered yet that they have begun, in the order of their orders."""
        self._codes: dict[int, asyncio.Future[int | None]] = {}
        self._reader = asyncio.create_task(self._read(answers))

    @property
    def has_ended(self) -> bool:
        """Whether it answers no more."""
        return self._reader.done()

    async def start(self, folder: Path, messages: asyncio.StreamReader, pipes: ExitStack) -> "Trainer":
        """Start a trainer in `folder`, whose stdout goes to `messages`. Raises NotStarted and OSError."""
        process_id = None
        with suppress(ConnectionError):
            await _order(self._orders, folder, messages, pipes)
            if not self.has_ended:
                self._starts.append(asyncio.get_running_loop().create_future())
                process_id = await self._starts[-1]
        if process_id is None:
            raise NotStarted(f"the trainers' template ended with {await self.process.wait()}")
        return Trainer(process_id, messages, self._codes[process_id])

    async def close(self) -> None:
        """End it, and wait for its end: asyncio warns of a child that outlives its loop."""
        self._writer.close()
        system.send_signal(self.process, signal.SIGKILL)
        await self.process.wait()
        await self._reader

    async def _read(self, answers: asyncio.StreamReader) -> None:
        with suppress(ConnectionError):
            async for line in answers:
                answer = json.loads(line)
                if "code" in answer:
                    _tell(self._codes[answer["pid"]], answer["code"])
                else:
                    self._codes[answer["pid"]] = asyncio.get_running_loop().create_future()
                    _tell(self._starts.popleft(), answer["pid"])
        for waiting in (*self._starts, *self._codes.values()):
            _tell(waiting, None)


def _tell(waiting: asyncio.Future[int | None], value: int | None) -> None:
    if not waiting.done():  # or cancelled
        waiting.set_result(value)


class Trainer:
    """A trainer that has started."""

    def __init__(
        self, process_id: int, messages: asyncio.StreamReader, code: asyncio.Future[int | None]
    ) -> None:
        """`messages` is what it writes on stdout; `code` is told when it ends."""
        self.process_id = process_id
        self.messages = messages
        self._code = code

    @property
    def has_ended(self) -> bool:
        """Whether its exit code, or that nobody will tell it, is known."""
        return self._code.done()

    @property
    def private_bytes(self) -> int:
        """The memory that it alone holds; 0 if it has ended."""
        return _private_bytes(self.process_id)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.process_id, number)

    async def wait(self) -> int | None:
        """Return its exit code (negative: a signal) once it has ended; None if the template has, too."""
        return await asyncio.shield(self._code)


class TrainerTemplate:
    """The template process: started when it is needed, ended when it was idle for long."""

    def __init__(self, *, python: str = sys.executable, idle_seconds: float = _IDLE_SECONDS) -> None:
        """`idle_seconds` is how long it stays after a training; `python` starts it."""
        self._python = python
        self._idle_seconds = idle_seconds
        self._template: _Template | None = None
        self._starting = asyncio.Lock()
        self._trainers = 0
        self._idle: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def private_bytes(self) -> int:
        """The memory that the process alone holds, which a trainer shares with it; 0 if it does not run."""
        return _private_bytes(self._template.process.pid) if self._template else 0

    async def warm_up(self) -> None:
        """Start the process unless it runs; it takes orders at once. Raises OSError."""
        await self._started()
        self._end_when_idle()

    @asynccontextmanager
    async def trainer(self, folder: Path) -> AsyncIterator[Trainer]:
        """Run a trainer in a job's `folder`, and kill it at the end of the block.

        Raises NotStarted and OSError.
        """
        self._trainers += 1
        template = None
        try:
            template = await self._started()
            with ExitStack() as pipes:
                trainer = await template.start(folder, asyncio.StreamReader(), pipes)
                try:
                    yield trainer
                finally:
                    if not trainer.has_ended:
                        trainer.send_signal(signal.SIGKILL)
                        await trainer.wait()
        finally:
            if template is not None and template is self._template and template.has_ended:
                await self.close()
            self._trainers -= 1
            self._end_when_idle()

    async def close(self) -> None:
        """End the process."""
        template, self._template = self._template, None
        if self._idle is not None:
            self._idle.cancel()
        if template is not None:
            await template.close()

    async def _started(self) -> _Template:
        async with self._starting:
            if self._template is not None and self._template.process.returncode is not None:
                await self.close()
            if self._template is None:
                self._template = await _start(self._python)
            return self._template

    def _end_when_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(self._idle_seconds, self._end_if_idle)

    def _end_if_idle(self) -> None:
        self._closing = asyncio.create_task(self._close_if_idle())

    async def _close_if_idle(self) -> None:
        async with self._starting:  # an order that came meanwhile has its template, or starts a new one
            if not self._trainers:
                await self.close()


def _private_bytes(process_id: int) -> int:
    """Return the memory that a process alone holds; 0 if it has ended."""
    try:
        return int(psutil.Process(process_id).memory_full_info().uss)
    except psutil.Error:
        return 0


async def _start(python: str) -> _Template:
    orders, theirs = socket.socketpair()
    with theirs:
        process = await asyncio.create_subprocess_exec(
            python,
            "-P",
            "-m",
            "engine.training.template",
            str(theirs.fileno()),
            pass_fds=[theirs.fileno()],
            stdin=asyncio.subprocess.DEVNULL,
            env=os.environ | TRAINER_ENVIRONMENT,
            start_new_session=True,  # signals from a terminal are for the engine
        )
    orders.setblocking(False)
    answers, writer = await asyncio.open_connection(sock=orders)
    return _Template(process, orders, answers, writer)


async def _order(
    orders: socket.socket, folder: Path, messages: asyncio.StreamReader, pipes: ExitStack
) -> None:
    """Order a trainer, whose stdout goes to `messages`. `pipes` keeps our ends open until it is closed.

    Raises OSError.
    """
    with ExitStack() as theirs:
        stdin, our_end = os.pipe()
        theirs.callback(os.close, stdin)
        # never written to: its end tells the trainer that this process has ended
        pipes.callback(os.close, our_end)
        our_end, stdout = os.pipe()
        theirs.callback(os.close, stdout)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(messages), os.fdopen(our_end, "rb")
        )
        pipes.callback(transport.close)
        log = theirs.enter_context((folder / "trainer.log").open("ab"))
        socket.send_fds(orders, [os.fsencode(folder)], [stdin, stdout, log.fileno()])
