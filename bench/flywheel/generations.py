"""Generations of models: the first one, and the later ones that one crowd of readers leads to."""

import random
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.common.answers import ask_for_each
from bench.flywheel.crowd import HOME, Crowd, open_crowd
from bench.flywheel.preference_model import PreferenceModel
from bot.app import App, open_app
from bot.heroes.hero import Hero
from bot.heroes.unseen_heroes import unseen_heroes
from bot.heroes.vocabulary import Vocabulary
from bot.processes import run_engine, run_worker
from bot.settings import Settings
from bot.store import descriptions, jobs
from bot.store.job_schema import BuildResult, FinetuneResult
from bot.store.jobs import Job
from bot.store.models import Model

SEEDS = (1, 2, 3)  # of the readers and what they ask for; the engine samples by itself

Generation = dict[str, Any]
"""The figures of one generation, ready for JSON."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in a run.

    examples: written for the first dataset. kept: written examples in the later datasets, beside liked
    texts. epochs: of the first training and of the later ones. asked: heroes that members ask for in a
    generation. readers: who rate each of them. duels: counted results after which a trial ends undecided.
    probe: heroes by which a model is scored.
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
    """Open the whole bot with engine and worker on a folder of its own, ignoring the environment.

    Duels come from /duel alone and there are no rematches, so each generation has one trial.
    """
    defaults = Settings.model_construct(
        data_dir=data,
        engine_url=engine_url,
        home_guilds=frozenset({HOME}),
        auto_promote=True,
        duel_share=0.0,
        cooldown=0.0,  # the crowd is faster than people
        rematch_days=0.0,
        trial_duels=size.duels,
        check_heroes=0,  # the crowd alone judges each generation here
    )
    async with run_engine(defaults) as settings, run_worker(settings), open_app(settings) as app:
        yield app


async def first_generation(data: Path, size: Size, *, engine_url: str | None = None) -> Generation:
    """Build a dataset of written examples alone, and tune the first model on it; it goes live."""
    async with installation(data, size, engine_url) as app:
        async with open_crowd(app, PreferenceModel(app.heroes.curation), members=1, seed=0) as crowd:
            built = await crowd.run_job("build-dataset", limit=size.examples)
            tuned = await crowd.run_job("finetune", epochs=size.epochs[0])
        live = await app.registry.live()
        assert live is not None  # noqa: S101 (the first model goes live)
        return {**_results(built, tuned), **await _measure_model(app, live, size)}


async def later_generations(
    origin: Path, data: Path, size: Size, seed: int, *, engine_url: str | None = None
) -> list[Generation]:
    """Continue from a copy of the first generation's folder, with a crowd of its own."""
    async with _copied_installation(origin, data, size, engine_url) as app:
        heroes = _requested_heroes(app.heroes.vocabulary, seed)
        async with open_crowd(
            app, PreferenceModel(app.heroes.curation), members=size.members, seed=seed
        ) as crowd:
            return [await _generation(app, crowd, heroes, size) for _ in range(1, size.generations)]


async def without_votes(
    origin: Path, data: Path, size: Size, *, engine_url: str | None = None
) -> list[Generation]:
    """Continue without requests and votes, to measure what further training alone brings."""
    generations = []
    async with (
        _copied_installation(origin, data, size, engine_url) as app,
        open_crowd(app, PreferenceModel(app.heroes.curation), members=1, seed=0) as crowd,
    ):
        for _ in range(1, size.generations):
            generations.append(await _next_model(app, crowd, size))
            await crowd.run_operator_command("models promote", model=generations[-1]["tuning"]["model"])
    return generations


@asynccontextmanager
async def _copied_installation(
    origin: Path, data: Path, size: Size, engine_url: str | None
) -> AsyncIterator[App]:
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(origin, data)
    async with installation(data, size, engine_url) as app:
        async with app.db.write() as tx:  # the simulated server with these messages is gone
            await descriptions.forget_messages(tx)
            await jobs.forget_messages(tx)
        yield app


async def _generation(app: App, crowd: Crowd, heroes: Iterator[Hero], size: Size) -> Generation:
    """Let members ask and rate, the operator tune the live model further, and members duel both."""
    thumbs = await crowd.ask_and_rate([next(heroes) for _ in range(size.asked)], size.readers)
    generation = await _next_model(app, crowd, size)
    candidate = await app.registry.get(generation["tuning"]["model"])
    await crowd.run_duels(heroes)
    trial = await _trial_result(app, candidate)
    if not trial["promoted"]:
        await crowd.run_operator_command("models retire", model=candidate.id)
    return {"thumbs": thumbs, **generation, "trial": trial, "errors": crowd.errors}


async def _next_model(app: App, crowd: Crowd, size: Size) -> Generation:
    """Let the operator build the next dataset and tune the live model further on it."""
    live = await app.registry.live()
    assert live is not None  # noqa: S101 (the first generation left one)
    built = await crowd.run_job("build-dataset", limit=size.kept)
    tuned = await crowd.run_job("finetune", **{"base-model": live.name, "epochs": size.epochs[1]})
    candidate = await app.registry.get(tuned.result_as(FinetuneResult).model)
    return {**_results(built, tuned), **await _measure_model(app, candidate, size)}


def _results(built: Job, tuned: Job) -> dict[str, Any]:
    return {
        "dataset": built.result_as(BuildResult).to_json(),
        "tuning": tuned.result_as(FinetuneResult).to_json(),
    }


async def _measure_model(app: App, model: Model, size: Size) -> Generation:
    """Return a model's texts for heroes that nobody asks for, one each, with their scores."""
    curation, vocabulary = app.heroes.curation, app.heroes.vocabulary
    preference = PreferenceModel(curation)
    heroes = [hero for hero in unseen_heroes(vocabulary, 400) if vocabulary.trains(hero)][: size.probe]
    answers = await ask_for_each(app, model.served_as or model.name, heroes, app.heroes.prompts.tuned_request)
    probe = [
        {
            "hero": answer.hero.typed,
            "words": len(answer.text.split()),
            "power_named": curation.names_power(answer.hero, answer.text),
            "fault": curation.rejection_reason(answer.hero, curation.trim(answer.text)),
            "score": round(preference.score(answer.hero, answer.text), 4),
            "text": answer.text,
        }
        for answer in answers
    ]
    return {"model": model.name, "probe": probe}


async def _trial_result(app: App, candidate: Model) -> Generation:
    """Return how the candidate's only trial ended."""
    (standing,) = await app.trials.of_model(candidate.id)
    tally = standing.tally
    return {
        **asdict(tally),
        "state": standing.trial.state,
        "evidence": round(standing.test.evidence(tally.wins, tally.losses), 3),
        "interval": list(standing.test.interval(tally.wins, tally.losses)),
        "promoted": (await app.registry.get(candidate.id)).state == "live",
    }


def _requested_heroes(vocabulary: Vocabulary, seed: int) -> Iterator[Hero]:
    """Yield heroes to ask for, endlessly: any age except the probe's, any power of the vocabulary."""
    rng = random.Random(f"asked {seed}")  # noqa: S311 (a simulation)
    ages = [age for age in range(vocabulary.limits.youngest, 100) if age not in vocabulary.unseen.ages]
    while True:
        yield Hero(rng.choice(ages), rng.choice(vocabulary.grid.genders), rng.choice(vocabulary.powers))
