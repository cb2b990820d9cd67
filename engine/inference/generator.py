"""The interface of a loaded model, however its texts are generated."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from engine.messages import Message
from engine.tokens import Turn


class Generator(Protocol):
    """A model in memory that generates chat completions."""

    @property
    def knows_tools(self) -> bool:
        """Whether the chat template shows tools to the model, and its calls are found in the text."""

    @property
    def slots(self) -> int:
        """How many completions it generates at once, as things stand."""

    def chunks(self, request: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Yield OpenAI's chat completion chunks, the last with `usage`; closing stops the generation.

        `request` is what `ChatRequest.for_generator` returns. A rejected request is a chunk
        `{"error": {code, message, type}}`, as llama.cpp's server sends it.
        """

    async def tokenize_turn(self, messages: Sequence[Message]) -> Turn:
        """Return the token ids of a chat that ends with an assistant message, as serving has them.

        Raises ValueError if the chat template cannot render the messages.
        """

    async def log_probs(self, messages: Sequence[Message]) -> list[float]:
        """Return the log-probability of each learned token of a chat's last message, the assistant's.

        Raises ValueError if the chat template cannot render the messages, RequestRejected if they are too
        long, and ScoringFailed if the runtime could not say it.
        """

    async def close(self) -> None:
        """Wait for running generations to end, and free the model."""
