"""Trainers, started from a process that has torch loaded already: engine/training/template.py."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine import system

# that the template stays after a training: it holds memory, and often another one follows
_IDLE_SECONDS = 600.0


@dataclass(frozen=True)
class _Template:
    """The running process, the socket for orders to it, and what it answers on that."""

    process: asyncio.subprocess.Process
    orders: socket.socket
    answers: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self, name: str) -> int | None:
        """Return the number that the next answer names; None if the process has ended."""
        line = await self.answers.readline()
        return int(json.loads(line)[name]) if line else None


class NotStarted(Exception):
    """The template has ended instead of starting a trainer."""


class Trainer:
    """A trainer that has started."""

    def __init__(self, process_id: int, messages: asyncio.StreamReader, template: _Template) -> None:
        """`messages` is what it writes on stdout."""
        self.process_id = process_id
        self.messages = messages
        self._template = template
        self._code: int | None = None

    @property
    def has_ended(self) -> bool:
        """Whether its end has been waited for."""
        return self._code is not None

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.process_id, number)

    async def wait(self) -> int | None:
        """Return its exit code (negative: a signal) once it has ended; None if the template has, too."""
        if self._code is None:
            with suppress(ConnectionError):
                self._code = await self._template.answer("code")
        return self._code


class TrainerTemplate:
    """The template process: started when it is needed, ended when it was idle for long."""

    def __init__(self, *, python: str = sys.executable, idle_seconds: float = _IDLE_SECONDS) -> None:
        """`idle_seconds` is how long it stays after a training; `python` starts it."""
        self._python = python
        self._idle_seconds = idle_seconds
        self._template: _Template | None = None
        self._starting = asyncio.Lock()
        self._trains = False
        self._idle: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def private_bytes(self) -> int:
        """The memory that the process alone holds, which a trainer shares with it; 0 if it does not run."""
        if self._template is None:
            return 0
        try:
            return int(psutil.Process(self._template.process.pid).memory_full_info().uss)
        except psutil.Error:  # it has just ended
            return 0

    async def warm_up(self) -> None:
        """Start the process unless it runs; it takes orders at once. Raises OSError."""
        await self._started()
        self._end_when_idle()

    @asynccontextmanager
    async def trainer(self, folder: Path) -> AsyncIterator[Trainer]:
        """Run a trainer in a job's `folder`, and kill it at the end of the block; one at a time.

        Raises NotStarted and OSError.
        """
        self._trains = True
        trainer = None
        try:
            template = await self._started()
            with ExitStack() as pipes:
                messages, process_id = asyncio.StreamReader(), None
                with suppress(ConnectionError):
                    await _order(template.orders, folder, messages, pipes)
                    process_id = await template.answer("pid")
                if process_id is None:
                    raise NotStarted(f"the trainers' template ended with {await template.process.wait()}")
                trainer = Trainer(process_id, messages, template)
                try:
                    yield trainer
                finally:
                    if not trainer.has_ended:
                        trainer.send_signal(signal.SIGKILL)
                        await trainer.wait()
        finally:
            if trainer is None or not trainer.has_ended:  # its answer would be taken for the next trainer's
                await self.close()
            self._trains = False
            self._end_when_idle()

    async def close(self) -> None:
        """End the process, and wait for its end: asyncio warns of a child that outlives its loop."""
        template, self._template = self._template, None
        if self._idle is not None:
            self._idle.cancel()
        if template is not None:
            template.writer.close()
            system.send_signal(template.process, signal.SIGKILL)
            await template.process.wait()

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
            if not self._trains:
                await self.close()


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
            env=trainer_environment(),
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


def trainer_environment() -> dict[str, str]:
    """Return the environment of trainers: few threads at a time, and little memory."""
    return os.environ | {
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
