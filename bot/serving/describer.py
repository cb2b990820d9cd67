"""The describer: answers /hero with the live model, or with the base model if none is live."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from bot.community.accounts import Pseudonyms
from bot.errors import UnknownModel
from bot.heroes.hero import Hero
from bot.heroes.takes import Take
from bot.llm.budget import Account
from bot.llm.stream import Stream
from bot.registry.availability import ModelAvailability
from bot.registry.registry import Registry
from bot.serving.generator import GeneratedText, Generator
from bot.serving.waiting_queue import WaitingQueue
from bot.store import descriptions, models
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.models import Model

log = logging.getLogger(__name__)

T = TypeVar("T")

Ask = Callable[[Model | str], Awaitable[T]]
"""Asks a tuned model, or an untuned one by its name, for something."""

ACCOUNT = Account("hero")


class Describer:
    """Generates descriptions, and stores each one before it is shown."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        availability: ModelAvailability,
        generator: Generator,
        pseudonyms: Pseudonyms,
        queue: WaitingQueue,
        *,
        prompt_version: int,
    ) -> None:
        self._db = db
        self._registry = registry
        self._availability = availability
        self._generator = generator
        self._pseudonyms = pseudonyms
        self._queue = queue
        self._prompt_version = prompt_version

    async def describe(
        self,
        hero: Hero,
        *,
        requester: int | str,
        guild_id: int | None = None,
        stream: Stream | None = None,
        take: Take | None = None,
    ) -> Description:
        """Describe a hero for a user; a stream gets its position in the queue, then the text.

        take: how it is to be another text of the hero than one before, if it is.
        Raises Unavailable if no model answers or nothing can be stored, Busy if too many wait, Stopped if the
        stream was stopped within the first sentence.
        """
        written = await self.generate(hero, stream or Stream(), take=take)
        return await self._db.write_when_free(
            lambda tx: self.keep(tx, hero, written, requester=requester, guild_id=guild_id, take=take)
        )

    async def generate(
        self, hero: Hero, stream: Stream, model: Model | None = None, take: Take | None = None
    ) -> GeneratedText:
        """Wait for a slot, then generate a text with a model, by default the live one."""

        async def ask(writer: Model | str) -> GeneratedText:
            return await self._generator.generate(hero, writer, ACCOUNT, stream, take)

        if model is None:
            return await self.ask_live(ask, stream)
        await self._db.check_writable()
        async with self._queue.slot(stream):
            return await self._ask_with(model, ask, stream)

    async def ask_live(self, ask: Ask[T], stream: Stream) -> T:
        """Wait for a slot, then ask the model that is live, or the base; the answer is to be stored."""
        async with self._db.write() as tx:  # an answer can be stored; in one transaction with the reading
            model = await models.get_live(tx)
        async with self._queue.slot(stream) as has_waited:
            if has_waited:
                model = await self._registry.live()
            return await self._ask_live(model, ask, stream)

    async def keep(
        self,
        tx: Transaction,
        hero: Hero,
        written: GeneratedText,
        *,
        requester: int | str,
        guild_id: int | None = None,
        kind: str = "hero",
        parent_id: int | None = None,
        take: Take | None = None,
    ) -> Description:
        """Store a generated text as a description for a user. take: if it is one, in place of the kind."""
        answer, request = written.answer, written.request
        is_begun = kind in ("scene", "team") and bool(request.opening)
        is_framed = bool(request.ending) or is_begun
        drawn: dict[str, Any] = {"draws": written.draws, "framed": is_framed, "seed": request.seed}
        if take:
            drawn |= {"tone": take.tone, "begun": len(request.opening)}
        return await descriptions.add(
            tx,
            hero,
            model=written.model,
            tuned=written.tuned,
            text=written.text,
            finish_reason=answer.finish_reason,
            prompt_version=self._prompt_version,
            sampling=request.sampling.model_dump() | drawn,
            requester=self._pseudonyms.of(requester),
            guild_id=guild_id,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=answer.seconds,
            created_at=time.time(),
            kind="take" if take else kind,
            parent_id=take.parent_id if take else parent_id,
        )

    async def _ask_live(self, model: Model | None, ask: Ask[T], stream: Stream) -> T:
        """Ask the model that is live; if its server has lost it, its successor; the base for None."""
        while model is not None:
            try:
                return await self._ask_with(model, ask, stream)
            except UnknownModel:
                model = await self.fallback(model)
        return await ask(self._generator.base)

    async def _ask_with(self, model: Model, ask: Ask[T], stream: Stream) -> T:
        """Ask a model; if its server has forgotten it, load it again and retry once.

        Raises UnknownModel if the server still does not know it, Unavailable, Stopped.
        """
        try:
            return await ask(model)
        except UnknownModel:
            log.error("the server does not know the model %s", model.name)  # noqa: TRY400
            reloaded = await stream.run_until_stopped(self._availability.reload(model))
            if reloaded is None:
                raise
        return await ask(reloaded)

    async def fallback(self, model: Model) -> Model | None:
        """Return the model that answers in place of a missing one, None for the base.

        If the server lost it for good, the registry records that.
        """
        if await self._availability.is_missing(model):
            return await self._registry.mark_missing(model)
        return None

    async def set_message(
        self, description: Description, channel_id: int, message_id: int
    ) -> Description | None:
        """Record which message shows a description: reactions to the message are votes on the description.

        Return the description as it is now: it may be hidden already. Return None, with nothing recorded, if
        the requester had it deleted meanwhile.
        """
        return await self._db.write_when_free(
            lambda tx: descriptions.set_message(tx, description.id, channel_id, message_id)
        )

    async def get(self, description_id: int) -> Description | None:
        async with self._db.read() as tx:
            return await descriptions.get(tx, description_id)
