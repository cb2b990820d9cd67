"""A null run: voters without a preference, through the bot's own store and services.

Each seed is a trial of its own: a new candidate, duels, and a small crowd that votes at random, with ties,
and some of them again and again. AUTO_PROMOTE is on. Every promotion is a mistake.
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

_CROWD = 60  # voters, most of whom vote more than once


@dataclass(frozen=True, slots=True)
class NullRun:
    """How the trials ended."""

    seeds: int
    votes: int
    promoted: int
    outvoted: int

    @property
    def promotes_nothing(self) -> float:
        """The share of seeds in which nothing was promoted."""
        return 1 - self.promoted / self.seeds

    def summary(self) -> dict[str, float]:
        """Return the figures by name."""
        return {
            "control_promotes_nothing": self.promotes_nothing,
            "control_outvoted": self.outvoted,
            "control_seeds": self.seeds,
            "control_votes": self.votes,
        }


async def run_null_trials(seeds: int, votes: int) -> NullRun:
    """Run `seeds` trials of `votes` votes each, one after the other in one database."""
    with TemporaryDirectory(prefix="bench-trials-") as folder:
        settings = Settings.model_construct(
            data_dir=Path(folder), auto_promote=True, rematch_days=0.0, check_heroes=0
        )
        async with open_app(settings) as app:
            origin = await _add_dataset_and_job(app)
            await _register_model(app, origin, 0)
            states = [await _run_trial(app, origin, seed, votes) for seed in range(1, seeds + 1)]
    return NullRun(seeds, votes, promoted=states.count("won"), outvoted=states.count("lost"))


async def _add_dataset_and_job(app: App) -> tuple[int, int]:
    """Add the dataset and the job that the models come from. Return their ids."""
    async with app.db.write() as tx:
        made = await datasets.add(tx, [], kind="sft", content_hash="control", recipe={}, counts={}, at=0)
        job = await jobs.add(tx, spec=FinetuneSpec(), requester_id=None, channel_id=None, at=0)
        return made.id, job.id


async def _register_model(app: App, origin: tuple[int, int], number: int) -> int:
    name = f"model-{number}"
    made = await app.registry.register(
        name=name, base="base", dataset_id=origin[0], job_id=origin[1], metrics={}, served_as=name
    )
    return made.id


async def _run_trial(app: App, origin: tuple[int, int], seed: int, votes: int) -> str:
    """Run one trial until it ends or the votes are used up. Return its state."""
    chance = random.Random(seed)  # noqa: S311 (a simulation)
    number = await _register_model(app, origin, seed)
    trial = await app.trials.running()
    if trial is None or trial.candidate_id != number:
        raise RuntimeError(f"model {number} is not on trial")
    for duel_id in await _add_duels(app, trial, chance, votes):
        voter = f"voter {chance.randrange(_CROWD)} of {seed}"
        await app.duels.vote(duel_id, voter, chance.choice(_choices()), source="simulated")
    end = (await app.trials.of_model(number))[-1]
    if end.trial.state == "running":
        await app.registry.retire(number)
    await app.trials.advance()  # closes the rematch window of a model that a mistake replaced
    return end.trial.state


def _choices() -> Sequence[Choice]:
    """Return the choices to draw from: ties are half as frequent as either side."""
    a, b, tie = get_args(Choice)
    return a, a, b, b, tie


async def _add_duels(app: App, trial: Trial, chance: random.Random, number: int) -> list[int]:
    """Add duels as they are stored when they are shown, with random sides. Return their ids."""
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
