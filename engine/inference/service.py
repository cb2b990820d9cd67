"""The endpoints that ask a model, and what answers them."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine import request_body
from engine.errors import ApiError
from engine.inference.answer import Answer, ModelRequest
from engine.inference.chat_request import ChatRequest
from engine.inference.chunks import RequestRejected
from engine.inference.completion import ChatCompletion
from engine.inference.generator import Generator
from engine.inference.llama_scorer import ScoringFailed
from engine.inference.loaded_models import LoadedModels
from engine.inference.log_probs import LogProbsRequest
from engine.inference.recent_messages import RecentMessages
from engine.inference.response import Response
from engine.inference.response_request import ResponseRequest
from engine.inference.slots import Reservation, Slots
from engine.inference.text_completion import CompletionRequest, TextCompletion
from engine.limits import CONTEXT, SLOTS
from engine.storage.models import ModelStore

log = logging.getLogger(__name__)


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

    def __init__(self, models: ModelStore, loaded: LoadedModels) -> None:
        """Answer with the models of a store, which `loaded` loads."""
        self._models = models
        self._loaded = loaded
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
        in_background = in_background or request.service_tier == "flex"
        async with self._reserve(request.model, request.choices, in_background=in_background) as reservation:
            yield endpoint.answer(request, reservation, partial(self._generator, request.model))

    async def log_probs(self, request: LogProbsRequest) -> list[float]:
        """Return the log-probability of each learned token of the last message.

        Raises ApiError: a 404 if the model is unknown, a 429 as `answer` does, a 400 if the chat is too long
        or its template cannot render it, a 500 if the runtime could not say it.
        """
        in_background = request.service_tier == "flex"
        async with (
            self._reserve(request.model, 1, in_background=in_background) as reservation,
            reservation.slot(),
        ):
            generator = await self._generator(request.model)
            try:
                return await generator.log_probs(request.messages)
            except RequestRejected as error:
                message = f"The chat is too long: prompt and answer together have {CONTEXT} tokens."
                code = "context_length_exceeded"
                raise ApiError(400, message, code=code, param="messages") from error
            except ValueError as error:
                raise ApiError(400, str(error), code="invalid_value", param="messages") from error
            except ScoringFailed as error:
                log.exception("a text could not be scored by %s", request.model)
                message = "The model could not score the text."
                raise ApiError(500, message, code="scoring_failed") from error

    @asynccontextmanager
    async def _reserve(self, model: str, choices: int, *, in_background: bool) -> AsyncIterator[Reservation]:
        self.require(model)  # an unknown model gets no slots
        if in_background:
            await self._loaded.until_runtime_chosen()
            async with self.slots.reserve_in_background(model, choices) as reservation:
                yield reservation
        else:
            with self.slots.reserve(model, choices) as reservation:
                yield reservation

    def _slots_of(self, model: str) -> int:
        try:
            path = self._models.path(model)
        except ApiError:  # it was deleted meanwhile
            return SLOTS
        return self._loaded.slots(path)

    async def _generator(self, model: str) -> Generator:
        return await self._loaded.get(self._models.path(model))
