"""A control run: voters without a preference, through the product's own store and services.

Each seed is a trial of its own: a fresh candidate, duels, and members of a small crowd who answer at random,
some with ties, some again and again. AUTO_PROMOTE is on. Whatever is promoted is a mistake.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from bot.app import App, open_app
from bot.heroes.hero import Hero
from bot.rating.duels import Choice
from bot.settings import Settings
from bot.store import datasets, descriptions, duels, jobs
from bot.store.duels import Side
from bot.store.job_schema import FinetuneSpec
from bot.store.trials import Trial

_CROWD = 60  # of which most come more than once


@dataclass(frozen=True, slots=True)
class Control:
    """How the trials ended."""

    seeds: int
    votes: int
    promoted: int
    outvoted: int

    @property
    def promotes_nothing(self) -> float:
        """The share of seeds in which nothing was promoted."""
        return 1 - self.promoted / self.seeds


async def control(seeds: int, votes: int) -> Control:
    """Run the trials one after the other in one database, so many votes each."""
    with TemporaryDirectory(prefix="flywheel-") as folder:
        settings = Settings.model_construct(data_dir=Path(folder), auto_promote=True, rematch_days=0.0)
        async with open_app(settings) as app:
            origin = await _origin(app)
            await _model(app, origin, 0)
            ends = [await _trial(app, origin, seed, votes) for seed in range(1, seeds + 1)]
    return Control(seeds, votes, promoted=ends.count("won"), outvoted=ends.count("lost"))


async def _origin(app: App) -> tuple[int, int]:
    """A dataset and a job for models to come from."""
    async with app.db.write() as tx:
        made = await datasets.add(tx, [], kind="sft", content_hash="control", recipe={}, counts={}, at=0)
        job = await jobs.add(tx, spec=FinetuneSpec(), requester_id=None, channel_id=None, at=0)
        return made.id, job.id


async def _model(app: App, origin: tuple[int, int], number: int) -> int:
    name = f"model-{number}"
    made = await app.registry.register(
        name=name, base="base", dataset_id=origin[0], job_id=origin[1], metrics={}, served_as=name
    )
    return made.id


async def _trial(app: App, origin: tuple[int, int], seed: int, votes: int) -> str:
    """One trial to its end, or until there are no more votes. Returns its state."""
    chance = random.Random(seed)  # noqa: S311 (the same every time)
    number = await _model(app, origin, seed)
    trial = await app.trials.running()
    if trial is None or trial.candidate_id != number:
        raise RuntimeError(f"model {number} is not on trial")
    for duel_id in await _shown(app, trial, chance, votes):
        voter = f"voter {chance.randrange(_CROWD)} of {seed}"
        await app.duels.vote(duel_id, voter, chance.choice(_choices()), source="simulated")
    end = (await app.trials.of_model(number))[-1]
    if end.trial.state == "running":
        await app.registry.retire(number)
    await app.trials.advance()  # who lost its place to a mistake has no rematch
    return end.trial.state


def _choices() -> Sequence[Choice]:
    """Ties come half as often as either side."""
    a, b, tie = get_args(Choice)
    return a, a, b, b, tie


async def _shown(app: App, trial: Trial, chance: random.Random, number: int) -> list[int]:
    """Duels as they are kept when they are shown, sides drawn."""
    sides: tuple[Side, Side] = ("live", "candidate")
    ids = []
    async with app.db.write() as tx:
        texts = [
            await descriptions.add(
                tx,
                Hero(40, "woman", "healing"),
                model=f"side {side}",
                tuned=True,
                text="A text.",
                finish_reason="stop",
                prompt_version=1,
                sampling={},
                requester="control",
                prompt_tokens=1,
                completion_tokens=1,
                seconds=0.0,
                created_at=time.time(),
            )
            for side in sides
        ]
        for _ in range(number):
            shown = await duels.add(
                tx,
                trial_id=trial.id,
                live_description_id=texts[0].id,
                candidate_description_id=texts[1].id,
                a=chance.choice(sides),
                at=time.time(),
            )
            ids.append(shown.id)
    return ids
