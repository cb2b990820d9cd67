"""LoRA deployment: an adapter trained at one server is loaded into another one with the same base."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

import openai
from openai import AsyncOpenAI
from openai.types import Model

from bot.errors import HerosmithError, OutOfReach, ServerError, Unavailable, UnknownModel, UserError
from bot.i18n.message import LocalizedMessage
from bot.llm.retry import BACKGROUND, RetryPolicy, with_retries
from bot.registry.adapter_download import AdapterDownload
from bot.registry.adapter_folder import AdapterFolder

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOAD_PATH = "/load_lora_adapter"
_RETRY_POLICY = RetryPolicy(20, 3)  # few attempts: a 500 may mean that the adapter does not fit


class LoraDeployment:
    """Copies adapters from the training server into a folder, and has the serving server load them."""

    def __init__(
        self,
        training: AsyncOpenAI,
        serving: AsyncOpenAI,
        *,
        here: Path,
        there: PurePosixPath | str,
        hint: str,
    ) -> None:
        """Use the folder `here`, whose path is `there` for the serving server.

        hint: a sentence that tells how to start that server so that it loads adapters.
        """
        self._serving = serving
        self._folder = AdapterFolder(here)
        self._adapters = AdapterDownload(training, self._folder)
        self._there = PurePosixPath(there)
        self._hint = hint

    async def deploy(self, model: str) -> None:
        """Load a tuned model's adapter into the serving server, if it is not loaded.

        A restarted server has forgotten its adapters: call this again. Raises UserError with what to mend, or
        ServerError.
        """
        try:
            await self._adapters.fetch(model)
            cards = await self._list_models()
            await asyncio.to_thread(self._folder.set_base, model, _base_name(cards))
        except OSError as error:
            raise UserError(
                "The adapter of {model} could not be stored ({reason}). An operator must look at "
                "ADAPTER_DIR.",
                model=model,
                reason=error.strerror or error,
            ) from error
        if not _is_listed(model, cards):
            await self._load(model)

    async def _load(self, model: str) -> None:
        """Have the server load the adapter.

        If it refuses, another process may have loaded it, or the server resolves it by itself on request.
        """
        body = {"lora_name": model, "lora_path": str(self._there / model)}
        try:
            await self._call(lambda: self._serving.post(_LOAD_PATH, cast_to=str, body=body))
        except HerosmithError as error:
            refused = error.__cause__
            if not isinstance(refused, openai.APIStatusError) or _is_transient(error, refused):
                raise
            if _is_listed(model, await self._list_models()):
                return
            if refused.status_code in (404, 405) and await self._resolves(model):
                return
            log.warning("the serving server did not load %s: %s", model, refused)
            raise await self._load_error(model, refused.status_code) from error

    async def _resolves(self, model: str) -> bool:
        """Return whether the server answers as the model, but not under any name."""
        return await self._answers(model) and not await self._answers(f"{model}-nobody")

    async def _answers(self, model: str) -> bool:
        try:
            await self._call(
                lambda: self._serving.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": "Hello"}], max_tokens=1
                )
            )
        except (UnknownModel, ServerError):
            return False
        return True

    async def _load_error(self, model: str, status: int) -> UserError:
        """Return why an adapter was not loaded, as far as the answer shows it."""
        if status not in (404, 405):
            return UserError(
                "The server at SERVING_URL could not load {model}; its log says why.", model=model
            )
        if status == 404 and await self._has_load_endpoint():
            return UserError(
                "The server at SERVING_URL sees no adapter in {folder}. An operator must check "
                "SERVING_ADAPTER_DIR: it is the path of ADAPTER_DIR as that server sees it.",
                folder=self._there / model,
            )
        return UserError(
            "The server at SERVING_URL takes no adapters while it runs. {hint}",
            hint=LocalizedMessage(self._hint),
        )

    async def _has_load_endpoint(self) -> bool:
        """Return whether the server has the endpoint that loads adapters: it answers a GET with 405."""
        try:
            await self._call(lambda: self._serving.get(_LOAD_PATH, cast_to=str))
        except UnknownModel:
            return False
        except ServerError:
            return True
        return False

    async def _list_models(self) -> list[Model]:
        return (await self._call(self._serving.models.list, policy=BACKGROUND)).data

    async def _call(self, call: Callable[[], Awaitable[T]], policy: RetryPolicy = _RETRY_POLICY) -> T:
        """Call the serving server, and name its own key (SERVING_API_KEY) if the server refuses it."""
        try:
            return await with_retries(call, policy)
        except Unavailable as error:
            if isinstance(error.__cause__, (openai.AuthenticationError, openai.PermissionDeniedError)):
                raise Unavailable(
                    "The server at SERVING_URL refuses this installation's key. An operator must check "
                    "SERVING_API_KEY."
                ) from error
            raise


def _is_transient(error: HerosmithError, refused: openai.APIStatusError) -> bool:
    """Return whether the server is in trouble, not the adapter: one that does not fit is a 500."""
    return isinstance(error, OutOfReach) and refused.status_code != 500


def _is_listed(model: str, cards: list[Model]) -> bool:
    return any(card.id == model for card in cards)


def _base_name(cards: list[Model]) -> str:
    """Return the base's path or id with which the server was started: adapters must name it as their base.

    It is the `root` of the one model without a `parent`; its `id` may be another name for clients.
    """
    for card in cards:
        if not getattr(card, "parent", None):
            return str(getattr(card, "root", None) or card.id)
    raise UserError("The server at SERVING_URL lists no base model. An operator must check SERVING_URL.")
