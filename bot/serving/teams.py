"""Teams: three heroes in one text, drawn to belong together or asked for, by the live model."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace

from bot.chat import ChatRequest
from bot.errors import NotUnderstood, Stopped
from bot.heroes.config import HeroesConfig
from bot.heroes.curation import whole_sentences
from bot.heroes.hero import Hero
from bot.heroes.hero_parser import HeroParser
from bot.heroes.power_families import deed_verbs
from bot.heroes.scene_curation import deed_faults, one_sentence, team_faults
from bot.heroes.scenes import ScenePrompts, TeamFrame
from bot.llm.stream import Stream
from bot.serving.describer import Describer
from bot.serving.draws import with_totals
from bot.serving.generator import GeneratedText, new_seed
from bot.serving.redraws import Drawn, Redraws
from bot.store import teams
from bot.store.database import Database, Transaction
from bot.store.descriptions import TEAM_SIZE, Description
from bot.store.models import Model

_BETWEEN = re.compile(r"[,;\n]+")
_CHANCE = random.Random()  # noqa: S311 (variety, not secrecy)
_AGES, _OLDEST_DRAWN, _POWERS = 5, 95, 6  # how many are drawn to choose from, and the oldest of the ages


class Teams:
    """Draws teams, and has the live model write them.

    A model that continues a text is asked three times: each answer tells what one hero does in the scene that
    all share. Another one is asked once for the whole text.
    """

    def __init__(
        self,
        db: Database,
        describer: Describer,
        redraws: Redraws,
        prompts: ScenePrompts,
        parser: HeroParser,
        heroes: HeroesConfig,
    ) -> None:
        self._db = db
        self._describer = describer
        self._redraws = redraws
        self._prompts = prompts
        self._parser = parser
        self._vocabulary = heroes.vocabulary
        self._curation = heroes.curation

    def heroes_for(self, typed: str) -> list[Hero]:
        """Return three heroes: those that were typed, and others drawn to go with them.

        One hero may be typed (`40 woman healing`), or up to three, or powers, with commas between them.
        Raises NotUnderstood if they are none.
        """
        parts = [part.strip() for part in _BETWEEN.split(typed) if part.strip()]
        if len(parts) > 1 and self._is_one_hero(parts):
            parts = [typed]
        if len(parts) > TEAM_SIZE:
            raise NotUnderstood(
                "A team has {most} heroes: name up to {most} powers, with commas between them, or one hero "
                "to build it round.",
                most=TEAM_SIZE,
            )
        heroes: list[Hero] = []
        for part in parts:
            asked = self._parser.parse(part) if self._vocabulary.has_age_or_gender(part) else None
            heroes.append(asked or self._drawn(heroes, part))
        while len(heroes) < TEAM_SIZE:
            heroes.append(self._drawn(heroes, self._fitting_power(heroes)))
        return heroes

    async def describe(
        self,
        heroes: Sequence[Hero],
        *,
        requester: int | str,
        guild_id: int | None = None,
        stream: Stream | None = None,
    ) -> Description:
        """Describe a team for a user. Raises as Describer.describe(), and UserError if no words are there."""
        stream = stream or Stream()
        frame = self._prompts.team_frame(heroes, _CHANCE) if self._prompts.continues else None
        if frame:
            written = await self._describer.ask_live(lambda model: self._tell(frame, model, stream), stream)
        else:
            written = await self._describer.ask_live(lambda model: self._ask(heroes, model, stream), stream)

        async def keep(tx: Transaction) -> Description:
            kept = await self._describer.keep(
                tx, heroes[0], written, requester=requester, guild_id=guild_id, kind="team"
            )
            await teams.add_heroes(tx, kept.id, heroes)
            return kept

        return await self._db.write_when_free(keep)

    async def heroes_of(self, description: Description) -> Sequence[Hero]:
        """Return the heroes of a team; its first one alone if the others were deleted."""
        async with self._db.read() as tx:
            found = await teams.list_heroes(tx, [description.id])
        return found.get(description.id, [description.hero])

    async def _tell(self, frame: TeamFrame, model: Model | str, stream: Stream) -> GeneratedText:
        """Have a model tell what each hero does; the text so far is shown after each."""
        drawn: list[Drawn] = []
        stream.set_text(frame.text([]))
        stopped = False
        while len(drawn) < len(frame.heroes):
            try:
                drawn.append(await self._deed(frame, [each.text for each in drawn], model, stream))
            except Stopped:
                if not drawn:
                    raise
                stopped = True
                break
            stream.set_text(frame.text([each.text for each in drawn]))
        request = replace(drawn[-1].request, ending=frame.closing)
        whole = Drawn(
            frame.text([each.text for each in drawn]),
            request,
            with_totals(drawn[-1].answer, [each.answer for each in drawn]),
            max(each.draws for each in drawn),
        )
        return whole.written(model, stopped=stopped)

    async def _deed(
        self, frame: TeamFrame, before: Sequence[str], model: Model | str, stream: Stream
    ) -> Drawn:
        """Have a model tell what the next hero of a team does."""
        number, tuned = len(before), not isinstance(model, str)

        def faults(request: ChatRequest, deed: str) -> list[str]:
            part, given = frame.part(number, deed), len(request.opening.split())
            return deed_faults(self._curation, frame.heroes[number], part, [*before, deed], given=given)

        def request() -> ChatRequest:
            return self._prompts.deed_request(frame, number, tuned=tuned, seed=new_seed())

        return await self._redraws.best(
            request,
            lambda asked, answer: one_sentence(answer.text, opening=asked.opening, breaks=asked.breaks),
            faults,
            model=model,
            stream=stream,
        )

    async def _ask(self, heroes: Sequence[Hero], model: Model | str, stream: Stream) -> GeneratedText:
        """Have a model write all of a team's text."""
        drawn = await self._redraws.best(
            lambda: self._prompts.team_request(heroes),
            lambda _, answer: whole_sentences(answer.text.replace("*", "")).strip(),
            lambda _, text: team_faults(self._curation, heroes, text),
            model=model,
            stream=stream,
            shown=True,
        )
        return drawn.written(model)

    def _is_one_hero(self, parts: Sequence[str]) -> bool:
        """Return whether the commas are those within one hero, as in `40, woman, healing`."""
        if not self._vocabulary.has_age_or_gender(parts[0]):
            return False
        try:
            self._vocabulary.parse(parts[0])
        except NotUnderstood:
            return True
        return False

    def _drawn(self, heroes: Sequence[Hero], power: str) -> Hero:
        """Draw who has a power: of another age than the others, and of a gender that few of them have.

        Raises NotUnderstood if it is no power, or a blocked one.
        """
        limits = self._vocabulary.limits
        oldest = max(limits.youngest, min(limits.oldest, _OLDEST_DRAWN))
        ages = [_CHANCE.randint(limits.youngest, oldest) for _ in range(_AGES)]
        age = max(ages, key=lambda age: min((abs(age - hero.age) for hero in heroes), default=0))
        genders = [hero.gender for hero in heroes]
        gender = min(
            _CHANCE.sample(self._vocabulary.genders, len(self._vocabulary.genders)), key=genders.count
        )
        return self._parser.parse(f"{age} {gender} {power}")

    def _fitting_power(self, heroes: Sequence[Hero]) -> str:
        """Draw a power that does what those of the others do not."""
        taken = {hero.power for hero in heroes}
        free = [power for power in self._vocabulary.powers if power not in taken] or self._vocabulary.powers
        verbs = frozenset[str]().union(*(deed_verbs(power) for power in taken))
        drawn = _CHANCE.sample(free, min(_POWERS, len(free)))
        return min(drawn, key=lambda power: len(verbs & deed_verbs(power)))
