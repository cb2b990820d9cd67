"""Shards: which part of Discord's servers a process of the bot serves."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

MOST_SHARDS = 10_000
_PART = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Shards:
    """The shards of one process, and how many all processes have together.

    Discord gives each server to one shard; direct messages come to shard 0.
    """

    ids: tuple[int, ...] = (0,)
    count: int = 1

    @property
    def are_all(self) -> bool:
        """Whether no other process serves a part of the servers."""
        return len(self.ids) == self.count

    def of(self, guild_id: int | None) -> int:
        """Return the shard that gets what happens in a server or, for None, in direct messages."""
        return 0 if guild_id is None else (guild_id >> 22) % self.count

    def serve(self, guild_id: int | None) -> bool:
        """Return whether a server, or direct messages, are this process's."""
        return self.are_all or self.of(guild_id) in self.ids

    def share(self, amount: int) -> int:
        """Return this process's part of an amount that all processes share: at least 1, unless it is 0."""
        if self.are_all or amount == 0:
            return amount
        return max(1, amount * len(self.ids) // self.count)

    def __str__(self) -> str:
        return f"{ranges(self.ids)} of {self.count}"


ALL = Shards()
"""The part of a process that serves every server."""


def parse_ids(text: str) -> tuple[int, ...]:
    """Read ids of shards, such as `0,1` or `0-3`. Raises ValueError with a sentence for the owner."""
    ids: list[int] = []
    for part in text.replace(",", " ").split():
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError("write the numbers of shards, such as 0,1 or 0-3; the first is 0")
        first = int(found[1])
        last = int(found[2] or first)
        if last < first:
            raise ValueError(f"{part} ends before it begins: write the smaller number first")
        if last >= MOST_SHARDS:
            raise ValueError(f"{last} is too much: there are at most {MOST_SHARDS:,} shards")
        ids.extend(range(first, last + 1))
    if not ids:
        raise ValueError("write the numbers of shards, such as 0,1 or 0-3; the first is 0")
    ids.sort()
    twice = next((one for one, other in pairwise(ids) if one == other), None)
    if twice is not None:
        raise ValueError(f"shard {twice} is named twice")
    return tuple(ids)


def ranges(ids: Iterable[int]) -> str:
    """Return sorted numbers as they are written in SHARD_IDS, such as `0-3,7`."""
    runs: list[list[int]] = []
    for each in ids:
        if runs and each == runs[-1][-1] + 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
