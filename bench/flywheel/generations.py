"""A line of models: the first generation, and what one crowd of readers makes of it."""

import random
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.adherence.__main__ import described
from bench.adherence.unseen import AGES, unseen
from bench.flywheel.crowd import HOME, Crowd, crowd
from bench.flywheel.taste import Taste
from bot.app import App, open_app
from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary
from bot.processes import run_engine, run_worker
from bot.rating import sequential_test
from bot.settings import Settings
from bot.store import descriptions, jobs
from bot.store.job_schema import BuildResult, FinetuneResult
from bot.store.jobs import Job
from bot.store.models import Model

SEEDS = (1, 2, 3)  # who the readers are and what they ask for; the models' own chance is the engine's

Generation = dict[str, Any]
"""All that was measured of one generation: plain figures, fit for JSON."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in a run.

    examples: written for the first dataset; kept: how many of them the later datasets hold beside what people
    liked; epochs: of the first training and of the later ones; asked: heroes that people ask for in a
    generation; readers: how many rate each; duels: counted results after which a trial ends undecided; probe:
    heroes by which a model is judged.
    """

    generations: int
    members: int
    examples: int
    kept: int
    epochs: tuple[int, int]
    asked: int
    readers: int
    duels: int
    probe: int


FULL = Size(
    generations=3, members=150, examples=294, kept=14, epochs=(2, 3), asked=80, readers=5, duels=100, probe=40
)
QUICK = Size(
    generations=2, members=20, examples=16, kept=14, epochs=(1, 1), asked=4, readers=3, duels=6, probe=4
)


@asynccontextmanager
async def installation(data: Path, size: Size, engine_url: str | None) -> AsyncIterator[App]:
    """The whole bot on a folder of its own, with engine and worker; of the environment it takes nothing.

    Duels are held by /duel alone, and a model that lost its place does not come back for it: each generation
    has one trial.
    """
    plain = Settings.model_construct(
        data_dir=data,
        engine_url=engine_url,
        home_guilds=frozenset({HOME}),
        auto_promote=True,
        duel_share=0.0,
        cooldown=0.0,  # the crowd is quicker than people
        rematch_days=0.0,
        trial_duels=size.duels,
    )
    async with run_engine(plain) as settings, run_worker(settings), open_app(settings) as app:
        yield app


async def first_generation(data: Path, size: Size, *, engine_url: str | None = None) -> Generation:
    """Build a dataset of written examples alone and tune the first model on it, which goes live."""
    async with installation(data, size, engine_url) as app:
        async with crowd(app, Taste(app.heroes.curation), members=1, seed=0) as people:
            built = await people.order("build-dataset", limit=size.examples)
            tuned = await people.order("finetune", epochs=size.epochs[0])
        live = await app.registry.live()
        assert live is not None  # noqa: S101 (the first model goes live)
        return {**_results(built, tuned), **await _measured(app, live, size)}


async def later_generations(
    origin: Path, data: Path, size: Size, seed: int, *, engine_url: str | None = None
) -> list[Generation]:
    """Go on from a copy of the first generation's folder with a crowd of its own."""
    async with _copied(origin, data, size, engine_url) as app:
        heroes = _asked(app.heroes.vocabulary, seed)
        async with crowd(app, Taste(app.heroes.curation), members=size.members, seed=seed) as people:
            return [await _generation(app, people, heroes, size) for _ in range(1, size.generations)]


async def without_votes(
    origin: Path, data: Path, size: Size, *, engine_url: str | None = None
) -> list[Generation]:
    """Go on as the others do, but nobody asks or votes: what training further brings by itself."""
    made = []
    async with (
        _copied(origin, data, size, engine_url) as app,
        crowd(app, Taste(app.heroes.curation), members=1, seed=0) as people,
    ):
        for _ in range(1, size.generations):
            made.append(await _next_model(app, people, size))
            await people.operate("models promote", model=made[-1]["tuning"]["model"])
    return made


@asynccontextmanager
async def _copied(origin: Path, data: Path, size: Size, engine_url: str | None) -> AsyncIterator[App]:
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(origin, data)
    async with installation(data, size, engine_url) as app:
        async with app.db.write() as tx:  # the simulated server that they were shown in is gone
            await descriptions.forget_messages(tx)
            await jobs.forget_messages(tx)
        yield app


async def _generation(app: App, people: Crowd, heroes: Iterator[Hero], size: Size) -> Generation:
    """People ask and rate, the operator tunes the live model further, people decide which one serves."""
    thumbs = await people.ask_and_rate([next(heroes) for _ in range(size.asked)], size.readers)
    made = await _next_model(app, people, size)
    candidate = await app.registry.get(made["tuning"]["model"])
    await people.duel(heroes)
    trial = await _trial(app, candidate)
    if not trial["promoted"]:
        await people.operate("models retire", model=candidate.id)
    return {"thumbs": thumbs, **made, "trial": trial, "errors": people.errors}


async def _next_model(app: App, people: Crowd, size: Size) -> Generation:
    """The operator builds the next dataset, and tunes the live model further on it."""
    live = await app.registry.live()
    assert live is not None  # noqa: S101 (the first generation's model, or one after it)
    built = await people.order("build-dataset", limit=size.kept)
    tuned = await people.order("finetune", **{"base-model": live.name, "epochs": size.epochs[1]})
    candidate = await app.registry.get(tuned.result_as(FinetuneResult).model)
    return {**_results(built, tuned), **await _measured(app, candidate, size)}


def _results(built: Job, tuned: Job) -> dict[str, Any]:
    return {
        "dataset": built.result_as(BuildResult).to_json(),
        "tuning": tuned.result_as(FinetuneResult).to_json(),
    }


async def _measured(app: App, model: Model, size: Size) -> Generation:
    """What the model writes of heroes that nobody asks for, one text each, and what the taste says of it."""
    curation, vocabulary = app.heroes.curation, app.heroes.vocabulary
    taste = Taste(curation)
    heroes = [hero for hero in unseen(vocabulary, 400) if vocabulary.trains(hero)][: size.probe]
    texts = await described(app, model.served_as or model.name, heroes, app.heroes.prompts.ask_tuned)
    probe = [
        {
            "hero": each.hero.typed,
            "words": len(each.text.split()),
            "power_named": curation.names_power(each.hero, each.text),
            "fault": curation.rejection_reason(each.hero, curation.trim(each.text)),
            "score": round(taste.score(each.hero, each.text), 4),
            "text": each.text,
        }
        for each in texts
    ]
    return {"model": model.name, "probe": probe}


async def _trial(app: App, candidate: Model) -> Generation:
    """How the candidate's one trial ended."""
    (standing,) = await app.trials.of_model(candidate.id)
    tally = standing.tally
    return {
        **asdict(tally),
        "state": standing.trial.state,
        "evidence": round(sequential_test.evidence(tally.wins, tally.losses), 3),
        "interval": list(sequential_test.interval(tally.wins, tally.losses)),
        "promoted": (await app.registry.get(candidate.id)).state == "live",
    }


def _asked(vocabulary: Vocabulary, seed: int) -> Iterator[Hero]:
    """Heroes that people ask for, without end: any age but those of the probe, any power that may train."""
    chance = random.Random(f"asked {seed}")  # noqa: S311 (a simulation)
    ages = [age for age in range(vocabulary.limits.youngest, 100) if age not in AGES]
    while True:
        yield Hero(
            chance.choice(ages), chance.choice(vocabulary.grid.genders), chance.choice(vocabulary.powers)
        )
