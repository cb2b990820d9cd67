"""The connection to Discord, as far as monitoring asks about it."""

from collections.abc import Mapping
from typing import Protocol

from bot.monitoring.interactions import Interactions


class Gateway(Protocol):
    """The connection to Discord, as the bot knows it."""

    interactions: Interactions

    @property
    def connected(self) -> bool:
        """Whether all shards of this process are connected."""

    @property
    def shard_states(self) -> Mapping[int, bool]:
        """Whether each shard of this process is connected."""

    @property
    def latency(self) -> float:
        """Seconds between a heartbeat and its answer, the mean of all shards; not finite if none came."""

    @property
    def shard_latencies(self) -> Mapping[int, float]:
        """The same of each shard."""

    @property
    def guild_count(self) -> int: ...
