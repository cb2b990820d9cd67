"""What every endpoint that asks a model has in common: its request, and its answer."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Protocol

from engine.errors import ApiError
from engine.inference.chat_request import ServiceTier
from engine.inference.completion import ChatCompletion


class ModelRequest(Protocol):
    """A valid request."""

    @property
    def model(self) -> str:
        """The name of the model."""

    @property
    def stream(self) -> bool | None:
        """Whether the answer is streamed."""

    @property
    def choices(self) -> int:
        """Number of texts to generate; each takes a slot."""

    @property
    def service_tier(self) -> ServiceTier | None:
        """Whether it is answered at once or in the background."""


class Answer(Protocol):
    """The answer to a request. Its generation begins with `response` or `events`."""

    @property
    def chats(self) -> Sequence[ChatCompletion]:
        """The chat completions that it is made of, for the metrics."""

    async def response(self) -> dict[str, Any]:
        """Return the complete body. Raises ApiError."""

    def events(self) -> AsyncGenerator[bytes]:
        """Yield server-sent events. Raises ApiError; for an invalid request, before the first event."""

    def error_event(self, error: ApiError) -> bytes:
        """Return the event that ends a stream in an error."""
