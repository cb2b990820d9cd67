"""The describer: answers /hero with the live model, or with the base model where none is tuned yet."""

import logging
import time

from bot.dataset.curate import Curation
from bot.errors import Unavailable, UnknownModel
from bot.hero import Hero
from bot.heroes_file import HeroesFile
from bot.llm.budget import Account
from bot.llm.client import Answer, ModelClient
from bot.prompts import Ask
from bot.rating.voters import Voters
from bot.store import descriptions
from bot.store.database import Database
from bot.store.descriptions import Description
from bot.tuning.registry import Registry

log = logging.getLogger(__name__)

_ACCOUNT = Account("hero")


class Describer:
    """Writes descriptions and keeps each one before it is shown."""

    def __init__(
        self,
        db: Database,
        client: ModelClient,
        registry: Registry,
        heroes: HeroesFile,
        voters: Voters,
        *,
        author: str,
        small: bool,
    ) -> None:
        self._db = db
        self._client = client
        self._registry = registry
        self._prompts = heroes.prompts
        self._curation: Curation = heroes.curation
        self._voters = voters
        self._author = author
        self._small = small

    async def describe(self, hero: Hero, *, requester: int | str, guild_id: int | None = None) -> Description:
        """Describe a hero for a user.

        Raises Unavailable where no model answers.
        """
        live = await self._registry.live()
        ask, model, answer = await (self._ask_live(hero, live.name) if live else self._ask_base(hero))
        text = answer.text if answer.finish_reason == "stop" else self._curation.trim(answer.text)
        if not text:
            raise Unavailable("The model had nothing to say this time. Ask once more.")
        async with self._db.write() as tx:
            return await descriptions.add(
                tx,
                model=model,
                tuned=model != self._author,
                age=hero.age,
                gender=hero.gender,
                power=hero.power,
                text=text,
                finish_reason=answer.finish_reason,
                prompt_version=self._prompts.version,
                sampling=ask.sampling.model_dump(),
                requester=self._voters.of(requester),
                guild_id=guild_id,
                prompt_tokens=answer.prompt_tokens,
                completion_tokens=answer.completion_tokens,
                seconds=answer.seconds,
                created_at=time.time(),
            )

    async def _ask_live(self, hero: Hero, name: str) -> tuple[Ask, str, Answer]:
        """Ask the live model; the base model, where the server (another one by now?) does not know it."""
        ask = self._prompts.ask_tuned(hero)
        try:
            return ask, name, await self._client.complete(ask, model=name, account=_ACCOUNT)
        except UnknownModel:
            log.error("the live model %s is unknown to the model server: the base model answers", name)  # noqa: TRY400
            return await self._ask_base(hero)

    async def _ask_base(self, hero: Hero) -> tuple[Ask, str, Answer]:
        seed = time.time_ns() % 2**31  # the same request again may be answered differently
        ask = self._prompts.ask_author(hero, small=self._small, seed=seed)
        return ask, self._author, await self._client.complete(ask, model=self._author, account=_ACCOUNT)

    async def shown_as(self, description: Description, message_id: int) -> None:
        """Note which message shows a description: the reactions to it are votes on the description."""
        async with self._db.write() as tx:
            await descriptions.shown_as(tx, description.id, message_id)
