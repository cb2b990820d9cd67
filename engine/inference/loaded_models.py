"""The interface to the models in memory, whether this process holds them or others do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from engine.inference.generator import Generator
from engine.inference.runtime_status import RuntimeStatus
from engine.messages import Message
from engine.tokens import Turn


class LoadedModels(Protocol):
    """Models that are loaded on first use. Each is named by the path that `ModelStore.path` gave."""

    @property
    def count(self) -> int:
        """Number of models in memory or being loaded."""

    @property
    def runtime_status(self) -> RuntimeStatus:
        """What the runtimes have done since the start, for the metrics."""

    def slots(self, path: Path) -> int:
        """Return how many completions the model at a path generates at once, as things stand."""

    def warm_up(self) -> None:
        """Start loading the base, so that the first chat need not wait for it."""

    async def get(self, path: Path) -> Generator:
        """Return the model at a path. Raises a 503 if it cannot be loaded."""

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        """Return the base's token ids of a chat that ends with an assistant message.

        Raises ValueError if its chat template cannot render the messages, and a 503 if it cannot be loaded.
        """

    def evict(self, path: Path) -> None:
        """Free a model as soon as its running generations end."""

    async def until_runtime_chosen(self) -> None:
        """Wait for a measurement that other work would draw out; not for long."""

    def health(self) -> dict[str, Any]:
        """Return what /healthz says of them: `runtime`, what answers and why."""

    async def close(self) -> None:
        """Free every model."""
