"""The process and its machine: notice the death of the parent process, count cores, know the processor."""

import hashlib
import os
import platform
import shutil
import signal
import threading
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")  # of this process in a container, version 2


def watch_parent(on_exit: Callable[[], object]) -> None:
    """Call `on_exit` once, on a thread of its own, when the parent closes our stdin or dies.

    An orphan would keep using two cores. The kernel closes the parent's end of the pipe however the parent
    dies, on every operating system.
    """

    def wait() -> None:
        # os.read, not sys.stdin: a buffered reader holds a lock that would block the interpreter's exit
        while os.read(0, 4096):
            pass
        on_exit()

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()


def send_signal(process: Process, number: signal.Signals) -> None:
    """Send a signal to a child process, unless it has ended.

    Its own kill() would first look whether it has, and so take its exit code away from asyncio, which then
    warns of an unknown child.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def usable_cores() -> int:
    """Return the number of cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_disk(folder: Path) -> int:
    """Return the bytes that are free on a folder's disk."""
    return shutil.disk_usage(folder).free


def available_memory() -> int:
    """Return the bytes of memory that are free, within the limit of a container."""
    available = int(psutil.virtual_memory().available)
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        statistics = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return available
    return min(available, limit - used + int(statistics.get("inactive_file", 0)))


def available_swap(container: Path = _CGROUP) -> int:
    """Return the bytes of swap space that are free, within the limit of a container."""
    free = int(psutil.swap_memory().free)
    try:
        limit = int((container / "memory.swap.max").read_text())
        used = int((container / "memory.swap.current").read_text())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return free
    return min(free, max(0, limit - used))


def has_gpu() -> bool:
    """Return whether a driver for CUDA or ROCm is loaded, without loading torch."""
    return any(map(os.path.exists, ("/dev/nvidiactl", "/dev/kfd")))


def multiplies_bfloat16() -> bool:
    """Return whether the processor has instructions for bfloat16, as torch uses them; Linux alone tells."""
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(processor_flags())


def processor_fingerprint() -> str:
    """Return a text that is equal for processors with the same instructions."""
    flags = " ".join(sorted(processor_flags()))
    return f"{platform.machine()}-{hashlib.sha256(flags.encode()).hexdigest()[:12]}"


@cache
def processor_flags() -> frozenset[str]:
    """Return what Linux says of the processor's instructions; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = (line for line in lines if line.startswith(("flags", "Features")))  # Features: on ARM
    return frozenset(next(found, "").partition(":")[2].split())
