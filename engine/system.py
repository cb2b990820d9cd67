"""The process and its machine: notice the death of the parent process, count cores, know the processor."""

import hashlib
import os
import platform
import shutil
import signal
import sys
import threading
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from engine.cgroup import Groups

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_MAX_THREADS = 16
_LIMITS = Groups()


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


def lower_priority() -> None:
    """Leave cores and memory to chats first."""
    if hasattr(os, "SCHED_IDLE"):  # Linux: chats then preempt the trainer at once
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)
    if sys.platform == "linux":
        # if memory runs out, the kernel kills one process: it must be this one, not the engine
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def usable_cores(limits: Groups = _LIMITS) -> int:
    """Return the number of cores this process may run on, within the quota of a container or a service.

    Threads beyond a quota would use it up in the first part of each period, and then all stand still.
    """
    # not on macOS
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, limits.cores() or cores)


def compute_threads(limits: Groups = _LIMITS) -> int:
    """Return how many threads shall compute an answer or a training.

    Small models do not gain from more than some: after each of a token's hundreds of products all threads
    wait for the last one.
    """
    return min(usable_cores(limits), _MAX_THREADS)


def available_disk(folder: Path) -> int:
    """Return the bytes that are free on a folder's disk."""
    return shutil.disk_usage(folder).free


def available_memory(limits: Groups = _LIMITS) -> int:
    """Return the bytes of memory that are free, within the limits of a container and of `ulimit -v`."""
    free = [int(psutil.virtual_memory().available), limits.free_memory(), _free_addresses()]
    return min(each for each in free if each is not None)


def available_swap(limits: Groups = _LIMITS) -> int:
    """Return the bytes of swap space that are free, within the limit of a container."""
    free, allowed = int(psutil.swap_memory().free), limits.free_swap()
    return free if allowed is None else min(free, allowed)


def _free_addresses() -> int | None:
    """Return the bytes of addresses that `ulimit -v` leaves to this process; None if it sets no limit."""
    if resource is None:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    return max(0, limit - int(psutil.Process().memory_info().vms))


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
