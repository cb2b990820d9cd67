"""Stories: a hero's text is told on, scene by scene, by the live model."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.chat import ChatRequest
from bot.community.accounts import Pseudonyms
from bot.errors import Busy, UserError
from bot.heroes.curation import Curation, whole_sentences
from bot.heroes.scene_curation import FEWEST_SENTENCES, scene_faults, scene_sentences
from bot.heroes.scenes import ScenePrompts, story_text
from bot.llm.client import ChatAnswer
from bot.llm.stream import Stream
from bot.serving.describer import Describer
from bot.serving.generator import GeneratedText, new_seed
from bot.serving.redraws import Redraws
from bot.store import stories
from bot.store.database import Database, Transaction
from bot.store.descriptions import Description
from bot.store.models import Model

MOST_SCENES = 5


class Stories:
    """Has the live model write the next scene after a text, at most five after a hero's.

    Anyone may tell a story on. After one text, one scene is written at a time: who asks meanwhile is told.
    Later another one may follow the same text, and tell it on in another way.
    """

    def __init__(
        self,
        db: Database,
        describer: Describer,
        redraws: Redraws,
        prompts: ScenePrompts,
        curation: Curation,
        pseudonyms: Pseudonyms,
    ) -> None:
        self._db = db
        self._describer = describer
        self._redraws = redraws
        self._prompts = prompts
        self._curation = curation
        self._pseudonyms = pseudonyms
        self._writing: set[int] = set()  # the texts after which a scene is being written

    async def last_of(self, user_id: int, channel_id: int | None) -> int:
        """Return the text after which a person's newest story in a channel goes on.

        Raises UserError, which says what to do, if they have asked for no hero there.
        """
        async with self._db.read() as tx:
            newest = await stories.newest_id(tx, self._pseudonyms.of(user_id), channel_id or 0)
            if newest is not None:
                return await stories.last_id(tx, newest)
        raise UserError(
            "You have not asked for a hero here yet, so there is no story to go on with. Ask for one with "
            "`/hero`, then use `/story`; or press Next scene under anybody's hero."
        )

    @asynccontextmanager
    async def going_on(self, description_id: int) -> AsyncIterator[Sequence[Description]]:
        """Check that a scene may follow a text, and keep others from it until the block ends.

        Yields the texts so far. Raises UserError if none may follow, Busy if one is being written.
        """
        async with self._db.read() as tx:
            told = await stories.until(tx, description_id)
        _check(told)
        if description_id in self._writing:
            raise Busy("The next scene is being written already: it appears here in a moment.")
        self._writing.add(description_id)
        try:
            yield told
        finally:
            self._writing.discard(description_id)

    async def tell(
        self,
        told: Sequence[Description],
        *,
        requester: int | str,
        guild_id: int | None = None,
        stream: Stream | None = None,
    ) -> Description:
        """Write the scene after these texts for a user.

        Raises as Describer.describe(), and UserError if one of them was deleted or hidden meanwhile.
        """
        stream = stream or Stream()
        written = await self._describer.ask_live(lambda model: self._write(told, model, stream), stream)
        hero, parent_id = told[0].hero, told[-1].id

        async def keep(tx: Transaction) -> Description:
            _check(await stories.until(tx, parent_id))
            return await self._describer.keep(
                tx,
                hero,
                written,
                requester=requester,
                guild_id=guild_id,
                kind="scene",
                parent_id=parent_id,
            )

        return await self._db.write_when_free(keep)

    async def number(self, scene: Description) -> int:
        """Return which scene of its story a scene is, from 1 on."""
        async with self._db.read() as tx:
            return len(await stories.until(tx, scene.id)) - 1

    async def _write(self, told: Sequence[Description], model: Model | str, stream: Stream) -> GeneratedText:
        hero, tuned = told[0].hero, not isinstance(model, str)
        story = story_text(each.text for each in told)

        def shape(request: ChatRequest, answer: ChatAnswer) -> str:
            if answer.finish_reason == "stopped":
                return whole_sentences(answer.text)
            scene = scene_sentences(self._curation, answer.text)
            if scene and len(scene) < FEWEST_SENTENCES and request.opening:
                scene = [*scene, self._prompts.drawn_ending(hero, request.seed or 0)]
            return " ".join(scene)

        def request() -> ChatRequest:
            name, seed = self._curation.name_in(story), new_seed()
            return self._prompts.scene_request(hero, story, name=name, tuned=tuned, seed=seed)

        drawn = await self._redraws.best(
            request,
            shape,
            lambda _, scene: scene_faults(self._curation, hero, story, scene),
            model=model,
            stream=stream,
            shown=not self._prompts.continues,
        )
        return drawn.written(model)


def _check(told: Sequence[Description]) -> None:
    """Raise UserError if no scene may follow these texts."""
    if not told or told[0].kind == "scene":
        raise UserError("This description is gone. Ask for a new one with `/hero`.")
    if not told[0].of_one_hero:
        raise UserError("A team has one scene only. `/hero` describes a hero whose story goes on.")
    if not all(each.text for each in told):
        raise UserError(
            "Part of this story was deleted by the person who asked for it, so it ends here. Ask for another "
            "hero with `/hero`."
        )
    if any(each.removed_at is not None for each in told):
        raise UserError(
            "Part of this story is hidden, so it cannot go on. Ask for another hero with `/hero`."
        )
    if len(told) > MOST_SCENES:
        raise UserError(
            "This story has all of its {most} scenes. Ask for another hero with `/hero`.", most=MOST_SCENES
        )
