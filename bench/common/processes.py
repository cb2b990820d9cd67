"""What an engine's processes use: those that answer, and those that train."""

from collections.abc import Sequence
from contextlib import suppress

import psutil

_TRAINER = "engine.training"
"""In the command of trainers, and of the process that they are copies of, which ends when it is idle."""


def answering(engine: int) -> list[psutil.Process]:
    """Return an engine, or another model server, and the processes that answer for it."""
    parent = psutil.Process(engine)
    return [parent, *(child for child in parent.children(recursive=True) if not _trains(child))]


def training(engine: int) -> list[psutil.Process]:
    """Return an engine's trainers."""
    return [child for child in psutil.Process(engine).children(recursive=True) if _trains(child)]


def memory_mib(processes: Sequence[psutil.Process]) -> float:
    """Return the physical memory of processes in MiB; shared pages count once."""
    total = 0
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it has just exited
            total += process.memory_full_info().pss
    return total / 2**20


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Return the processor time that processes have used. Raises psutil.NoSuchProcess if one has ended."""
    times = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in times))


def _trains(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return any(_TRAINER in word for word in process.cmdline())
    return False
