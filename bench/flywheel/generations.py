"""Generations of models: the first one, and the later ones of a line, each in a copy of the one before."""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.common.errors import BenchError
from bench.flywheel.crowd import HOME, Crowd, open_crowd
from bench.flywheel.lines import LINES
from bench.flywheel.tastes import TASTES, Coin, Judge, Reader, TasteName, score
from bot.app import App, open_app
from bot.dataset.build.builder import ENGINE_WORKERS
from bot.heroes.adherence import Answer, keeps_all_rules, unfit_reason
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary
from bot.llm.budget import Account
from bot.processes import run_engine, run_worker
from bot.settings import Settings
from bot.store import datasets, descriptions, duels, jobs
from bot.store.datasets import Dataset, DatasetKind
from bot.store.job_schema import BuildResult, FinetuneResult
from bot.store.jobs import Job
from bot.store.models import Model
from bot.tuning.estimate import DATASET_KINDS
from bot.tuning.model_reader import ModelReader

Generation = dict[str, Any]
"""The figures of one generation, ready for JSON."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in a run.

    examples: that a model writes for the first dataset; None: the first model learns the texts that come with
    the bot. kept: written examples in the later datasets, beside liked texts. epochs: of the first training
    (None: the engine chooses) and of the later ones. asked: heroes that members ask for in a generation, each
    so many `times`. readers: who rate each text. duels: counted results after which a trial ends undecided;
    coin_duels: the same where a coin decides. probe: heroes by which a model is scored and checked.
    """

    generations: int
    members: int
    examples: int | None
    kept: int
    epochs: tuple[int | None, int]
    asked: int
    times: int
    readers: int
    duels: int
    coin_duels: int
    probe: int


