"""Serving elsewhere: a model tuned at one server answers at another one, which has the same base."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar
from urllib.parse import quote

import httpx2
import openai
from openai import AsyncOpenAI
from openai.types import Model

from bot.errors import HerosmithError, OutOfReach, ServerError, Unavailable, UnknownModel, UserError
from bot.i18n.message import LocalizedMessage
from bot.llm.retry import BACKGROUND, RetryPolicy, Truncated, with_retries
from bot.registry.adapter_folder import AdapterFolder, BrokenArchive

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOAD = "/load_lora_adapter"
_SOON = RetryPolicy(
    20, 3
)  # for a server that has just told its models; an adapter that does not fit is a 500, too


class LoraDeployment:
    """Brings adapters from the server that trains to the one that answers, through a folder that both see."""

    def __init__(
        self,
        training: AsyncOpenAI,
        serving: AsyncOpenAI,
        *,
        here: Path,
        there: PurePosixPath | str,
        hint: str,
    ) -> None:
        """`here` is the folder, `there` its path as the serving server sees it.

        `hint` is a sentence: how that server is started so that it takes adapters.
        """
        self._training = training
        self._serving = serving
        self._folder = AdapterFolder(here)
        self._there = PurePosixPath(there)
        self._hint = hint

    async def deploy(self, model: str) -> None:
        """Make a tuned model answer at the serving server; where it does already, nothing happens.

        A server that was restarted has forgotten its adapters: offer them again. Raises UserError with what
        to mend, or ServerError.
        """
        try:
            if not self._folder.has(model):
                await self._bring(model)
            cards = await self._cards()
            await asyncio.to_thread(self._folder.name_base, model, _base_among(cards))
        except OSError as error:
            raise UserError(
                "The adapter of {model} could not be stored ({reason}). An operator must look at "
                "ADAPTER_DIR.",
                model=model,
                reason=error.strerror or error,
            ) from error
        if not _listed(model, cards):
            await self._load(model)

    async def _bring(self, model: str) -> None:
        try:
            await with_retries(partial(self._fetch, model), BACKGROUND)
        except UnknownModel as error:
            raise UserError(
                "The model server that trained {model} has no adapter of it.", model=model
            ) from error

    async def _fetch(self, model: str) -> None:
        with self._folder.workspace() as workspace:
            archive = workspace / "adapter.tar"
            try:
                await self._download(f"/models/{quote(model, safe=':')}/adapter", archive)
                await asyncio.to_thread(self._folder.unpack, archive, model, workspace)
            except (httpx2.HTTPError, BrokenArchive) as error:
                raise Truncated(f"the adapter of {model} came in part") from error

    async def _download(self, path: str, to: Path) -> None:
        response = await self._training.get(
            path,
            cast_to=httpx2.Response,
            # as the SDK's own with_streaming_response asks, which is there for paths that it knows only
            options={"headers": {"X-Stainless-Raw-Response": "stream"}},
        )
        try:
            with to.open("wb") as out:
                async for piece in response.aiter_bytes():
                    await asyncio.to_thread(out.write, piece)
        finally:
            await response.aclose()

    async def _load(self, model: str) -> None:
        """Ask for the adapter to be loaded.

        Where that is refused, others may have loaded it, or the server finds it by itself when it is asked.
        """
        body = {"lora_name": model, "lora_path": str(self._there / model)}
        try:
            await self._ask(lambda: self._serving.post(_LOAD, cast_to=str, body=body))
        except HerosmithError as error:
            refused = error.__cause__
            if not isinstance(refused, openai.APIStatusError) or _passes(error, refused):
                raise
            if _listed(model, await self._cards()):
                return
            if refused.status_code in (404, 405) and await self._found_when_asked(model):
                return
            log.warning("the serving server did not load %s: %s", model, refused)
            raise await self._reason(model, refused.status_code) from error

    async def _found_when_asked(self, model: str) -> bool:
        """Whether the server answers as the model, and is not one that answers to any name."""
        return await self._answers(model) and not await self._answers(f"{model}-nobody")

    async def _answers(self, model: str) -> bool:
        try:
            await self._ask(
                lambda: self._serving.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": "Hello"}], max_tokens=1
                )
            )
        except (UnknownModel, ServerError):
            return False
        return True

    async def _reason(self, model: str, status: int) -> UserError:
        """Why an adapter was not loaded, as far as it can be told."""
        if status not in (404, 405):
            return UserError("The serving server could not load {model}; its log says why.", model=model)
        if status == 404 and await self._takes_adapters():
            return UserError(
                "The serving server sees no adapter at {folder}. An operator must check "
                "SERVING_ADAPTER_DIR: it is the path of ADAPTER_DIR as that server sees it.",
                folder=self._there / model,
            )
        return UserError(
            "The serving server takes no adapters while it runs. {hint}", hint=LocalizedMessage(self._hint)
        )

    async def _takes_adapters(self) -> bool:
        """Whether there is the endpoint that loads them: it takes POST alone, and says so to a GET."""
        try:
            await self._ask(lambda: self._serving.get(_LOAD, cast_to=str))
        except UnknownModel:
            return False
        except ServerError:
            return True
        return False

    async def _cards(self) -> list[Model]:
        return (await self._ask(self._serving.models.list, patience=BACKGROUND)).data

    async def _ask(self, call: Callable[[], Awaitable[T]], patience: RetryPolicy = _SOON) -> T:
        """Call the serving server, whose key is not the one that other callers of `patiently` speak of."""
        try:
            return await with_retries(call, patience)
        except Unavailable as error:
            if isinstance(error.__cause__, (openai.AuthenticationError, openai.PermissionDeniedError)):
                raise Unavailable(
                    "The serving server refuses this installation's key. An operator must check "
                    "SERVING_API_KEY."
                ) from error
            raise


def _passes(error: HerosmithError, refused: openai.APIStatusError) -> bool:
    """Whether the trouble is the server's, not the adapter's: of one that does not fit it says 500."""
    return isinstance(error, OutOfReach) and refused.status_code != 500


def _listed(model: str, cards: list[Model]) -> bool:
    return any(card.id == model for card in cards)


def _base_among(cards: list[Model]) -> str:
    """What the server calls its base where it looks for an adapter's: the path or id it was started with.

    It is the `root` of the one model without a `parent`; its `id` may be another name, made for clients.
    """
    for card in cards:
        if not getattr(card, "parent", None):
            return str(getattr(card, "root", None) or card.id)
    raise UserError("The serving server lists no base model. An operator must check SERVING_URL.")
