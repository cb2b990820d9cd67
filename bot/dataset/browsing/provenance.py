"""Provenance: how a text came about, and which texts that its model was trained on it is nearest to."""

import asyncio
from dataclasses import dataclass
from typing import Any

from bot.chat import Message
from bot.dataset.versions.near_duplicates import similarities
from bot.errors import UserError
from bot.heroes.config import HeroesConfig
from bot.heroes.takes import take_of
from bot.store import datasets, descriptions, duels, models, trials
from bot.store.database import Database, Transaction
from bot.store.datasets import TrainedText
from bot.store.descriptions import Description
from bot.store.models import Model

_MOST_LIKED, _MOST_OTHERS = 2000, 3000  # texts of a dataset that are compared
_NEAREST = 3
_FAINTEST = 0.05  # less likeness is chance: texts share turns of phrase
_MOST_ANCESTORS = 5  # more do not fit into a field of an embed


@dataclass(frozen=True, slots=True)
class NearText:
    """A text that the model was trained on, how like it the description is, and whether people liked it."""

    text: str
    likeness: float
    liked: bool


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a description came about.

    model: None if a base model wrote it. prompt: what was sent, and with which text the answer was begun;
    empty if the prompts have changed since, or are not known. lineage: what it is another take of, or what it
    tells on as a scene, the next one first. nearest: of the texts that may be seen where the description
    stands, liked ones first, then by likeness.
    """

    description: Description
    model: Model | None
    prompt: tuple[Message, ...]
    lineage: tuple[Description, ...]
    nearest: tuple[NearText, ...]

    @property
    def sampling(self) -> dict[str, Any]:
        """The parameters of the request that were stored, without what is told apart from them."""
        apart = ("draws", "framed", "seed", "tone", "begun")
        stored = self.description.sampling
        return {name: value for name, value in stored.items() if name not in apart and value is not None}


class Provenances:
    """Finds out how texts came about. small: whether the models are the engine's, which continue a text."""

    def __init__(self, db: Database, heroes: HeroesConfig, *, small: bool) -> None:
        self._db = db
        self._prompts = heroes.prompts
        self._curation = heroes.curation
        self._small = small

    async def of_message(self, message_id: int) -> Provenance:
        """Return how the text that a message shows came about.

        Raises UserError if the message shows none, or a duel: the models of its texts are secret as long as
        somebody may vote.
        """
        async with self._db.read() as tx:
            found = await descriptions.get_by_message(tx, message_id)
            await _check_no_duel(tx, found.id if found else None, message_id)
            if found is None or not found.text:
                raise UserError(
                    "I know of no hero in this message: it shows none, or the person who asked for it had it "
                    "deleted."
                )
            if found.removed_at is not None:
                raise UserError("This text is hidden, and so is how it was made.")
            model = await models.get(tx, found.version) if found.version else None
            lineage = await _ancestors(tx, found)
            texts = (
                await datasets.list_trained_texts(
                    tx,
                    model.dataset_id,
                    guild_id=found.guild_id,
                    channel_id=found.channel_id,
                    most_liked=_MOST_LIKED,
                    most_others=_MOST_OTHERS,
                )
                if model
                else []
            )
        nearest = await asyncio.to_thread(_nearest, found.text, texts)
        return Provenance(found, model, self._sent(found, lineage[:1]), lineage, nearest)

    def _sent(self, found: Description, parent: tuple[Description, ...]) -> tuple[Message, ...]:
        """Return the messages that the model was sent; none if that is not known any more."""
        prompts, seed = self._prompts, found.sampling.get("seed")
        if found.prompt_version != prompts.version or not found.of_one_hero:
            return ()
        begun = found.text[: found.sampling.get("begun") or 0]
        if parent and not self._small:
            return self._told(found, parent[0])
        if found.tuned:
            sent = prompts.tuned_request(found.hero).messages
        elif not self._small or found.sampling.get("framed") is False:
            sent = ({"role": "user", "content": prompts.generation_prompt(found.hero)},)
        elif (
            seed is None
        ):  # of an older version: the example and the beginning were drawn by a seed that is lost
            return ()
        else:
            *before, opening = prompts.author_request(found.hero, small=True, seed=seed).messages
            begun = begun or opening["content"]
            if not found.text.startswith(begun):  # the phrases of the file have changed
                return ()
            sent = tuple(before)
        begun_message: Message = {"role": "assistant", "content": begun}
        return (*sent, begun_message) if begun else sent

    def _told(self, found: Description, parent: Description) -> tuple[Message, ...]:
        """Return what a model that cannot continue a text was sent for a take; none if its parent is gone."""
        if not parent.text or parent.removed_at is not None:
            return ()
        take = take_of(parent.id, parent.hero, parent.text, self._curation, found.sampling.get("tone"))
        if found.tuned:
            return self._prompts.take_request(found.hero, take, small=False, seed=0).messages
        return self._prompts.author_request(found.hero, small=False, seed=0, take=take).messages


async def _check_no_duel(tx: Transaction, description_id: int | None, message_id: int) -> None:
    """Raise UserError if the message shows a duel, or the description is in one: it has to stay blind."""
    duel = await duels.get_by_message(tx, message_id)
    if duel is None and description_id is not None:
        duel = await duels.get_by_description(tx, description_id)
    if duel is None:
        return
    trial = await trials.get(tx, duel.trial_id)
    if trial is not None and trial.state == "running":
        raise UserError(
            "These texts are in a duel, and who wrote which stays secret while their models are on trial. "
            "Vote, and you are told at once."
        )
    raise UserError(
        "These texts are in a duel, and who wrote which stays secret as long as somebody may vote on it. "
        "Vote, and you are told at once."
    )


async def _ancestors(tx: Transaction, found: Description) -> tuple[Description, ...]:
    lineage: list[Description] = []
    kind = found.kind
    while found.kind == kind and found.parent_id is not None and len(lineage) < _MOST_ANCESTORS:
        parent = await descriptions.get(tx, found.parent_id)
        if parent is None:
            break
        lineage.append(parent)
        found = parent
    return tuple(lineage)


def _nearest(text: str, trained: list[TrainedText]) -> tuple[NearText, ...]:
    likeness = similarities(text, [each.text for each in trained])
    near = [
        NearText(each.text, value, each.liked)
        for each, value in zip(trained, likeness, strict=True)
        if value >= _FAINTEST
    ]
    near.sort(key=lambda each: (not each.liked, -each.likeness))
    return tuple(near[:_NEAREST])
