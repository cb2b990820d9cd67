"""The process that trainers start from: `python -m engine.training.template SOCKET`.

Importing torch and transformers takes four seconds of a core, so this process imports them once, and each
trainer begins as a copy of it. SOCKET is the descriptor of a Unix socket. An order on it is the path of a job
folder, with the three descriptors that become the trainer's stdin, stdout and stderr. An answer is a line of
JSON: `{"pid": ...}` once the trainer has started, and `{"pid": ..., "code": ...}` once it has ended (negative
if a signal killed it). The process ends when the engine closes the socket.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from engine import system
from engine.training import __main__ as trainer

_PATH_BYTES = 4096
_DESCRIPTORS = 3  # stdin, stdout, stderr


def _load_libraries() -> None:
    """Import what every trainer needs. If that fails, each trainer tries again and reports it.

    Modules stay: looking among them for garbage costs a fifth of the import, and later writes to every
    object, so that a trainer's memory would be copied instead of shared.
    """
    gc.disable()
    with suppress(Exception):
        import engine.training.run  # noqa: F401, PLC0415  seconds of torch
    gc.freeze()
    gc.enable()


def _copy(engine: socket.socket, folder: Path, descriptors: list[int]) -> int:
    """Start a trainer as a copy of this process; return its id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        engine.close()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        trainer.train(folder)
        code = 0
    except BaseException:  # noqa: BLE001  the copy must not return to the loop
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _start(folder: Path, descriptors: list[int]) -> int:
    """Start a trainer anew; return its id."""
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "engine.training", str(folder)],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, *pair) for pair in zip(descriptors, range(3), strict=True)],
    )


def _run(engine: socket.socket, folder: Path, descriptors: list[int], *, copies: bool) -> int:
    """Start a trainer; return its id."""
    process = _copy(engine, folder, descriptors) if copies else _start(folder, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    _answer(engine, pid=process)
    return process


def _answer_ends(engine: socket.socket, trainers: set[int]) -> None:
    """Tell the engine which trainers have ended, and forget them."""
    for process in sorted(trainers):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            trainers.remove(process)
            _answer(engine, pid=process, code=os.waitstatus_to_exitcode(status))


def _wake_on_child_ends() -> socket.socket:
    """Return a socket that can be read once a child has ended."""
    woken, wake = socket.socketpair()
    for each in (woken, wake):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # else the signal would be ignored
    signal.set_wakeup_fd(wake.detach())
    return woken


def _answer(engine: socket.socket, **message: int) -> None:
    engine.sendall(json.dumps(message).encode() + b"\n")


def main(*, copies: bool = sys.platform == "linux") -> None:
    """Start a trainer for each order, as a copy of this process or anew.

    Elsewhere than on Linux, a copy may crash in libraries of the system that this process has loaded.
    """
    system.lower_priority()
    engine = socket.socket(fileno=int(sys.argv[1]))
    engine.set_inheritable(False)
    if copies:
        _load_libraries()
    woken = _wake_on_child_ends()
    trainers: set[int] = set()
    with suppress(ConnectionError):  # the engine may end in between
        while True:
            readable, _, _ = select.select([engine, woken], [], [])
            if woken in readable:
                woken.recv(_PATH_BYTES)
                _answer_ends(engine, trainers)
            if engine in readable:
                folder, descriptors, *_ = socket.recv_fds(engine, _PATH_BYTES, _DESCRIPTORS)
                if not folder:
                    return
                for descriptor in descriptors:
                    os.set_inheritable(descriptor, False)
                trainers.add(_run(engine, Path(os.fsdecode(folder)), descriptors, copies=copies))


if __name__ == "__main__":
    main()
