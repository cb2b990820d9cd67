"""What the machine has to spare, within a container or a service."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from engine import system
from engine.cgroup import Groups

MIB = 2**20


def write(folder: Path, files: dict[str, str], lines: str) -> Groups:
    """Write the files of groups, by their path below the mount."""
    for name, content in files.items():
        path = folder / "mount" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    (folder / "groups").write_text(lines)
    return Groups(folder / "mount", folder / "groups")


CONTAINER = "0::/\n"
SERVICE = "0::/system.slice/herosmith.service\n"
OLD_CONTAINER = "4:memory:/docker/1f\n1:cpu,cpuacct:/docker/1f\n0::/\n"


@pytest.mark.parametrize(
    ("limit", "used", "available"),
    [("0", "0", 0), ("5", "2", 3), ("5", "9", 0), ("max", "0", None)],
)
def test_swap_is_what_the_container_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, used: str, available: int | None
) -> None:
    free = 10_000
    machine = psutil.swap_memory()._replace(free=free)
    monkeypatch.setattr(psutil, "swap_memory", lambda: machine)
    limits = write(tmp_path, {"memory.swap.max": limit, "memory.swap.current": used}, CONTAINER)
    assert system.available_swap(limits) == (free if available is None else available)
    assert system.available_swap(Groups(tmp_path / "none", tmp_path / "none")) == free


@pytest.mark.parametrize(
    ("lines", "files", "free"),
    [
        (CONTAINER, {"memory.max": "100", "memory.current": "60", "memory.stat": "inactive_file 15"}, 55),
        (CONTAINER, {"memory.max": "max", "memory.current": "60"}, None),
        (CONTAINER, {"memory.max": "100", "memory.current": "160"}, 0),
        (
            SERVICE,
            {
                "system.slice/herosmith.service/memory.max": "max",
                "system.slice/herosmith.service/memory.current": "9",
                "system.slice/memory.max": "100",
                "system.slice/memory.current": "40",
            },
            60,
        ),
        (
            SERVICE,
            {
                "system.slice/herosmith.service/memory.max": "70",
                "system.slice/herosmith.service/memory.current": "20",
                "system.slice/memory.max": "100",
                "system.slice/memory.current": "40",
            },
            50,
        ),
        (
            OLD_CONTAINER,
            {
                "memory/memory.limit_in_bytes": "100",
                "memory/memory.usage_in_bytes": "50",
                "memory/memory.stat": "inactive_file 1\ntotal_inactive_file 20",
            },
            70,
        ),
        (
            OLD_CONTAINER,
            {"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "50"},
            None,
        ),
    ],
)
def test_memory_is_what_the_container_or_service_may_use(
    tmp_path: Path, lines: str, files: dict[str, str], free: int | None
) -> None:
    limits = write(tmp_path, files, lines)
    assert limits.free_memory() == free
    if free is not None:
        assert system.available_memory(limits) == free


def test_an_address_limit_counts() -> None:
    """As `ulimit -v` sets it."""
    program = f"""
import resource
from engine import system
resource.setrlimit(resource.RLIMIT_AS, ({800 * MIB}, {800 * MIB}))
print(system.available_memory())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 800 * MIB


@pytest.mark.parametrize(
    ("lines", "files", "cores"),
    [
        (CONTAINER, {"cpu.max": "max 100000"}, 64),
        (CONTAINER, {"cpu.max": "200000 100000"}, 2),
        (CONTAINER, {"cpu.max": "50000 100000"}, 1),
        (CONTAINER, {"cpu.max": "9000000 100000"}, 64),
        (SERVICE, {"system.slice/herosmith.service/cpu.max": "250000 100000"}, 3),
        (OLD_CONTAINER, {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        (OLD_CONTAINER, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 64),
        (CONTAINER, {}, 64),
    ],
)
def test_cores_are_what_the_quota_is_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, files: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    limits = write(tmp_path, files, lines)
    assert system.usable_cores(limits) == cores
    assert system.compute_threads(limits) == min(cores, 16), "small models do not gain from 64 threads"
