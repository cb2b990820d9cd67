"""The endpoints that ask a model, and what answers them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine import request_body
from engine.errors import ApiError
from engine.inference.answer import Answer, ModelRequest
from engine.inference.chat_request import ChatRequest
from engine.inference.completion import ChatCompletion
from engine.inference.generator import Generator
from engine.inference.model_cache import ModelCache
from engine.inference.recent_messages import RecentMessages
from engine.inference.response import Response
from engine.inference.response_request import ResponseRequest
from engine.inference.slots import Reservation, Slots
from engine.inference.text_completion import CompletionRequest, TextCompletion
from engine.limits import SLOTS
from engine.storage.models import ModelStore


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How an endpoint reads a body, and what makes its answer."""

    parse: Callable[[bytes], ModelRequest]
    """Raises ApiError or ValidationError."""
    answer: Callable[[Any, Reservation, Callable[[], Awaitable[Generator]]], Answer]


PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/responses")
"""The endpoints that ask a model."""


class InferenceService:
    """Finds the model for a request, and the slots in which it answers."""

    def __init__(self, models: ModelStore, model_cache: ModelCache) -> None:
        """Answer with the models of a store, which `model_cache` loads."""
        self._models = models
        self._model_cache = model_cache
        self.slots = Slots(self._slots_of)
        recent = RecentMessages()
        endpoints = (
            Endpoint(partial(request_body.parse, ChatRequest), ChatCompletion),
            Endpoint(CompletionRequest.parse, TextCompletion),
            Endpoint(partial(ResponseRequest.parse, recent), partial(Response, recent)),
        )
        self.endpoints = dict(zip(PATHS, endpoints, strict=True))
        """By path."""

    def require(self, model: str) -> None:
        """Raise a 404 if the model is unknown."""
        self._models.path(model)

    @asynccontextmanager
    async def answer(
        self, endpoint: Endpoint, request: ModelRequest, *, in_background: bool = False
    ) -> AsyncIterator[Answer]:
        """Queue a request; it leaves the queue at the end of the block.

        In the background, as the tier "flex" asks for, it waits until the runtime is chosen and others leave
        a slot free. Raises a 404 if its model is unknown, and a 429 if too many wait already that are not in
        the background.
        """
        self.require(request.model)  # an unknown model gets no slots
        async with AsyncExitStack() as stack:
            if in_background or request.service_tier == "flex":
                await self._model_cache.runtimes.until_chosen()
                free = self.slots.reserve_in_background(request.model, request.choices)
                reservation = await stack.enter_async_context(free)
            else:
                reservation = stack.enter_context(self.slots.reserve(request.model, request.choices))
            yield endpoint.answer(request, reservation, partial(self._generator, request.model))

    def _slots_of(self, model: str) -> int:
        try:
            path = self._models.path(model)
        except ApiError:  # it was deleted meanwhile
            return SLOTS
        return self._model_cache.slots(path)

    async def _generator(self, model: str) -> Generator:
        return await self._model_cache.get(self._models.path(model))
