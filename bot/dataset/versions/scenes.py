"""Scenes of stories that may train: what people liked of them, if operators have allowed it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.community.powers import Powers
from bot.dataset.versions.admission import OUTSIDE_VOCABULARY
from bot.dataset.versions.draft import TrainingText
from bot.heroes.config import HeroesConfig
from bot.heroes.scene_curation import scene_faults, scene_sentences
from bot.heroes.scenes import ScenePrompts, story_text
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import mark
from bot.rating.scores import Scores
from bot.rating.thresholds import Thresholds
from bot.store import stories
from bot.store.database import Database
from bot.store.descriptions import Description

_STORY_GONE = mark("in a story of which a text is hidden or deleted")
_BEGUN_OTHERWISE = mark("with another beginning than scenes are given")


@dataclass(frozen=True, slots=True)
class AdmittedScenes:
    """The scenes that the votes admit and that are fit, by their hero's tuning prompt.

    unfit counts the other admitted ones, by reason.
    """

    texts: dict[str, list[TrainingText]] = field(default_factory=lambda: defaultdict(list))
    unfit: Counter[str] = field(default_factory=Counter)

    @property
    def number(self) -> int:
        return sum(map(len, self.texts.values()))


class TrainableScenes:
    """Admits scenes by the thresholds for descriptions, and by the rules by which scenes are written.

    enabled: whether they may train at all; if not, none is admitted. A scene trains after its story so far,
    which is not learned again.
    """

    def __init__(
        self,
        db: Database,
        scores: Scores,
        powers: Powers,
        heroes: HeroesConfig,
        prompts: ScenePrompts,
        thresholds: Thresholds,
        *,
        enabled: bool,
    ) -> None:
        self._db = db
        self._scores = scores
        self._powers = powers
        self._heroes = heroes
        self._prompts = prompts
        self._thresholds = thresholds
        self.enabled = enabled

    async def admit(self) -> AdmittedScenes:
        """Return what the votes admit now."""
        admitted = AdmittedScenes()
        if not self.enabled:
            return admitted
        vocabulary = await self._powers.vocabulary()
        for tally in await self._scores.scene_votes():
            if not self._thresholds.admits(tally.ups, tally.downs):
                continue
            told = await self._until(tally.description_id)
            judged = await asyncio.to_thread(self._judge, told, vocabulary)
            if isinstance(judged, str):
                admitted.unfit[judged] += 1
            else:
                admitted.texts[self._heroes.prompts.tuning_prompt(told[-1].hero)].append(judged)
        return admitted

    async def is_fit(self, description_id: int) -> bool:
        """Return whether a scene may train, once the votes admit it."""
        told, vocabulary = await self._until(description_id), await self._powers.vocabulary()
        return self.enabled and not isinstance(self._judge(told, vocabulary), str)

    async def _until(self, description_id: int) -> Sequence[Description]:
        async with self._db.read() as tx:
            return await stories.until(tx, description_id)

    def _judge(self, told: Sequence[Description], vocabulary: Vocabulary) -> TrainingText | str:
        """Return the text of a story's last scene with the turns before it, or why it may not train."""
        if len(told) < 2 or any(each.removed_at is not None or not each.text for each in told):
            return _STORY_GONE
        *before, scene = told
        hero, curation = scene.hero, self._heroes.curation
        if not vocabulary.trains(hero):
            return OUTSIDE_VOCABULARY
        story, text = (
            story_text(each.text for each in before),
            " ".join(scene_sentences(curation, scene.text)),
        )
        if faults := scene_faults(curation, hero, story, text):
            return faults[0]
        chat = self._prompts.training_chat(hero, story, text, name=curation.name_in(story))
        if chat is None:
            return _BEGUN_OTHERWISE
        return TrainingText(chat[1], "scene", scene.id, chat=chat[0])