FULL = Size(
    generations=3,
    members=150,
    examples=None,
    kept=14,
    epochs=(None, 3),
    asked=40,
    times=2,
    readers=5,
    duels=100,
    coin_duels=20,
    probe=40,
)
QUICK = Size(
    generations=2,
    members=20,
    examples=16,
    kept=14,
    epochs=(1, 1),
    asked=2,
    times=2,
    readers=3,
    duels=6,
    coin_duels=2,
    probe=4,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a generation stands: its line, and its number. taste and seed: None if it depends on none."""

    line: str
    taste: TasteName | None
    seed: int | None
    number: int

    @property
    def moment(self) -> str:
        """What determines who does what; the same in all lines, which so begin with the same requests."""
        return f"{self.seed} {self.number}"


@asynccontextmanager
async def _installation(
    data: Path, size: Size, engine_url: str | None, *, trial_duels: int | None = None
) -> AsyncIterator[App]:
    """Open the whole bot with engine and worker on a folder of its own, ignoring the environment.

    Duels come from /duel alone and there are no rematches, so each generation has one trial, of at most so
    many results.
    """
    defaults = Settings.model_construct(
        data_dir=data,
        engine_url=engine_url,
        home_guilds=frozenset({HOME}),
        auto_promote=True,
        duel_share=0.0,
        cooldown=0.0,  # the crowd is faster than people
        rematch_days=0.0,
        trial_duels=trial_duels or size.duels,
        check_heroes=size.probe,
    )
    async with run_engine(defaults) as settings, run_worker(settings), open_app(settings) as app:
        async with app.db.write() as tx:  # a simulated server of an earlier generation is gone
            await descriptions.forget_messages(tx)
            await duels.forget_messages(tx)
            await jobs.forget_messages(tx)
        yield app


async def first_generation(data: Path, size: Size, *, engine_url: str | None = None) -> Generation:
    """Build the first dataset, and tune the first model on it; it goes live."""
    async with (
        _installation(data, size, engine_url) as app,
        open_crowd(app, [Coin("0", "first")], "first") as crowd,
    ):
        texts = {"source": "shipped"} if size.examples is None else {"limit": size.examples}
        built = await crowd.run_job("build-dataset", **texts)
        tuned = await crowd.run_job("finetune", **_epochs(size.epochs[0]))
        figures = {"dataset": built.result_as(BuildResult).to_json(), **await _measure(app, tuned, size)}
        return _figures(Place("first", None, None, 1), figures)


async def ask_and_rate(
    data: Path, size: Size, place: Place, *, engine_url: str | None = None
) -> dict[str, int]:
    """Let members ask for heroes and rate them, before the next dataset. Return the number of thumbs."""
    async with (
        _installation(data, size, engine_url) as app,
        open_crowd(app, _judges(app, size, place, "asks"), f"asks {place.moment}") as crowd,
    ):
        return await _ask_and_rate(app, crowd, size, place)


async def next_generation(
    data: Path, size: Size, place: Place, thumbs: dict[str, int] | None, *, engine_url: str | None = None
) -> Generation:
    """Let members ask and rate, the operator tune the live model further, and members duel both.

    thumbs: how many of the members' thumbs there are already; None: they have not asked yet.
    """
    line = LINES[place.line]
    trial_duels = size.duels if line.votes == "readers" else size.coin_duels
    async with (
        _installation(data, size, engine_url, trial_duels=trial_duels) as app,
        open_crowd(app, _judges(app, size, place, "later"), place.moment) as crowd,
    ):
        if thumbs is None and line.votes != "nobody":
            thumbs = await _ask_and_rate(app, crowd, size, place)
        live = await app.registry.live()
        assert live is not None  # noqa: S101 (the first generation left one)
        figures = await _next_model(app, crowd, size, place, live)
        candidate = await app.registry.get(figures["tuning"]["model"])
        trial = None
        if line.votes != "nobody":
            await crowd.run_duels(_heroes(app.heroes.vocabulary, f"duels {place.moment}"))
            trial = await _trial_result(app, candidate)
        await _end_trial(app, crowd, candidate, keeps=line.votes != "readers")
        return _figures(
            place, {"thumbs": thumbs, "live": live.name, **figures, "trial": trial, "errors": crowd.errors}
        )


def _figures(place: Place, figures: Generation) -> Generation:
    return {
        "line": place.line,
        "taste": place.taste,
        "seed": place.seed,
        "generation": place.number,
        **figures,
    }


def _epochs(epochs: int | None) -> dict[str, int]:
    return {} if epochs is None else {"epochs": epochs}


def _judges(app: App, size: Size, place: Place, what: str) -> list[Judge]:
    """Return the members: the same people in all generations, with other clicks in each."""
    people, moment = [f"{place.seed}:{number}" for number in range(size.members)], f"{what} {place.moment}"
    if place.taste is None:
        return [Coin(person, moment) for person in people]
    taste = TASTES[place.taste](app.heroes.curation)
    return [Reader(taste, person, moment) for person in people]


async def _ask_and_rate(app: App, crowd: Crowd, size: Size, place: Place) -> dict[str, int]:
    heroes = _heroes(app.heroes.vocabulary, f"asked {place.moment}")
    asked = [hero for hero, _ in zip(heroes, range(size.asked), strict=False)]
    # all heroes once, then all again: pairs need two texts of a hero
    return await crowd.ask_and_rate(asked * size.times, size.readers)


async def _next_model(app: App, crowd: Crowd, size: Size, place: Place, live: Model) -> Generation:
    """Let the operator build the next dataset and tune the live model further on it."""
    line = LINES[place.line]
    options: dict[str, Any] = {"base-model": live.name, **_epochs(size.epochs[1])}
    judged = None
    if line.method != "supervised":
        judged = await _judged_dataset(app, crowd, DATASET_KINDS[line.method])  # type: ignore[index]
    if judged:
        dataset = {"dataset": judged.id, "counts": judged.counts}
        options |= {"dataset": judged.id, "method": line.method}
    else:  # of this method, or because there are too few pairs yet
        built = await crowd.run_job(
            "build-dataset", source="model-only", limit=size.kept, **(line.build or {})
        )
        dataset = built.result_as(BuildResult).to_json()
    tuned = await crowd.run_job("finetune", **options)
    method = line.method if judged else "supervised"
    return {"dataset": dataset, "method": method, **await _measure(app, tuned, size)}


async def _judged_dataset(app: App, crowd: Crowd, kind: DatasetKind) -> Dataset | None:
    """Let the operator freeze what people judged. Return None if that is too little to train on."""
    async with app.db.read() as tx:
        before = await datasets.get_latest(tx, kind)
    await crowd.run_operator_command("build-dataset", kind=kind)
    async with app.db.read() as tx:
        newest = await datasets.get_latest(tx, kind)
    return None if newest is None or (before and before.id == newest.id) else newest


async def _measure(app: App, tuned: Job, size: Size) -> Generation:
    """Return a new model's check, and its texts of heroes that nobody asks for, with their scores.

    They are the texts that the check read. A model that was held back is let through: readers judge each
    generation here, and so tell whether the check was right.
    """
    result = tuned.result_as(FinetuneResult)
    model = await app.registry.get(result.model)
    if model.verdict is None:
        raise BenchError(f"Model {model.id} was not checked: {result.unchecked}")
    reader = ModelReader(
        app.db,
        app.client,
        app.heroes,
        app.leases,
        number=size.probe,
        workers=ENGINE_WORKERS,
        drain=app.timing.build.drain,
    )
    answers = await reader.read(model, Account("hero"), _ignore_progress)
    tuning = result.model_copy(update={"heroes": []}).to_json()
    figures = {"tuning": tuning, "model": model.name, "gate": model.verdict.to_json()}
    if model.state == "held back":
        await app.registry.conclude(model.id, model.verdict.model_copy(update={"faults": []}))
    return {**figures, "probe": [_probed(answer, app.heroes) for answer in answers]}


async def _ignore_progress(_done: int, _total: int) -> None:
    """Nobody waits: the texts are stored already."""


def _probed(answer: Answer, heroes: HeroesConfig) -> dict[str, Any]:
    return {
        "hero": answer.hero.typed,
        "words": len(answer.text.split()),
        "fault": unfit_reason(answer, heroes.curation),
        "all_rules": keeps_all_rules(answer, heroes.curation),
        "scores": {
            name: round(score(make(heroes.curation), answer.hero, answer.text), 4)
            for name, make in TASTES.items()
        },
        "text": answer.text,
    }


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


async def _end_trial(app: App, crowd: Crowd, candidate: Model, *, keeps: bool) -> None:
    """Let the operator retire a candidate that did not win, or make it live if no reader judged it."""
    if (await app.registry.get(candidate.id)).state == "live":
        return
    command = "models promote" if keeps else "models retire"
    await crowd.run_operator_command(command, model=candidate.id)
    found = await app.registry.get(candidate.id)
    if keeps and found.state != "live":
        raise BenchError(f"Model {candidate.id} was not promoted, it is {found.state}.")


def _heroes(vocabulary: Vocabulary, seed: str) -> Iterator[Hero]:
    """Yield heroes to ask for, endlessly: any age except the probe's, any power of the vocabulary."""
    rng = random.Random(seed)  # noqa: S311 (a simulation)
    ages = [age for age in range(vocabulary.limits.youngest, 100) if age not in vocabulary.unseen.ages]
    powers: Sequence[str] = vocabulary.powers
    while True:
        yield Hero(rng.choice(ages), rng.choice(vocabulary.grid.genders), rng.choice(powers))
