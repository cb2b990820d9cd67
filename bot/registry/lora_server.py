"""One server that loads LoRA adapters while it runs, and what it says when it does not."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import TypeVar

import openai
from openai import AsyncOpenAI
from openai.types import Model

from bot.errors import HerosmithError, OutOfReach, ServerError, Unavailable, UnknownModel, UserError
from bot.i18n.message import LocalizedMessage
from bot.llm.replicas import address_of
from bot.llm.retry import BACKGROUND, RetryPolicy, with_retries

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOAD_PATH = "/load_lora_adapter"
_RETRY_POLICY = RetryPolicy(20, 3)  # few attempts: a 500 may mean that the adapter does not fit


class LoraServer:
    """A serving server. folder: the adapters' path there; hint: how to start it so that it loads them."""

    def __init__(self, api: AsyncOpenAI, *, folder: PurePosixPath, hint: str) -> None:
        self._api = api
        self._folder = folder
        self._hint = hint
        self.address = address_of(api)

    async def list_models(self) -> list[Model]:
        """Return the models that the server has now; one that is starting is waited for."""
        return (await self._call(self._api.models.list, policy=BACKGROUND)).data

    async def load(self, name: str) -> None:
        """Load the adapter in the folder of this name, under this name.

        If the server refuses, another process may have loaded it, or the server resolves it by itself on
        request. Raises UserError with what to mend, or ServerError.
        """
        body = {"lora_name": name, "lora_path": str(self._folder / name)}
        try:
            await self._call(lambda: self._api.post(_LOAD_PATH, cast_to=str, body=body))
        except HerosmithError as error:
            refused = error.__cause__
            if not isinstance(refused, openai.APIStatusError) or _is_transient(error, refused):
                raise
            if is_listed(name, await self.list_models()):
                return
            if refused.status_code in (404, 405) and await self._resolves(name):
                return
            log.warning("the serving server %s did not load %s: %s", self.address, name, refused)
            raise await self._load_error(name, refused.status_code) from error

    async def _resolves(self, name: str) -> bool:
        """Return whether the server answers as the model, but not under any name."""
        return await self._answers(name) and not await self._answers(f"{name}-nobody")

    async def _answers(self, name: str) -> bool:
        try:
            await self._call(
                lambda: self._api.chat.completions.create(
                    model=name, messages=[{"role": "user", "content": "Hello"}], max_tokens=1
                )
            )
        except (UnknownModel, ServerError):
            return False
        return True

    async def _load_error(self, name: str, status: int) -> UserError:
        """Return why an adapter was not loaded, as far as the answer shows it."""
        if status not in (404, 405):
            return UserError(
                "The server at SERVING_URL could not load {model}; its log says why.", model=name
            )
        if status == 404 and await self._has_load_endpoint():
            return UserError(
                "The server at SERVING_URL sees no adapter in {folder}. An operator must check "
                "SERVING_ADAPTER_DIR: it is the path of ADAPTER_DIR as that server sees it.",
                folder=self._folder / name,
            )
        return UserError(
            "The server at SERVING_URL takes no adapters while it runs. {hint}",
            hint=LocalizedMessage(self._hint),
        )

    async def _has_load_endpoint(self) -> bool:
        """Return whether the server has the endpoint that loads adapters: it answers a GET with 405."""
        try:
            await self._call(lambda: self._api.get(_LOAD_PATH, cast_to=str))
        except UnknownModel:
            return False
        except ServerError:
            return True
        return False

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


def is_listed(name: str, cards: list[Model]) -> bool:
    return any(card.id == name for card in cards)


def base_name(cards: list[Model]) -> str:
    """Return the base's path or id with which the server was started: adapters must name it as their base.

    It is the `root` of the one model without a `parent`; its `id` may be another name for clients.
    """
    for card in cards:
        if not getattr(card, "parent", None):
            return str(getattr(card, "root", None) or card.id)
    raise UserError("The server at SERVING_URL lists no base model. An operator must check SERVING_URL.")
