"""The describer: answers /hero with the live model, or with the base model where none is tuned yet."""

import logging
import time

from bot.community.accounts import Pseudonyms
from bot.errors import UnknownModel
from bot.heroes.hero import Hero
from bot.llm.budget import Account
from bot.llm.stream import Stream
from bot.registry.availability import ModelAvailability
from bot.registry.registry import Registry
from bot.serving.generator import GeneratedText, Generator
from bot.serving.waiting_queue import WaitingQueue
from bot.store import descriptions
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.models import Model

log = logging.getLogger(__name__)

_ACCOUNT = Account("hero")


class Describer:
    """Has descriptions written and keeps each one before it is shown."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        upkeep: ModelAvailability,
        writer: Generator,
        voters: Pseudonyms,
        line: WaitingQueue,
        *,
        prompt_version: int,
    ) -> None:
        self._db = db
        self._registry = registry
        self._upkeep = upkeep
        self._writer = writer
        self._voters = voters
        self._line = line
        self._prompt_version = prompt_version

    async def describe(
        self, hero: Hero, *, requester: int | str, guild_id: int | None = None, stream: Stream | None = None
    ) -> Description:
        """Describe a hero for a user; a stream tells the place in the line, then the text as it comes.

        Raises Unavailable where no model answers, Busy where too many wait, Stopped where the stream was
        stopped within the first sentence.
        """
        written = await self.generate(hero, stream or Stream())
        async with self._db.write() as tx:
            return await self.keep(tx, hero, written, requester=requester, guild_id=guild_id)

    async def generate(self, hero: Hero, stream: Stream, model: Model | None = None) -> GeneratedText:
        """Have a text written when its turn in the line has come: by one model, or by whatever is live."""
        async with self._line.slot(stream):
            if model:
                return await self._written_by(hero, model, stream)
            return await self._written_live(hero, stream)

    async def keep(
        self,
        tx: Transaction,
        hero: Hero,
        written: GeneratedText,
        *,
        requester: int | str,
        guild_id: int | None = None,
    ) -> Description:
        """Keep what a model wrote of a hero for a user."""
        answer = written.answer
        return await descriptions.add(
            tx,
            hero,
            model=written.model,
            tuned=written.tuned,
            text=written.text,
            finish_reason=answer.finish_reason,
            prompt_version=self._prompt_version,
            sampling=written.ask.sampling.model_dump(),
            requester=self._voters.of(requester),
            guild_id=guild_id,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=answer.seconds,
            created_at=time.time(),
        )

    async def _written_live(self, hero: Hero, stream: Stream) -> GeneratedText:
        """Ask the model that is live now, whatever is promoted meanwhile; if it is lost, its successor."""
        model = await self._registry.live()
        while model is not None:
            try:
                return await self._written_by(hero, model, stream)
            except UnknownModel:
                model = await self.after(model)
        return await self._writer.generate(hero, self._writer.base, _ACCOUNT, stream)

    async def _written_by(self, hero: Hero, model: Model, stream: Stream) -> GeneratedText:
        """Let one model write; where its server has forgotten it, once more after it was loaded anew.

        Raises UnknownModel where the server does not know it all the same, Unavailable, Stopped.
        """
        try:
            return await self._writer.generate(hero, model, _ACCOUNT, stream)
        except UnknownModel:
            log.error("the server does not know the model %s", model.name)  # noqa: TRY400
            if not await stream.run_until_stopped(self._upkeep.reload(model)):
                raise
        return await self._writer.generate(hero, model, _ACCOUNT, stream)

    async def after(self, model: Model) -> Model | None:
        """Who answers for a model that its server denies: the base this once, where that may pass.

        Where it is lost for good, the registry learns it.
        """
        if await self._upkeep.is_lost(model):
            return await self._registry.mark_missing(model)
        return None

    async def shown_as(
        self, description: Description, channel_id: int, message_id: int
    ) -> Description | None:
        """Note which message shows a description: the reactions to it are votes on the description.

        Returns the description as it is now: it may be hidden already. None where who asked for it has had it
        deleted meanwhile: then nothing is noted.
        """
        async with self._db.write() as tx:
            return await descriptions.shown_as(tx, description.id, channel_id, message_id)

    async def get(self, description_id: int) -> Description | None:
        async with self._db.read() as tx:
            return await descriptions.get(tx, description_id)
