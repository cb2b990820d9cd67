"""What a container or a service lets this process have: memory, swap and processor time, by Linux's cgroups.

A limit may be set on the process's own group or on one around it, in version 1 or 2 of the interface, and the
groups may be mounted as the machine has them (a systemd unit) or as the container does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NO_LIMIT_V1 = 2**60  # version 1 writes a number beyond any memory if there is no limit


@dataclass(frozen=True)
class Groups:
    """The groups of a process. `mount`: where they are mounted; `of_process`: which of them are its own."""

    mount: Path = Path("/sys/fs/cgroup")
    of_process: Path = Path("/proc/self/cgroup")

    def free_memory(self) -> int | None:
        """Return the bytes that the tightest limit leaves; None if there is no limit."""
        found = []
        for group in self._of("memory"):
            limit = _number(group / "memory.max") or _number(group / "memory.limit_in_bytes")
            used = _number(group / "memory.current") or _number(group / "memory.usage_in_bytes")
            if limit is not None and used is not None and limit < _NO_LIMIT_V1:
                found.append(max(0, limit - used + _inactive_file_bytes(group)))
        return min(found, default=None)

    def free_swap(self) -> int | None:
        """Return the bytes of swap space that the tightest limit leaves; None if there is no limit."""
        found = []
        for group in self._of("memory"):
            limit, used = _number(group / "memory.swap.max"), _number(group / "memory.swap.current")
            if limit is not None and used is not None:
                found.append(max(0, limit - used))
        return min(found, default=None)

    def cores(self) -> int | None:
        """Return how many cores the tightest quota of time is worth, rounded up; None without one."""
        found = []
        for group in self._of("cpu"):
            quota, period = _quota(group)
            if quota > 0 and period > 0:
                found.append(math.ceil(quota / period))
        return min(found, default=None)

    def _of(self, controller: str) -> Iterator[Path]:
        """Yield the folders of the process's group and of those around it, as far as they are mounted."""
        try:
            lines = self.of_process.read_text().splitlines()
        except OSError:
            lines = ["0::/"]
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            mount = self.mount / controller if controllers else self.mount
            group = mount / path.lstrip("/")
            yield from (each for each in (group, *group.parents) if each.is_relative_to(mount))


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # not this version, or "max"
        return None


def _inactive_file_bytes(group: Path) -> int:
    """Return the bytes of files that the kernel would give up: they count as used."""
    try:
        statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(statistics.get("total_inactive_file", statistics.get("inactive_file", 0)))


def _quota(group: Path) -> tuple[int, int]:
    """Return microseconds of processor time, and of the period that has them; 0 without a quota."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota), int(period)
    except (OSError, ValueError):  # version 1, or "max"
        quotas = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
        return quotas[0] or 0, quotas[1] or 0
