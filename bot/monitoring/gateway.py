"""The connection to Discord, as far as monitoring asks about it."""

from typing import Protocol

from bot.monitoring.interactions import Interactions


class Gateway(Protocol):
    """The connection to Discord, as the bot knows it."""

    connected: bool
    interactions: Interactions

    @property
    def latency(self) -> float:
        """Seconds between a heartbeat and its answer; not finite if none was answered."""

    @property
    def guild_count(self) -> int: ...
